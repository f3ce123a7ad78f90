// The tug of war: the gradients of two tasks on the weights that they share, and what comes of it.

const TICK = 420; // ms from one measured step to the next, when playing

function render({ model, el }) {
  const { shares, steps, pulls, scores, label, colors: roles } = model.get("state");
  const recipe = scores.scene[1].share; // between motion alone and context alone
  const most = 0.5 * Math.max(...pulls.context, ...pulls.motion); // longer arrows are cut off
  let run = shares.indexOf(recipe); // which share is chosen
  let [at, playing, held, turned] = [0, false, null, 0];
  let shown = null; // weighted lengths and the angle, eased towards those of the share and step

  const here = stage(el, { label, roles, heightOf: (width) => layout(width).height, draw });

  const weighted = (r, t) => [shares[r] * pulls.context[t], (1 - shares[r]) * pulls.motion[t], Math.acos(pulls.cosine[t])];
  const short = (value, digits = 2) => value.toFixed(digits);

  function layout(width) {
    const narrow = width < 620;
    const side = narrow ? Math.min(width - 16, 320) : Math.min(400, width * 0.46);
    const x = narrow ? 34 : side + 62;
    const across = narrow ? width - 46 : width - side - 78;
    const tall = narrow ? 120 : (side - 96) / 2;
    const top = narrow ? side + 62 : 32;
    const time = { x, y: top, width: across, height: tall };
    const score = { x, y: top + tall + 70, width: across, height: tall };
    return { narrow, arrows: { x: narrow ? (width - side) / 2 : 4, y: 26, side }, time, score, height: score.y + tall + (narrow ? 60 : 42) };
  }

  function arrow(context, x, y, dx, dy, color, width) {
    const length = Math.hypot(dx, dy);
    if (length < 1) return;
    const [u, v, head] = [dx / length, dy / length, Math.min(16, length)];
    Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: width, lineCap: "round" });
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx - 0.8 * head * u, y + dy - 0.8 * head * v);
    context.stroke();
    context.beginPath();
    context.moveTo(x + dx, y + dy);
    context.lineTo(x + dx - head * u - 0.5 * head * v, y + dy - head * v + 0.5 * head * u);
    context.lineTo(x + dx - head * u + 0.5 * head * v, y + dy - head * v - 0.5 * head * u);
    context.fill();
  }

  function drawArrows(context, colors, { arrows: { x, y, side } }) {
    write(context, "How the tasks pull at the shared weights", x, 15, colors.ink);
    context.fillStyle = colors.dark ? "#1b2127" : "#f4f6f8";
    context.fillRect(x, y, side, side);
    const [ox, oy] = [x + side / 2, y + 0.8 * side];
    const scale = (0.72 * side) / most;
    context.save();
    context.beginPath();
    context.rect(x, y, side, side);
    context.clip();
    for (let ring = 1; ring <= Math.floor(most); ring++) {
      Object.assign(context, { strokeStyle: colors.line, lineWidth: 1 });
      context.beginPath();
      context.arc(ox, oy, scale * ring, Math.PI, 2 * Math.PI);
      context.stroke();
      write(context, String(ring), ox + scale * ring, oy + 14, colors.soft, "11px", "center");
    }
    write(context, "length of a gradient, times its weight", x + side / 2, y + side - 12, colors.soft, "12px", "center");
    const [c, m, angle] = shown;
    const ends = [["context", c, Math.PI / 2 + angle / 2], ["motion", m, Math.PI / 2 - angle / 2]].map(([name, length, way]) => [
      name, scale * length * Math.cos(way), -scale * length * Math.sin(way),
    ]);
    const sum = [ends[0][1] + ends[1][1], ends[0][2] + ends[1][2]];
    Object.assign(context, { strokeStyle: colors.ink, lineWidth: 1.5 });
    context.beginPath();
    context.arc(ox, oy, 0.11 * side, -Math.PI / 2 - angle / 2, -Math.PI / 2 + angle / 2);
    context.stroke();
    write(context, `angle, over many batches: ${Math.round((180 * angle) / Math.PI)}°`, x + 10, y + 20, colors.ink, "12px");
    for (const [, dx, dy] of ends) rule(context, colors.soft, ox + dx, oy + dy, sum[0] - dx, sum[1] - dy, [3, 4]);
    arrow(context, ox, oy, ...sum, colors.joint, 3);
    for (const [name, dx, dy] of ends) {
      arrow(context, ox, oy, dx, dy, colors[name], 5);
      if (Math.hypot(dx, dy) > 14) write(context, name, ox + dx + (dx < 0 ? -6 : 6), oy + dy - 4, colors[name], "600 13px", dx < 0 ? "right" : "left");
    }
    if (Math.hypot(...sum) > 40) write(context, "both", ox + sum[0], oy + sum[1] - 10, colors.joint, "600 13px", "center");
    context.beginPath();
    context.arc(ox, oy, 6, 0, 7);
    context.fillStyle = colors.ink;
    context.fill();
    context.restore();
  }

  function axes(context, colors, { x, y, width, height }, title, top) {
    write(context, title, x - 26, y - 14, colors.ink);
    for (const part of [0, 0.5, 1]) {
      rule(context, colors.line, x, y + height * (1 - part), width, 0);
      write(context, String(Math.round(100 * top * part) / 100).replace(/^0\./, "."), x - 6, y + height * (1 - part) + 4, colors.soft, "11px", "right");
    }
  }

  function line(context, places, color, dash, square) {
    Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: 2.5 });
    context.setLineDash(dash);
    context.beginPath();
    places.forEach((place, i) => context[i ? "lineTo" : "moveTo"](...place));
    context.stroke();
    context.setLineDash([]);
    for (const [px, py] of places) {
      context.beginPath();
      if (square) context.rect(px - 3.5, py - 3.5, 7, 7); // not by color alone
      else context.arc(px, py, 3.8, 0, 7);
      context.fill();
    }
  }

  const timeX = ({ x, width }, t) => x + (width * steps[t]) / steps.at(-1);
  const shareX = ({ x, width }, share) => x + width * share;

  function drawTime(context, colors, box) {
    const top = Math.ceil(most);
    axes(context, colors, box, "Whose gradient is longer, step by step", top);
    const yOf = (value) => box.y + box.height * (1 - value / top);
    for (const [i, name, dash] of [[0, "context", []], [1, "motion", [7, 4]]]) {
      line(context, steps.map((_, t) => [timeX(box, t), yOf(weighted(run, t)[i])]), colors[name], dash, i === 0);
    }
    rule(context, colors.ink, timeX(box, at), box.y - 4, 0, box.height + 4);
    write(context, `step ${steps[at]}`, Math.max(box.x + 20, Math.min(box.x + box.width - 24, timeX(box, at))), box.y + box.height + 17, colors.ink, "600 12px", "center");
  }

  function drawScores(context, colors, { score: box, narrow }) {
    axes(context, colors, box, "What is found after whole trainings (R@1)", 1);
    const yOf = (value) => box.y + box.height * (1 - value);
    rule(context, colors.ink, shareX(box, shares[run]), box.y - 4, 0, box.height + 4);
    for (const [name, role] of [["scene", "context"], ["action", "motion"]]) {
      const places = scores[name].map(({ share, mean }) => [shareX(box, share), yOf(mean)]);
      line(context, places, colors[role], [2, 4], role === "context");
      scores[name].forEach(({ share, mean, spread }, i) => {
        const [x, y] = places[i];
        rule(context, colors[role], x, yOf(mean + spread), 0, yOf(mean - spread) - yOf(mean + spread));
        const other = scores[name === "scene" ? "action" : "scene"][i].mean;
        const align = share > 0.9 ? "right" : "left";
        write(context, mean.toFixed(2).replace(/^0/, ""), x + (align === "right" ? -7 : 7), y + (mean < other ? 17 : -7), colors[role], "600 12px", align);
      });
    }
    write(context, "← motion only", box.x, box.y + box.height + 17, colors.motion, "600 12px");
    write(context, "context only →", box.x + box.width, box.y + box.height + 17, colors.context, "600 12px", "right");
    write(context, "■ scenes, by the context part", box.x, box.y + box.height + 35, colors.context, "12px");
    const [x, y] = narrow ? [box.x, box.height + 53] : [box.x + 190, box.height + 35];
    write(context, "● actions, by the motion part", x, box.y + y, colors.motion, "12px");
  }

  function draw(context, { width, colors, now }) {
    const shape = layout(width);
    if (playing && now - turned > TICK) {
      turned = now;
      set(run, (at + 1) % steps.length);
    }
    const goal = weighted(run, at);
    const ease = still.matches || !shown ? 1 : 0.16;
    shown = goal.map((value, i) => (ease === 1 ? value : shown[i] + ease * (value - shown[i])));
    const moving = goal.some((value, i) => Math.abs(value - shown[i]) > 0.003);
    drawArrows(context, colors, shape);
    drawTime(context, colors, shape.time);
    drawScores(context, colors, shape);
    return playing || moving;
  }

  function set(otherRun, otherStep) {
    run = Math.max(0, Math.min(shares.length - 1, otherRun));
    at = Math.max(0, Math.min(steps.length - 1, otherStep));
    const [c, m] = weighted(run, at);
    const cosine = pulls.cosine[at];
    Object.assign(el.dataset, { share: shares[run], step: steps[at], pulls: `${c.toFixed(4)} ${m.toFixed(4)}` });
    const way = cosine > 0.2 ? "they agree in part" : cosine < -0.2 ? "each undoes part of the other's work" : "neither does much for or against the other";
    const place = scores.scene.findIndex(({ share }) => share === shares[run]);
    const found = (name) => `${name}s .${Math.round(100 * scores[name][place].mean)}`;
    here.say(
      `Context has weight ${short(shares[run])}, motion ${short(1 - shares[run])}. At step ${steps[at]} the weighted gradient of context has length ${short(c)}, that of motion ${short(m)}; ` +
      `the cosine of the gradients, averaged over many batches, is ${short(cosine)}: ${way}.` +
      (place < 0 ? "" : ` Networks trained so to the end find ${found("scene")} and ${found("action")} (R@1).`),
    );
    for (const [part, value] of [[weight, run], [time, at]]) {
      const input = part.querySelector("input");
      if (Number(input.value) === value) continue;
      input.value = value;
      input.dispatchEvent(new Event("input"));
    }
    here.invalidate();
  }

  const nearest = (places, px) => places.reduce((best, place, i) => (Math.abs(place - px) < Math.abs(places[best] - px) ? i : best), 0);
  function pull(event) {
    const [px] = here.at(event);
    const shape = layout(here.canvas.clientWidth);
    if (held === "time") set(run, nearest(steps.map((_, t) => timeX(shape.time, t)), px));
    else set(nearest(shares.map((share) => shareX(shape.score, share)), px), at);
  }
  here.canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = here.at(event);
    const shape = layout(here.canvas.clientWidth);
    held = ["time", "score"].find((name) => {
      const box = shape[name];
      return px > box.x - 12 && px < box.x + box.width + 12 && py > box.y - 12 && py < box.y + box.height + 22;
    }) ?? null;
    if (!held) return;
    event.preventDefault();
    here.canvas.focus();
    here.canvas.setPointerCapture(event.pointerId);
    pull(event);
  });
  here.canvas.addEventListener("pointermove", (event) => held && pull(event));
  for (const end of ["pointerup", "pointercancel"]) here.canvas.addEventListener(end, () => { held = null; });
  here.canvas.addEventListener("touchmove", (event) => held && event.preventDefault(), { passive: false });
  here.canvas.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (event.key === " ") play.click();
    else if (dx || dy) set(run + dy, at + dx);
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the arrow for itself
  });

  const weight = slider("weight of context", { min: 0, max: shares.length - 1, step: 1, value: run, describe: (r) => (shares[r] === recipe ? `${short(recipe)}, the recipe` : short(shares[r])) }, (r) => r !== run && set(r, at));
  const time = slider("step", { min: 0, max: steps.length - 1, step: 1, value: at, describe: (t) => String(steps[t]) }, (t) => t !== at && set(run, t));
  const play = button("Play", () => {
    playing = !playing;
    play.textContent = playing ? "Pause" : "Play";
    here.invalidate();
  });
  here.controls.append(weight, time, play);
  set(run, at);
  return here.close;
}

export default { render };
