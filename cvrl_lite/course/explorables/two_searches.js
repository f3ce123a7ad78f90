// Two searches: the nearest clips of a query while the weight goes from the context to the motion part.

function render({ model, el }) {
  const state = model.get("state");
  const data = model.get("data");
  const { sheet, neighbors, steps, names } = state;
  const count = state.queries.scene.length;
  const size = state.gallery.scene.length;
  const cosines = (query, part, clip) => data.getInt16(2 * ((query * 2 + part) * size + clip), true) / 32767;
  const strip = new Map(state.shown.map((clip, i) => [clip, count + i])); // of a clip of the gallery
  let [query, weight, playing, pictures] = [0, 0, !still.matches, null];
  let start = performance.now();
  let paused = 0; // the frame at which the clips stand
  let order = [];
  const where = new Map(); // of each clip on the way: its place, eased towards the one it is to take

  const here = stage(el, {
    label: state.label,
    roles: state.colors,
    heightOf: (width) => layout(width).height,
    draw,
    above: true,
  });

  createImageBitmap(new Blob([data.buffer.slice(data.byteOffset + 2 * state.cosines, data.byteOffset + data.byteLength)], { type: "image/webp" }))
    .then((bitmap) => {
      pictures = bitmap;
      here.invalidate();
    });

  function layout(width) {
    const narrow = width < 620;
    const pad = 12;
    const thumb = Math.min(78, (width - 2 * pad - (count - 1) * 6) / count);
    const top = 32 + thumb + 36;
    const columns = narrow ? 3 : neighbors + 1;
    const tile = Math.min(120, (width - 2 * pad - (columns - 1) * 14 - (narrow ? 0 : 18)) / columns);
    const slots = Array.from({ length: neighbors }, (_, i) => {
      const cell = i + 1; // the query has the first
      return [pad + (cell % columns) * (tile + 14) + (narrow ? 0 : 18), top + Math.floor(cell / columns) * (tile + 58)];
    });
    const below = top + (narrow ? 2 : 1) * (tile + 58) + 22;
    const scatter = narrow ? Math.min(width - 2 * pad - 30, 300) : 250;
    const curve = narrow
      ? { x: pad + 30, y: below + scatter + 76, width: width - 2 * pad - 40, height: 120 }
      : { x: pad + scatter + 110, y: below + 4, width: width - scatter - 2 * pad - 130, height: scatter - 4 };
    return {
      narrow, pad, thumb, tile, slots, query: [pad, top], curve,
      map: { x: pad + 30, y: below, side: scatter }, height: curve.y + curve.height + 46,
    };
  }

  function rank() {
    const score = (clip) => (1 - weight) * cosines(query, 0, clip) + weight * cosines(query, 1, clip);
    const scored = state.shown.map((clip) => [score(clip), clip]);
    scored.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    order = scored.slice(0, neighbors).map(([, clip]) => clip);
    el.dataset.nearest = order.join(" ");
    const agree = (name) => order.filter((clip) => state.gallery[name][clip] === state.queries[name][query]).length;
    here.say(`Query ${query + 1} of ${count}: ${title("queries", query)}. Of its ${neighbors} nearest, ${agree("scene")} show the same scene and ${agree("action")} the same action.`);
    here.invalidate();
  }

  const label = (set, name, clip) => names[name][state[set][name][clip]];
  const title = (set, clip) => `${label(set, "scene", clip)}, ${label(set, "action", clip)}`;

  function frameAt(now) {
    const ticks = Math.floor((now - start) / sheet.interval);
    return Math.min(ticks % (sheet.frames + 3), sheet.frames - 1); // the last frame rests a moment
  }

  function film(context, number, frame, x, y, side) {
    if (!pictures) return;
    const left = ((number % sheet.columns) * sheet.frames + frame) * sheet.side;
    context.save();
    context.beginPath();
    context.roundRect(x, y, side, side, 6);
    context.clip();
    context.drawImage(pictures, left + 0.5, Math.floor(number / sheet.columns) * sheet.side + 0.5, sheet.side - 1, sheet.side - 1, x, y, side, side);
    context.restore();
  }

  function captions(context, colors, clip, x, y, tile) {
    for (const [line, [name, role]] of [["scene", "context"], ["action", "motion"]].entries()) {
      const same = state.gallery[name][clip] === state.queries[name][query];
      const words = `${same ? "✓" : "✗"} ${label("gallery", name, clip)}`;
      write(context, words, x, y + tile + 17 + 17 * line, same ? colors[role] : colors.soft, same ? "600 13px" : "13px");
    }
  }

  function drawTop(context, colors, shape, frame) {
    write(context, "Pick a query", shape.pad, 20, colors.ink, "600 14px");
    for (let i = 0; i < count; i++) {
      const x = shape.pad + i * (shape.thumb + 6);
      context.globalAlpha = i === query ? 1 : 0.62;
      film(context, i, frame, x, 32, shape.thumb);
      context.globalAlpha = 1;
      if (i !== query) continue;
      context.lineWidth = 3;
      context.strokeStyle = colors.ink;
      context.beginPath();
      context.roundRect(x - 1.5, 30.5, shape.thumb + 3, shape.thumb + 3, 8);
      context.stroke();
    }
    const [x, y] = shape.query;
    write(context, "query", x, y - 8, colors.ink, "600 14px");
    film(context, query, frame, x, y, shape.tile);
    write(context, label("queries", "scene", query), x, y + shape.tile + 17, colors.context, "600 13px");
    write(context, label("queries", "action", query), x, y + shape.tile + 34, colors.motion, "600 13px");
    if (!shape.narrow) write(context, "nearest clips of the gallery", shape.slots[0][0], y - 8, colors.ink, "600 14px");
  }

  function drawNeighbors(context, colors, shape, frame) {
    let moving = false;
    for (const [clip, spot] of where) if (!order.includes(clip)) spot.to = 0;
    order.forEach((clip, place) => {
      const spot = where.get(clip) ?? { x: shape.slots[place][0], y: shape.slots[place][1] + 14, shown: 0 };
      where.set(clip, Object.assign(spot, { to: 1, goal: shape.slots[place] }));
    });
    const ease = still.matches ? 1 : 0.22;
    for (const [clip, spot] of where) {
      const before = [spot.x, spot.y, spot.shown];
      spot.x += ease * (spot.goal[0] - spot.x);
      spot.y += ease * (spot.goal[1] - spot.y);
      spot.shown += (spot.to ? ease : Math.min(1, 2 * ease)) * (spot.to - spot.shown);
      if (!spot.to && spot.shown < 0.03) where.delete(clip);
      moving ||= Math.abs(before[0] - spot.x) + Math.abs(before[1] - spot.y) > 0.2 || Math.abs(before[2] - spot.shown) > 0.01;
      context.globalAlpha = Math.min(1, spot.shown + 0.02);
      film(context, strip.get(clip), frame, spot.x, spot.y, shape.tile);
      captions(context, colors, clip, spot.x, spot.y, shape.tile);
      context.globalAlpha = 1;
    }
    return moving;
  }

  // Every clip of the gallery by its two cosines. The slider turns the line; the first five it meets are shown.
  function drawMap(context, colors, { x, y, side }) {
    const lows = [0, 1].map((part) => Math.max(-1, Math.min(...state.gallery.scene.map((_, clip) => cosines(query, part, clip)))));
    const at = (clip) => [0, 1].map((part) => 0.95 * ((cosines(query, part, clip) - lows[part]) / (1 - lows[part])));
    context.lineWidth = 1;
    context.strokeStyle = colors.line;
    context.strokeRect(x, y, side, side);
    const [a, b] = [(1 - weight) * (1 - lows[0]), weight * (1 - lows[1])]; // the score along the map's axes
    const [u, v] = at(order[neighbors - 1]);
    const level = a * u + b * v;
    context.save();
    context.beginPath();
    context.rect(x, y, side, side);
    context.clip();
    for (let clip = 0; clip < size; clip++) {
      const same = ["scene", "action"].map((name) => state.gallery[name][clip] === state.queries[name][query]);
      const [px, py] = at(clip);
      context.fillStyle = same[0] ? colors.context : same[1] ? colors.motion : colors.soft;
      context.globalAlpha = same[0] || same[1] ? 0.85 : 0.22;
      context.beginPath();
      const [cx, cy] = [x + side * px, y + side * (1 - py)];
      if (same[0]) context.rect(cx - 3, cy - 3, 6, 6); // not by color alone: squares share the scene
      else context.arc(cx, cy, same[1] ? 3 : 2, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
    context.strokeStyle = colors.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    const far = 3;
    const norm = Math.hypot(a, b);
    const [mx, my] = [(a * level) / norm ** 2, (b * level) / norm ** 2];
    context.moveTo(x + side * (mx - (far * b) / norm), y + side * (1 - my - (far * a) / norm));
    context.lineTo(x + side * (mx + (far * b) / norm), y + side * (1 - my + (far * a) / norm));
    context.stroke();
    for (const clip of order) {
      const [px, py] = at(clip);
      context.beginPath();
      context.arc(x + side * px, y + side * (1 - py), 6.5, 0, 7);
      context.stroke();
    }
    context.restore();
    write(context, "The gallery, by cosine with the query", x, y - 10, colors.ink, "600 13px");
    write(context, "context part: same place →", x + side, y + side + 18, colors.context, "600 12px", "right");
    context.save();
    context.translate(x - 9, y + side);
    context.rotate(-Math.PI / 2);
    write(context, "motion part: same motion →", side, 0, colors.motion, "600 12px", "right");
    context.restore();
    write(context, "■ same scene", x, y + side + 38, colors.context, "12px");
    write(context, "● same action", x + 92, y + side + 38, colors.motion, "12px");
    write(context, "○ nearest", x + 190, y + side + 38, colors.ink, "12px");
  }

  function drawCurves(context, colors, { x, y, width, height }) {
    write(context, "Nearest clip agrees, over all queries (R@1)", x, y - 14, colors.ink, "600 13px");
    for (const share of [0, 0.5, 1]) {
      const level = y + height * (1 - share);
      rule(context, colors.line, x, level, width, 0);
      write(context, share, x - 8, level + 4, colors.soft, "12px", "right");
    }
    for (const [name, role, dash] of [["scene", "context", []], ["action", "motion", [7, 4]]]) {
      const at = (i) => [x + (width * i) / steps, y + height * (1 - state.curves[name][i])];
      context.strokeStyle = colors[role];
      context.lineWidth = 2.5;
      context.setLineDash(dash);
      context.beginPath();
      for (let i = 0; i <= steps; i++) context[i ? "lineTo" : "moveTo"](...at(i));
      context.stroke();
      context.setLineDash([]);
      const [px, py] = at(Math.round(weight * steps));
      context.fillStyle = colors[role];
      context.beginPath();
      context.arc(px, py, 5, 0, 7);
      context.fill();
      const right = weight > 0.75;
      const other = state.curves[name === "scene" ? "action" : "scene"][Math.round(weight * steps)];
      const under = state.curves[name][Math.round(weight * steps)] < other || py < y + 16;
      write(context, `${name} ${state.curves[name][Math.round(weight * steps)].toFixed(2)}`, px + (right ? -10 : 10), py + (under && py < y + height - 20 ? 19 : -9), colors[role], "600 13px", right ? "right" : "left");
    }
    rule(context, colors.ink, x + width * weight, y, 0, height);
    write(context, "← same place", x, y + height + 18, colors.context, "600 12px");
    write(context, "same motion →", x + width, y + height + 18, colors.motion, "600 12px", "right");
    write(context, `weight of the motion part ${weight.toFixed(2)}`, x, y + height + 34, colors.soft, "12px");
  }

  function draw(context, { width, colors, now }) {
    const shape = layout(width);
    const frame = playing ? frameAt(now) : paused;
    drawTop(context, colors, shape, frame);
    const moving = drawNeighbors(context, colors, shape, frame);
    drawMap(context, colors, shape.map);
    drawCurves(context, colors, shape.curve);
    return playing || moving;
  }

  function pick(other) {
    query = (other + count) % count;
    where.clear();
    rank();
  }

  here.canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = here.at(event);
    const shape = layout(here.canvas.clientWidth);
    const other = Math.floor((x - shape.pad) / (shape.thumb + 6));
    if (y > 28 && y < 36 + shape.thumb && other >= 0 && other < count) pick(other);
  });
  here.canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) pick(query + by);
    else if (event.key === " ") play.click();
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the arrow for itself
  });

  const play = button(playing ? "Pause" : "Play", () => {
    paused = frameAt(performance.now());
    playing = !playing;
    start = performance.now() - paused * sheet.interval;
    play.textContent = playing ? "Pause" : "Play";
    here.invalidate();
  });
  const mixer = slider("same place ↔ motion", {
    min: 0, max: steps, step: 1, value: 0, describe: (step) => (step / steps).toFixed(2),
  }, (step) => {
    weight = step / steps;
    rank();
  });
  here.controls.append(mixer, play);
  rank();
  return here.close;
}

export default { render };
