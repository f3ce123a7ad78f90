// The site's opening: a clip, the motion that its file tells of, and its nearest clips by place and by motion.

function render({ model, el }) {
  const { label, roles, frames, interval, searches } = model.get("state");
  const cells = 14; // across a clip, and down
  const magnify = 3; // or the arrows would be hardly longer than wide
  const flows = searches.map(({ query: [{ flow }] }) => Int8Array.from(atob(flow), (letter) => letter.charCodeAt(0)));
  const rounds = 3; // of a clip before the next has its turn
  let [search, playing, pictures, passed, since] = [0, !still.matches, null, 0, performance.now()];

  const here = stage(el, { label, roles, heightOf: (width) => layout(width).height, draw });

  createImageBitmap(new Blob([model.get("data")], { type: "image/webp" })).then((bitmap) => {
    pictures = bitmap;
    here.invalidate();
  });

  function layout(width) {
    const [gap, line] = [10, 24];
    if (width < 560) {
      const large = (width - gap) / 2;
      const small = (width - 2 * gap) / 3;
      const rows = [large + 2 * line, large + small + 4 * line];
      return { large, small, gap, clips: [[0, line], [large + gap, line]], rows: rows.map((y) => [0, y + line]), height: rows[1] + small + 2 * line };
    }
    const large = (width - 6 * gap) * 0.29;
    const small = (width - 2 * large - 6 * gap) / 3;
    const left = 2 * large + 4 * gap;
    const below = Math.max(large + line, 2 * (small + line) + line);
    return { large, small, gap, clips: [[0, line], [large + gap, line]], rows: [[left, line], [left, small + 2 * line + 14]], height: below + 20 };
  }

  function film(context, clip, frame, x, y, size, gray = false) {
    if (!pictures) return;
    context.save();
    context.beginPath();
    context.roundRect(x, y, size, size, 8);
    context.clip();
    if (gray) Object.assign(context, { filter: "grayscale(1)", globalAlpha: 0.45 });
    context.drawImage(pictures, clip.side * frame + 0.5, clip.top + 0.5, clip.side - 1, clip.side - 1, x, y, size, size);
    context.restore();
  }

  function write(context, words, x, y, color) {
    Object.assign(context, { font: "600 14px system-ui, sans-serif", textBaseline: "alphabetic", fillStyle: color });
    context.fillText(words, x, y);
  }

  function arrows(context, color, frame, x, y, size) {
    const flow = flows[search].subarray(2 * cells * cells * frame);
    const cell = size / cells;
    const pixels = size / (8 * cells) / 4; // quarters of a pixel of the clip, on the canvas
    Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: 2 });
    for (let at = 0; at < cells * cells; at++) {
      const [dx, dy] = [flow[at], flow[at + cells * cells]].map((part) => magnify * pixels * part);
      const length = Math.hypot(dx, dy);
      if (length < 3) continue;
      const [cx, cy] = [x + cell * ((at % cells) + 0.5), y + cell * (Math.floor(at / cells) + 0.5)];
      const [ux, uy] = [dx / length, dy / length];
      context.beginPath();
      context.moveTo(cx - dx / 2, cy - dy / 2);
      context.lineTo(cx + dx / 2 - 3 * ux, cy + dy / 2 - 3 * uy);
      context.stroke();
      context.beginPath();
      context.moveTo(cx + dx / 2 + 2 * ux, cy + dy / 2 + 2 * uy);
      context.lineTo(cx + dx / 2 - 4 * ux - 4 * uy, cy + dy / 2 - 4 * uy + 4 * ux);
      context.lineTo(cx + dx / 2 - 4 * ux + 4 * uy, cy + dy / 2 - 4 * uy - 4 * ux);
      context.fill();
    }
  }

  function draw(context, { width, colors, now }) {
    if (playing) passed += now - since;
    since = now;
    const step = Math.floor(passed / interval);
    const frame = step % frames;
    search = Math.floor(step / frames / rounds) % searches.length;
    el.dataset.search = search;
    const shape = layout(width);
    const { query: [query], context: places, motion: motions } = searches[search];
    const [clip, vectors] = shape.clips;
    write(context, "A clip", clip[0], clip[1] - 8, colors.ink);
    film(context, query, frame, ...clip, shape.large);
    write(context, "Motion, from its vectors", vectors[0], vectors[1] - 8, colors.motion);
    film(context, query, frame, ...vectors, shape.large, true);
    context.save();
    context.beginPath();
    context.roundRect(...vectors, shape.large, shape.large, 8);
    context.clip();
    arrows(context, colors.motion, frame, ...vectors, shape.large);
    context.restore();
    for (const [row, [words, color, near]] of [
      [`The same place: ${query.scene}`, colors.context, places],
      [`The same motion: ${query.action.replace("_", "-")}`, colors.motion, motions],
    ].entries()) {
      const [x, y] = shape.rows[row];
      write(context, words, x, y - 8, color);
      near.forEach((clip, i) => film(context, clip, frame, x + i * (shape.small + shape.gap), y, shape.small));
    }
    here.say(`Query ${search + 1} of ${searches.length}: ${query.scene}, ${query.action.replace("_", "-")}.`);
    return playing;
  }

  const play = button(playing ? "Pause" : "Play", () => {
    playing = !playing;
    since = performance.now();
    play.textContent = playing ? "Pause" : "Play";
    here.invalidate();
  });
  const next = button("Another clip", () => {
    passed = (search + 1) * frames * rounds * interval;
    here.invalidate();
  });
  here.controls.append(play, next);
  return here.close;
}

export default { render };
