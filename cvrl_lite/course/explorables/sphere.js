// The sphere of InfoNCE, seen as a circle: windows of one film, each of which should find the next.

// The loss of angles (N,) in nats, its slopes (N,) and each row's probabilities (N - 1 rows of N).
export function infoNCE(angles, temperature, negatives) {
  const count = angles.length;
  const slopes = new Array(count).fill(0);
  const rows = [];
  let loss = 0;
  for (let i = 0; i + 1 < count; i++) {
    const logits = angles.map((angle) => Math.cos(angles[i] - angle) / temperature);
    const taken = (j) => j !== i && (negatives || j === i + 1); // a window is not its own key
    const top = Math.max(...logits.filter((_, j) => taken(j)));
    const powers = logits.map((logit, j) => (taken(j) ? Math.exp(logit - top) : 0));
    const sum = powers.reduce((a, b) => a + b);
    const shares = powers.map((power) => power / sum);
    // Without negatives a softmax has nothing to decide; what is left is the pull: (1 - cosine) / temperature.
    loss += negatives ? top + Math.log(sum) - logits[i + 1] : 1 / temperature - logits[i + 1];
    for (let j = 0; j < count; j++) {
      const own = j === i + 1 ? 1 : 0;
      const slope = ((negatives ? shares[j] - own : -own) / temperature) * Math.sin(angles[i] - angles[j]);
      slopes[i] -= slope / (count - 1);
      slopes[j] += slope / (count - 1);
    }
    rows.push(shares);
  }
  return { loss: loss / (count - 1), slopes, rows };
}

