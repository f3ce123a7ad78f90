// What comes next? A clip, its true future, and the windows that fit a network's prediction best at one point.

const NONE = -128; // in place of a vector
const UNIT = 32; // of a vector, in a cell
const SHOWN = 3; // times as long as it is, an arrow
const [TICK, GAP, REST] = [110, 3, 7]; // ms; ticks between clip and future, and at the end

function render({ model, el }) {
  const state = model.get("state");
  const data = model.get("data");
  const { names, own, grid: [rows, columns], cells, frames, sheet, nearest, parts } = state;
  const [clips, points, count] = [names.clips.length, rows * columns, names.windows.length];
  const attentionAt = 2 * clips * points * count;
  const vectorsAt = attentionAt + clips * points * parts * points;
  const pixelsAt = vectorsAt + count * frames.window * 2 * cells * cells;
  let [[clip, point], playing, looks, pictures] = [state.start, !still.matches, true, null];
  let start = performance.now();
  let paused = frames.clip - 1; // the tick at which all stands
  let order = []; // windows, the best first

  const here = stage(el, {
    label: state.label,
    roles: state.colors,
    heightOf: (width) => layout(width).height,
    draw,
  });

  const cosine = (window) => data.getInt16(2 * ((clip * points + point) * count + window), true) / 32767;
  const looked = (part, place) => data.getUint8(attentionAt + ((clip * points + point) * parts + part) * points + place) / 255;
  function flow(window, frame, row, column) {
    const at = vectorsAt + (window * frames.window + frame) * 2 * cells * cells + row * cells + column;
    const x = data.getInt8(at);
    return x === NONE ? null : [x / UNIT, data.getInt8(at + cells * cells) / UNIT];
  }

  function layout(width) {
    const narrow = width < 620;
    const [pad, gap, top] = [8, 16, 32];
    const thumb = Math.min(62, (width - 2 * pad - (clips - 1) * 6) / clips);
    const big = narrow ? (width - 2 * pad - gap) / 2 : Math.min(250, (width - 2 * pad - 2 * gap) * 0.31);
    const y = top + thumb + 40;
    const below = y + big + 48;
    const chart = narrow ? { x: pad, y: below, width: width - 2 * pad, height: 92 } : { x: pad + 2 * (big + gap) + 6, y, width: width - 3 * pad - 2 * (big + gap) - 6, height: big - 26 };
    const tilesAt = narrow ? below + chart.height + 66 : below;
    const across = narrow ? 3 : nearest;
    const tile = Math.min(150, (width - 2 * pad - (across - 1) * gap) / across);
    const tiles = Array.from({ length: nearest }, (_, i) => [pad + (i % across) * (tile + gap), tilesAt + Math.floor(i / across) * (tile + 64)]);
    return { narrow, pad, thumb, top, big, clipAt: [pad, y], futureAt: [pad + big + gap, y], chart, tile, tiles, height: tiles.at(-1)[1] + tile + 46 };
  }

  function choose(otherClip, otherPoint) {
    if (otherClip !== clip) start = performance.now(); // a new clip begins at its beginning
    clip = (otherClip + clips) % clips;
    point = otherPoint;
    order = names.windows.map((_, window) => window).sort((a, b) => cosine(b) - cosine(a) || a - b);
    Object.assign(el.dataset, { clip, point, nearest: order.slice(0, nearest).join(" ") });
    const [rank, all] = [state.rank[clip][point], state.rank_of_all[clip][point]];
    const place = (number) => (number === 1 ? "first" : `number ${number}`);
    here.say(
      `${names.clips[clip]}, point in row ${Math.floor(point / columns) + 1}, column ${(point % columns) + 1}. By its cosine with the prediction, ` +
      `the true future comes ${place(rank)} of ${count} windows at this point, and ${place(all)} of all ${count * points} points.`,
    );
    here.invalidate();
  }

  function film(context, number, x, y, side) {
    if (!pictures) return;
    context.imageSmoothingEnabled = true;
    const [left, top] = [(number % sheet.columns) * sheet.side, Math.floor(number / sheet.columns) * sheet.side];
    context.drawImage(pictures, left + 0.5, top + 0.5, sheet.side - 1, sheet.side - 1, x, y, side, side);
  }

  function mark(context, x, y, side) {
    const [w, h] = [side / columns, side / rows];
    const box = [x + (point % columns) * w, y + Math.floor(point / columns) * h, w, h];
    for (const [color, line] of [["rgb(0 0 0 / .7)", 4.5], ["#ffffff", 2.5]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: line });
      context.strokeRect(...box);
    }
  }

  // A window's frame and the motion that is seen in it: bright at the point, faint elsewhere.
  function drawWindow(context, colors, window, frame, x, y, side) {
    film(context, clips * frames.clip + window * frames.window + frame, x, y, side);
    context.save();
    context.beginPath();
    context.rect(x, y, side, side);
    context.clip();
    const step = side / cells;
    for (let row = 0; row < cells; row++) {
      for (let column = 0; column < cells; column++) {
        const v = flow(window, frame, row, column);
        if (!v || Math.hypot(...v) < 0.04) continue;
        const at = [Math.floor(((row + 0.5) * rows) / cells), Math.floor(((column + 0.5) * columns) / cells)];
        const mine = at[0] * columns + at[1] === point;
        if (!mine && side < 200) continue;
        const [px, py] = [x + step * (column + 0.5), y + step * (row + 0.5)];
        const [dx, dy] = v.map((value) => SHOWN * step * value);
        context.globalAlpha = mine ? 1 : 0.4;
        for (const [color, line] of mine ? [["#ffffff", 3.6], [colors.motion, 2]] : [[colors.motion, 1.4]]) {
          Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: line });
          context.beginPath();
          context.moveTo(px, py);
          context.lineTo(px + dx, py + dy);
          context.stroke();
          context.beginPath();
          context.arc(px + dx, py + dy, line, 0, 7);
          context.fill();
        }
      }
    }
    context.restore();
    mark(context, x, y, side);
  }

  function drawClip(context, colors, { clipAt: [x, y], big }, frame) {
    film(context, clip * frames.clip + frame, x, y, big);
    if (looks) {
      const part = Math.floor((frame * parts) / frames.clip);
      const [w, h] = [big / columns, big / rows];
      for (let place = 0; place < points; place++) {
        context.fillStyle = `rgb(0 0 0 / ${(0.78 * (1 - looked(part, place))).toFixed(3)})`;
        context.fillRect(x + (place % columns) * w, y + Math.floor(place / columns) * h, w, h);
      }
    }
    mark(context, x, y, big);
    write(context, "the clip: click a point", x, y - 9, colors.ink, "600 13px");
    write(context, looks ? "bright: where it looks" : names.clips[clip], x, y + big + 18, colors.soft, "12px");
  }

  // A dot for each window by its cosine with the prediction, the true future among them.
  function drawCosines(context, colors, { x, y, width, height }) {
    write(context, `All ${count} windows, by cosine`, x, y - 9, colors.ink, "600 13px");
    const at = (value) => x + 6 + (width - 12) * ((value + 0.6) / 1.6);
    const floor = y + height - 6;
    for (const value of [-0.5, 0, 0.5, 1]) {
      rule(context, colors.line, at(value), y + 4, 0, height - 10);
      write(context, String(value), at(value), floor + 16, colors.soft, "11px", "center");
    }
    const piled = new Map();
    const radius = width < 220 || height < 110 ? 3.2 : 4;
    for (const window of order) {
      const slot = Math.round(at(cosine(window)) / (2 * radius));
      const above = piled.get(slot) ?? 0;
      piled.set(slot, above + 1);
      const [px, py] = [slot * 2 * radius, floor - radius - 2 * radius * above];
      const mine = window === own[clip];
      const top = order.indexOf(window) < nearest;
      context.beginPath();
      if (mine) context.rect(px - radius - 1, py - radius - 1, 2 * radius + 2, 2 * radius + 2);
      else context.arc(px, py, radius - 0.6, 0, 7);
      context.fillStyle = mine ? colors.motion : top ? colors.ink : colors.soft;
      context.globalAlpha = mine || top ? 1 : 0.5;
      context.fill();
      context.globalAlpha = 1;
    }
    write(context, "■ true future", x, floor + 34, colors.motion, "12px");
    write(context, "● five nearest", x + 92, floor + 34, colors.ink, "12px");
  }

  function drawNearest(context, colors, { tiles, tile, narrow }, frame) {
    order.slice(0, nearest).forEach((window, i) => {
      const [x, y] = tiles[i];
      const mine = window === own[clip];
      if (i === 0) write(context, narrow ? "nearest to the prediction" : "the five windows nearest to the prediction, at this point", x, y - 9, colors.ink, "600 13px");
      drawWindow(context, colors, window, frame, x, y, tile);
      const half = count / 2; // all near futures, then another window of each clip
      const other = !mine && window % half === own[clip];
      const words = mine ? "✓ true future" : other ? "✗ this clip" : `✗ ${names.windows[window].split(", ")[0]}`;
      write(context, words, x, y + tile + 17, mine ? colors.motion : colors.ink, mine ? "600 12px" : "12px");
      write(context, `${cosine(window).toFixed(2)}${other ? ", other time" : ""}`, x, y + tile + 32, colors.soft, "12px");
    });
  }

  const length = frames.clip + GAP + 2 * frames.window + REST;
  const tickAt = (now) => (playing ? Math.floor((now - start) / TICK) % length : paused);

  function draw(context, { width, colors, now }) {
    const shape = layout(width);
    const tick = tickAt(now);
    const frame = Math.min(tick, frames.clip - 1);
    const later = Math.max(0, Math.min(frames.window - 1, Math.floor((tick - frames.clip - GAP) / 2)));
    write(context, "Pick a clip", shape.pad, 20, colors.ink, "600 13px");
    for (let i = 0; i < clips; i++) {
      const x = shape.pad + i * (shape.thumb + 6);
      context.globalAlpha = i === clip ? 1 : 0.55;
      film(context, i * frames.clip + frame, x, shape.top, shape.thumb);
      context.globalAlpha = 1;
      if (i !== clip) continue;
      Object.assign(context, { strokeStyle: colors.ink, lineWidth: 3 });
      context.strokeRect(x - 1.5, shape.top - 1.5, shape.thumb + 3, shape.thumb + 3);
    }
    drawClip(context, colors, shape, frame);
    const [x, y] = shape.futureAt;
    drawWindow(context, colors, own[clip], later, x, y, shape.big);
    write(context, "the true future", x, y - 9, colors.motion, "600 13px");
    if (!shape.narrow) write(context, names.clips[clip], x, y + shape.big + 18, colors.soft, "12px");
    drawCosines(context, colors, shape.chart);
    drawNearest(context, colors, shape, later);
    return playing;
  }

  here.canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = here.at(event);
    const { pad, thumb, top, big, clipAt, futureAt } = layout(here.canvas.clientWidth);
    const picked = Math.floor((px - pad) / (thumb + 6));
    if (py > top && py < top + thumb && picked >= 0 && picked < clips) return choose(picked, point);
    for (const [x, y] of [clipAt, futureAt]) {
      const [u, v] = [(px - x) / big, (py - y) / big];
      if (u >= 0 && v >= 0 && u < 1 && v < 1) choose(clip, Math.floor(v * rows) * columns + Math.floor(u * columns));
    }
  });
  here.canvas.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key === " ") play.click();
    else if (!dx && !dy) return;
    else if (event.shiftKey) choose(clip + dx, point);
    else choose(clip, ((Math.floor(point / columns) + dy + rows) % rows) * columns + ((point % columns) + dx + columns) % columns);
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the arrow for itself
  });

  const play = button(playing ? "Pause" : "Play", () => {
    paused = tickAt(performance.now());
    playing = !playing;
    start = performance.now() - paused * TICK;
    play.textContent = playing ? "Pause" : "Play";
    here.invalidate();
  });
  const attention = button("Attention", () => {
    looks = !looks;
    attention.setAttribute("aria-pressed", looks);
    here.invalidate();
  });
  attention.setAttribute("aria-pressed", looks);
  here.controls.append(play, attention);
  createImageBitmap(new Blob([data.buffer.slice(data.byteOffset + pixelsAt, data.byteOffset + data.byteLength)], { type: "image/webp" })).then((bitmap) => {
    pictures = bitmap;
    here.invalidate();
  });
  choose(clip, point);
  return here.close;
}

export default { render };
