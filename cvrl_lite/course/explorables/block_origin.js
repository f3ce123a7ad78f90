// Where did this block come from? A block of the current frame is looked for in the frame before.

const REACH = 16; // pixels, of the search
const BOX = "#ff3dbb"; // stands out from whatever a frame shows

function render({ model, el }) {
  const state = model.get("state");
  const data = model.get("data");
  const { width: W, height: H, vectors } = state; // vectors: rows of cells of 8 x 8 pixels, null where none
  let images = []; // RGBA of the frame before and of the current one
  let sheets = [];
  let [row, column] = state.cell;
  let [dx, dy, side, held] = [0, 0, 16, false];
  let goal = null; // where the box glides to
  let map = null; // of the errors

  const here = stage(el, {
    label: state.label,
    roles: state.colors,
    heightOf: (width) => layout(width).height,
    draw,
  });

  function picture(width, height, valueAt) {
    const made = Object.assign(document.createElement("canvas"), { width, height });
    const pixels = new ImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 4; c++) pixels.data[4 * (y * width + x) + c] = c < 3 ? valueAt(x, y, c) : 255;
      }
    }
    made.getContext("2d").putImageData(pixels, 0, 0);
    return made;
  }

  // One color of the frame before, at any place: between pixels the mean of four, outside the nearest edge.
  function before(x, y, c) {
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const at = (u, v) => images[0][4 * (Math.max(0, Math.min(H - 1, v)) * W + Math.max(0, Math.min(W - 1, u))) + c];
    const [p, q] = [x - x0, y - y0];
    if (!p && !q) return at(x0, y0);
    return (1 - q) * ((1 - p) * at(x0, y0) + p * at(x0 + 1, y0)) + q * ((1 - p) * at(x0, y0 + 1) + p * at(x0 + 1, y0 + 1));
  }

  const corner = () => [8 * column + 4 - side / 2, 8 * row + 4 - side / 2]; // of the window around the cell
  const now = (x, y, c) => images[1][4 * (Math.max(0, Math.min(H - 1, y)) * W + Math.max(0, Math.min(W - 1, x))) + c];

  // The mean absolute difference of the window and what lies dx, dy from it in the frame before, 0 to 255.
  function error(dx, dy) {
    const [left, top] = corner();
    let sum = 0;
    for (let y = top; y < top + side; y++) {
      for (let x = left; x < left + side; x++) {
        for (let c = 0; c < 3; c++) sum += Math.abs(now(x, y, c) - before(x + dx, y + dy, c));
      }
    }
    return sum / (3 * side * side);
  }

  function layout(width) {
    const narrow = width < 620;
    const gap = 16;
    const wide = narrow ? width : (width - 2 * gap) * 0.36;
    const tall = (wide * H) / W;
    const top = 26;
    const second = narrow ? [0, top + tall + 34] : [wide + gap, top];
    const below = second[1] + tall + 34;
    const tile = Math.min(112, (width - 3 * gap) / 3.2);
    const size = narrow ? Math.min(240, width) : width - 2 * (wide + gap);
    const chart = narrow ? { x: 0, y: below + tile + 96, side: size } : { x: width - size, y: top, side: size };
    const height = narrow ? chart.y + size + 46 : Math.max(below + tile + 8, top + size + 46);
    return { narrow, scale: wide / W, frames: [second, [0, top]], below, tile, gap, chart, height };
  }

  const vector = () => vectors[row][column];

  function search() {
    const count = 2 * REACH + 1;
    map = Array.from({ length: count * count }, (_, i) => error((i % count) - REACH, Math.floor(i / count) - REACH));
    const best = map.indexOf(Math.min(...map));
    map.best = [(best % count) - REACH, Math.floor(best / count) - REACH];
    [map.low, map.high] = [map[best], Math.max(...map)];
    // Places that match nearly as well as the best: where there are many, the window does not say which is true.
    map.rivals = map.filter((value) => value < map.low + 0.05 * (map.high - map.low)).length;
  }

  function choose(r, c) {
    row = Math.max(0, Math.min(vectors.length - 1, r));
    column = Math.max(0, Math.min(vectors[0].length - 1, c));
    search();
    glide(...(vector() ?? [0, 0]));
  }

  function glide(x, y) {
    goal = [x, y];
    tell();
  }

  function tell() {
    const [x, y] = goal ?? [dx, dy];
    const value = error(x, y);
    Object.assign(el.dataset, { vector: `${x} ${y}`, error: value, best: map.best.join(" "), cell: `${row} ${column}` });
    const codec = vector();
    const same = codec && codec[0] === x && codec[1] === y;
    const who = same ? "The codec's vector" : "Your vector";
    here.say(
      `Cell in row ${row}, column ${column}. ${codec ? "" : "It has no vector: it was coded anew. "}` +
      `${who} (${x}, ${y}): mean error ${value.toFixed(1)}; the best whole-pixel match (${map.best.join(", ")}) has ${map.low.toFixed(1)}, ` +
      `and ${map.rivals === 1 ? "no other place is" : `${map.rivals - 1} other places are`} nearly as good.`,
    );
    here.invalidate();
  }

  function box(context, x, y, side, color, width, dash = []) {
    context.setLineDash(dash);
    for (const [stroke, line] of [["rgb(0 0 0 / .55)", width + 2], [color, width]]) {
      context.strokeStyle = stroke;
      context.lineWidth = line;
      context.strokeRect(x, y, side, side);
    }
    context.setLineDash([]);
  }

  function drawFrames(context, colors, { scale, frames }) {
    const [left, top] = corner();
    const names = ["the frame before: drag the box", "the current frame: click a block"];
    frames.forEach(([x, y], i) => {
      write(context, names[i], x, y - 9, colors.ink);
      context.imageSmoothingEnabled = true;
      context.drawImage(sheets[i], x, y, scale * W, scale * H);
      context.save();
      context.beginPath();
      context.rect(x, y, scale * W, scale * H);
      context.clip();
      if (i === 1) box(context, x + scale * left, y + scale * top, scale * side, "#ffffff", 2.5);
      else {
        box(context, x + scale * left, y + scale * top, scale * side, "#ffffff", 1.5, [4, 3]);
        box(context, x + scale * (left + dx), y + scale * (top + dy), scale * side, BOX, 3);
        const [cx, cy] = [x + scale * (left + side / 2), y + scale * (top + side / 2)];
        context.strokeStyle = BOX;
        context.lineWidth = 2.5;
        context.beginPath();
        context.moveTo(cx, cy);
        context.lineTo(cx + scale * dx, cy + scale * dy);
        context.stroke();
        context.fillStyle = BOX;
        context.beginPath();
        context.arc(cx + scale * dx, cy + scale * dy, 4, 0, 7);
        context.fill();
      }
      context.restore();
    });
  }

  function drawTiles(context, colors, { below, tile, gap, narrow }) {
    const [left, top] = corner();
    const parts = [
      ["the block", (x, y, c) => now(left + x, top + y, c)],
      ["under the box", (x, y, c) => before(left + x + dx, top + y + dy, c)],
      ["difference", (x, y, c) => Math.min(255, 3 * Math.abs(now(left + x, top + y, c) - before(left + x + dx, top + y + dy, c)))],
    ];
    parts.forEach(([name, valueAt], i) => {
      const x = i * (tile + gap);
      write(context, name, x, below - 9, colors.ink);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture(side, side, valueAt), x, below, tile, tile);
      context.strokeStyle = [colors.ink, BOX, colors.line][i];
      context.lineWidth = 2;
      context.strokeRect(x, below, tile, tile);
    });
    const [x, y] = narrow ? [0, below + tile + 26] : [3 * (tile + gap), below + 16];
    write(context, `error ${error(dx, dy).toFixed(1)}`, x, y, colors.ink, "600 17px");
    write(context, "mean absolute difference, of 255", x, y + 20, colors.soft, "12px");
    write(context, "(as a picture: threefold)", x, y + 37, colors.soft, "12px");
  }

  function drawMap(context, colors, { chart: { x, y, side: size } }) {
    const count = 2 * REACH + 1;
    write(context, "error of every place", x, y - 9, colors.ink);
    const shade = (i) => Math.sqrt((map[i] - map.low) / (map.high - map.low || 1));
    const ends = colors.dark ? [[97, 169, 208], [24, 30, 38]] : [[0, 84, 138], [246, 248, 250]];
    context.imageSmoothingEnabled = false;
    context.drawImage(picture(count, count, (u, v, c) => ends[0][c] + shade(v * count + u) * (ends[1][c] - ends[0][c])), x, y, size, size);
    const at = (u, v) => [x + (size * (u + REACH + 0.5)) / count, y + (size * (v + REACH + 0.5)) / count];
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.strokeRect(x, y, size, size);
    rule(context, colors.soft, ...at(-REACH - 0.5, 0), size, 0, [2, 3]);
    rule(context, colors.soft, ...at(0, -REACH - 0.5), 0, size, [2, 3]);
    const codec = vector();
    if (codec) {
      const [cx, cy] = at(...codec);
      context.strokeStyle = colors.motion;
      context.lineWidth = 2.5;
      context.beginPath();
      for (const turn of [1, -1]) {
        context.moveTo(cx - 6, cy - 6 * turn);
        context.lineTo(cx + 6, cy + 6 * turn);
      }
      context.stroke();
    }
    context.beginPath();
    context.arc(...at(dx, dy), 8, 0, 7);
    for (const [stroke, line] of [[colors.ink, 5], [BOX, 3]]) {
      Object.assign(context, { strokeStyle: stroke, lineWidth: line });
      context.stroke();
    }
    write(context, "✕ the codec", x, y + size + 18, colors.motion, "12px");
    write(context, "○ the box", x + 84, y + size + 18, colors.ink, "12px");
    write(context, `dark is alike, ±${REACH} px`.replace("dark", colors.dark ? "bright" : "dark"), x, y + size + 36, colors.soft, "12px");
  }

  function draw(context, { width, colors }) {
    if (!map) return false; // the frames are not there yet
    const shape = layout(width);
    if (goal) {
      const share = still.matches ? 1 : 0.2;
      [dx, dy] = [dx + share * (goal[0] - dx), dy + share * (goal[1] - dy)];
      if (Math.hypot(goal[0] - dx, goal[1] - dy) < 0.05) [dx, dy, goal] = [...goal, null];
    }
    drawFrames(context, colors, shape);
    drawTiles(context, colors, shape);
    drawMap(context, colors, shape);
    return goal !== null;
  }

  const limit = (value) => Math.max(-REACH, Math.min(REACH, Math.round(value)));
  function pull(event) {
    const [px, py] = here.at(event);
    const { scale, frames } = layout(here.canvas.clientWidth);
    const [left, top] = corner();
    goal = null;
    dx = limit((px - frames[0][0]) / scale - left - side / 2);
    dy = limit((py - frames[0][1]) / scale - top - side / 2);
    tell();
  }
  here.canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = here.at(event);
    const { scale, frames } = layout(here.canvas.clientWidth);
    frames.forEach(([x, y], i) => {
      const [u, v] = [(px - x) / scale, (py - y) / scale];
      if (u < 0 || v < 0 || u >= W || v >= H) return;
      if (i === 1) return choose(Math.floor(v / 8), Math.floor(u / 8));
      event.preventDefault();
      here.canvas.setPointerCapture(event.pointerId);
      held = true;
      pull(event);
    });
  });
  here.canvas.addEventListener("pointermove", (event) => held && pull(event));
  for (const end of ["pointerup", "pointercancel"]) here.canvas.addEventListener(end, () => { held = false; });
  here.canvas.addEventListener("touchmove", (event) => held && event.preventDefault(), { passive: false });
  here.canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the arrow for itself
    if (event.shiftKey) return choose(row + step[1], column + step[0]);
    const [x, y] = goal ?? [dx, dy];
    [goal, dx, dy] = [null, limit(x + step[0]), limit(y + step[1])];
    tell();
  });

  here.controls.append(
    button("The codec's vector", () => vector() && glide(...vector())),
    button("Best match", () => glide(...map.best)),
    slider("window", { min: 8, max: 32, step: 8, value: side, describe: (value) => `${value} px` }, (value) => {
      side = value;
      search();
      tell();
    }),
  );
  createImageBitmap(new Blob([data], { type: "image/webp" })).then((bitmap) => {
    const sheet = new OffscreenCanvas(W, 2 * H).getContext("2d", { willReadFrequently: true });
    sheet.drawImage(bitmap, 0, 0);
    images = [0, H].map((top) => sheet.getImageData(0, top, W, H).data);
    sheets = images.map((values) => picture(W, H, (x, y, c) => values[4 * (y * W + x) + c]));
    [dx, dy] = vector() ?? [0, 0];
    choose(row, column);
  });
  return here.close;
}

export default { render };