function render({ model, el }) {
  const state = model.get("state");
  const count = state.angles.length;
  const guess = Math.log(count - 1);
  let angles = [...state.angles];
  let [temperature, negatives, running, chosen, held] = [state.temperature, true, false, 0, false];
  let now = infoNCE(angles, temperature, negatives);
  let history = [];
  let [quiet, said] = [0, 0];

  const place = (width, height) => {
    const narrow = width < 560;
    const side = narrow ? width : Math.min(height, width * 0.56);
    return { narrow, x: side / 2, y: (narrow ? side : height) / 2, radius: side / 2 - 46, side };
  };
  let shape = place(760, 420);

  const here = stage(el, {
    label: state.label,
    roles: state.colors,
    heightOf: (width) => (width < 560 ? width + 300 : 420),
    draw,
  });

  function look() {
    now = infoNCE(angles, temperature, negatives);
    const mean = angles.reduce(([x, y], a) => [x + Math.cos(a) / count, y + Math.sin(a) / count], [0, 0]);
    const together = Math.hypot(...mean);
    const verdict =
      together > 0.97 ? " Collapsed: all windows have the same vector, and nothing can be found with it."
      : together < 0.25 && now.loss < guess ? " Spread around the circle, in the order of the film." : "";
    const words = negatives
      ? `Loss ${now.loss.toFixed(2)} nats; a blind guess costs ${guess.toFixed(2)}.`
      : `No negatives: only the pull is left, loss ${now.loss.toFixed(2)}.`;
    const time = performance.now();
    if (!running || time - said > 1000) {
      here.say(words + verdict); // no faster than it can be read out
      said = time;
    }
    el.dataset.loss = now.loss;
    here.invalidate();
  }

  function step() {
    const steepest = Math.max(1e-9, ...now.slopes.map(Math.abs));
    const rate = Math.min(0.6 * temperature * count * 0.25, 0.05 / steepest); // at most .05 radians a step
    angles = angles.map((angle, i) => (held && i === chosen ? angle : angle - rate * now.slopes[i]));
    quiet = steepest * rate < 2e-5 ? quiet + 1 : 0;
    history.push(now.loss);
    if (history.length > 240) history.shift();
    if (quiet > 30 && !held) run(false);
    look();
  }

  function arrow(context, x, y, dx, dy, color, width) {
    const length = Math.hypot(dx, dy);
    if (length < 5) return;
    const [ux, uy] = [dx / length, dy / length];
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx - 6 * ux, y + dy - 6 * uy);
    context.stroke();
    context.beginPath();
    context.moveTo(x + dx, y + dy);
    context.lineTo(x + dx - 9 * ux - 4.5 * uy, y + dy - 9 * uy + 4.5 * ux);
    context.lineTo(x + dx - 9 * ux + 4.5 * uy, y + dy - 9 * uy - 4.5 * ux);
    context.fill();
  }

  function drawCircle(context, colors) {
    const { x, y, radius } = shape;
    const at = angles.map((a) => [x + radius * Math.cos(a), y - radius * Math.sin(a)]);
    context.lineWidth = 1.5;
    context.strokeStyle = colors.line;
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.stroke();
    context.strokeStyle = colors.soft;
    context.globalAlpha = 0.45;
    context.setLineDash([2, 5]);
    context.beginPath();
    at.forEach(([px, py], i) => context[i ? "lineTo" : "moveTo"](px, py));
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (chosen + 1 < count) {
      now.rows[chosen].forEach((share, j) => { // chords: as thick as the key is believed
        const own = j === chosen + 1;
        if (j === chosen || (!negatives && !own)) return;
        context.strokeStyle = own ? colors.context : colors.motion;
        context.globalAlpha = own ? 0.95 : 0.3 + 0.65 * share;
        context.lineWidth = own ? 2.5 : 0.75 + 9 * share;
        context.beginPath();
        context.moveTo(...at[chosen]);
        context.lineTo(...at[j]);
        context.stroke();
        context.globalAlpha = 1;
      });
    }
    const longest = 54;
    const unit = 26 * temperature * count; // so that arrows stay readable at every temperature
    angles.forEach((a, i) => { // descent goes against the slope; angles grow counter-clockwise
      const length = Math.max(-longest, Math.min(longest, -now.slopes[i] * unit));
      const [px, py] = [x + (radius + 21) * Math.cos(a), y - (radius + 21) * Math.sin(a)];
      arrow(context, px, py, -length * Math.sin(a), -length * Math.cos(a), colors.ink, 2);
    });
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    const order = [...at.keys()].sort((i, j) => (i === chosen) - (j === chosen));
    for (const i of order) {
      const [px, py] = at[i];
      const role = i === chosen ? colors.ink : i === chosen + 1 ? colors.context : colors.paper;
      context.beginPath();
      context.arc(px, py, 12.5, 0, 7);
      context.fillStyle = role;
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = i === chosen + 1 ? colors.context : colors.ink;
      context.stroke();
      context.fillStyle = role === colors.paper ? colors.ink : colors.paper;
      context.fillText(i + 1, px, py + 0.5);
    }
  }

  function drawBars(context, colors, left, top, width, height) {
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillStyle = colors.ink;
    context.font = "600 13px system-ui, sans-serif";
    const last = chosen + 1 === count;
    context.fillText(last ? `Window ${count} is the last: no next` : `Window ${chosen + 1} looks for ${chosen + 2}`, left, top);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colors.soft;
    context.fillText(last ? "It asks nothing; it is only a key." : "probability that a window is the next", left, top + 17);
    const base = top + height - 18;
    const slot = width / count;
    rule(context, colors.line, left, base, width, 0);
    context.textAlign = "center";
    for (let j = 0; j < count; j++) {
      const share = last ? 0 : now.rows[chosen][j];
      const tall = share * (height - 62);
      const own = j === chosen + 1;
      context.fillStyle = own ? colors.context : colors.motion;
      context.globalAlpha = own ? 1 : 0.75;
      context.fillRect(left + slot * (j + 0.14), base - tall, slot * 0.72, tall);
      context.globalAlpha = 1;
      context.fillStyle = own ? colors.context : colors.soft;
      context.font = `${own ? 600 : 400} 12px system-ui, sans-serif`;
      context.fillText(j === chosen ? "·" : j + 1, left + slot * (j + 0.5), base + 14);
      if (share > 0.1 && slot > 20) context.fillText(share.toFixed(2).slice(share < 1 ? 1 : 0), left + slot * (j + 0.5), base - tall - 4);
    }
  }

  function drawLoss(context, colors, left, top, width, height) {
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillStyle = colors.ink;
    context.font = "600 13px system-ui, sans-serif";
    context.fillText(`Loss ${now.loss.toFixed(2)}`, left, top);
    const values = [...history, now.loss];
    const most = Math.max(guess * 1.25, ...values);
    const yOf = (value) => top + 14 + (height - 14) * (1 - value / most);
    rule(context, colors.line, left, top + height, width, 0);
    if (negatives) {
      rule(context, colors.soft, left, yOf(guess), width, 0, [4, 4]);
      context.fillStyle = colors.soft;
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "right";
      context.fillText(`blind guess ${guess.toFixed(2)}`, left + width, yOf(guess) - 5);
    }
    context.strokeStyle = colors.context;
    context.lineWidth = 2;
    context.beginPath();
    values.forEach((value, i) => context[i ? "lineTo" : "moveTo"](left + (width * i) / 240, yOf(value)));
    context.stroke();
    context.fillStyle = colors.context;
    context.beginPath();
    context.arc(left + (width * (values.length - 1)) / 240, yOf(now.loss), 4, 0, 7);
    context.fill();
  }

  function draw(context, { width, height, colors }) {
    shape = place(width, height);
    if (running) step();
    drawCircle(context, colors);
    const left = shape.narrow ? 10 : shape.side + 16;
    const room = width - left - 10;
    drawBars(context, colors, left, shape.narrow ? shape.side + 16 : 34, room, shape.narrow ? 150 : 210);
    drawLoss(context, colors, left, shape.narrow ? shape.side + 190 : 276, room, shape.narrow ? 95 : 120);
    return running;
  }

  // Hands: take the nearest window and pull it along the circle.
  const angleAt = ([px, py]) => Math.atan2(shape.y - py, px - shape.x);
  here.canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = here.at(event);
    const away = angles.map((a) => Math.hypot(shape.x + shape.radius * Math.cos(a) - px, shape.y - shape.radius * Math.sin(a) - py));
    const nearest = away.indexOf(Math.min(...away));
    if (away[nearest] > 30) return;
    event.preventDefault();
    here.canvas.focus({ focusVisible: false });
    here.canvas.setPointerCapture(event.pointerId);
    [chosen, held] = [nearest, true];
    look();
  });
  here.canvas.addEventListener("pointermove", (event) => {
    const [px, py] = here.at(event);
    here.canvas.style.cursor = held ? "grabbing" : Math.abs(Math.hypot(px - shape.x, py - shape.y) - shape.radius) < 24 ? "grab" : "";
    if (!held) return;
    angles[chosen] = angleAt([px, py]);
    look();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    here.canvas.addEventListener(end, () => { held = false; });
  }
  here.canvas.addEventListener("touchmove", (event) => held && event.preventDefault(), { passive: false });
  here.canvas.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: 0.1, ArrowRight: -0.1 }[event.key];
    const other = { ArrowUp: 1, ArrowDown: count - 1 }[event.key];
    if (turn) angles[chosen] += turn;
    else if (other) chosen = (chosen + other) % count;
    else if (event.key === " ") run(!running);
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the arrow for itself
    look();
  });

  function run(on) {
    [running, quiet] = [on, 0];
    play.textContent = on ? "Pause" : "Train";
    play.setAttribute("aria-pressed", on);
    here.invalidate();
  }
  const play = button("Train", () => run(!running));
  const remove = button("Remove the negatives", () => {
    negatives = !negatives;
    history = [];
    remove.setAttribute("aria-pressed", !negatives);
    look();
  });
  remove.setAttribute("aria-pressed", false);
  const again = button("Start again", () => {
    [angles, history] = [[...state.angles], []];
    run(false);
    look();
  });
  const degrees = slider("temperature", {
    min: -1.5, max: 0, step: 0.05, value: Math.log10(temperature), describe: (power) => (10 ** power).toFixed(2),
  }, (power) => {
    temperature = 10 ** power;
    quiet = 0;
    look();
  });
  here.controls.append(play, remove, again, degrees);
  look();
  return here.close;
}

export default { render };
