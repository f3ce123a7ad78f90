// Be the decoder: frames built from an I-frame, vectors and residuals, each of which can be switched off.

const FLIGHT = 900; // ms, of the blocks of a frame
const GAIN = 8; // blocks start so much farther away than they come from, or nobody would see them move
const NONE = 32767; // in place of a vector: the block was coded anew

function render({ model, el }) {
  const state = model.get("state");
  const data = model.get("data");
  const { width: W, height: H, types, ways, columns } = state; // ways: past, and future where there are B-frames
  const count = types.length;
  const [rows, across] = [Math.ceil(H / 8), Math.ceil(W / 8)];
  const { sources, stored } = orders(types);
  const mixed = types.includes("B");
  let inFileOrder = true; // of steps
  let real = []; // RGB of every frame, and what the vectors of the true frame before leave of it
  let residuals = [];
  let made = []; // what the decoder makes with the parts that are switched on
  let errors = [];
  const on = { I: true, vectors: true, residual: true };
  let [frame, landed, playing, held] = [0, 1, false, false]; // landed: how far the blocks have flown, 0 to 1
  let started = null;

  const here = stage(el, {
    label: state.label,
    roles: state.colors,
    heightOf: (width) => layout(width).height,
    draw,
  });

  const vector = (t, way, r, c) => {
    const at = 4 * (((t * ways + way) * rows + r) * across + c);
    const x = data.getInt16(at, true);
    return x === NONE ? null : [x / 4, data.getInt16(at + 2, true) / 4];
  };

  // A frame (RGB, floats) made of blocks of others: the mean of two where there are two, gray where none.
  function predicted(frames, t, moving) {
    const [past, future = past] = sources[t].map((other, way) => copied(frames[other], t, way, moving));
    return past.map((a, i) => {
      const b = future[i];
      return a === a ? (b === b ? (a + b) / 2 : a) : b === b ? b : 128; // NaN alone differs from itself
    });
  }

  function copied(source, t, way, moving) {
    const out = new Float32Array(3 * W * H).fill(NaN);
    const clamp = (value, most) => Math.max(0, Math.min(most, value));
    for (let y = 0; y < H; y++) {
      for (let x = 0; x < W; x++) {
        const v = vector(t, way, y >> 3, x >> 3);
        if (!v) continue;
        const [u, w] = moving ? [x + v[0], y + v[1]] : [x, y];
        const [u0, w0] = [Math.floor(u), Math.floor(w)];
        const [p, q] = [u - u0, w - w0];
        const [left, right] = [clamp(u0, W - 1), clamp(u0 + 1, W - 1)];
        const [top, bottom] = [W * clamp(w0, H - 1), W * clamp(w0 + 1, H - 1)];
        for (let c = 0; c < 3; c++) {
          const at = (place) => source[3 * place + c];
          out[3 * (y * W + x) + c] =
            p || q
              ? (1 - q) * ((1 - p) * at(top + left) + p * at(top + right)) + q * ((1 - p) * at(bottom + left) + p * at(bottom + right))
              : at(top + left);
        }
      }
    }
    return out;
  }

  function decode() {
    made = [];
    for (const t of stored) {
      if (types[t] === "I") made[t] = on.I ? real[t] : new Float32Array(3 * W * H).fill(128);
      else {
        made[t] = predicted(made, t, on.vectors);
        if (on.residual) residuals[t].forEach((value, i) => { made[t][i] += value; });
      }
    }
    errors = made.map((values, t) => values.reduce((sum, value, i) => sum + Math.abs(value - real[t][i]), 0) / values.length);
    el.dataset.errors = errors.map((value) => value.toFixed(3)).join(" ");
    sheets.clear();
    tell();
  }

  const sheets = new Map(); // canvases, made when they are first drawn
  function sheet(name, values) {
    if (!sheets.has(name)) {
      const canvas = Object.assign(document.createElement("canvas"), { width: W, height: H });
      const pixels = new ImageData(W, H);
      for (let i = 0; i < W * H; i++) {
        for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = values[3 * i + c];
        pixels.data[4 * i + 3] = 255;
      }
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      sheets.set(name, canvas);
    }
    return sheets.get(name);
  }

  function layout(width) {
    const narrow = width < 620;
    const big = narrow ? width : Math.min(400, width * 0.5);
    const small = narrow ? (width - 14) / 2 : (width - big - 18 - 14) / 2;
    const tall = (side) => (side * H) / W;
    const panels = narrow ? [0, 26 + tall(big) + 30] : [big + 18, 26];
    const below = panels[1] + tall(small) + 40;
    const chart = narrow ? { x: 8, y: below, width: width - 16, height: 110 } : { x: big + 22, y: below, width: width - big - 30, height: Math.max(70, 26 + tall(big) - below - 24 - (mixed ? 60 : 0)) };
    return { big, small, tall, panels, chart, height: chart.y + chart.height + (mixed ? 132 : 34) };
  }

  function drawFrame(context, colors, side, tall) {
    const scale = side / W;
    const kind = types[frame] === "I" ? "an I-frame, whole" : `a ${types[frame]}-frame, built on ${sources[frame].join(" and ")}`;
    write(context, `frame ${frame}: ${kind}`, 0, 16, colors.ink);
    context.save();
    context.beginPath();
    context.rect(0, 26, side, tall);
    context.clip();
    if (types[frame] === "I" || landed >= 1) context.drawImage(sheet(`made ${frame}`, made[frame]), 0, 26, side, tall);
    else {
      const from = sources[frame].map((other) => sheet(`made ${other}`, made[other]));
      context.globalAlpha = 0.25;
      context.drawImage(from[0], 0, 26, side, tall);
      const flown = Math.min(1, landed / 0.75);
      const away = GAIN * (1 - flown) ** 2;
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < across; c++) {
          const there = from.map((_, way) => vector(frame, way, r, c));
          there.forEach((v, way) => {
            if (!v) return;
            const [dx, dy] = on.vectors ? v : [0, 0];
            context.globalAlpha = way && there[0] ? 0.5 : 1; // a second block mixes with the first
            context.drawImage(from[way], 8 * c + dx, 8 * r + dy, 8, 8, scale * (8 * c + away * dx), 26 + scale * (8 * r + away * dy), 8 * scale + 0.5, 8 * scale + 0.5);
          });
        }
      }
      context.globalAlpha = Math.max(0, (landed - 0.75) / 0.25); // then the residual is added
      context.drawImage(sheet(`made ${frame}`, made[frame]), 0, 26, side, tall);
      context.globalAlpha = 1;
    }
    context.restore();
  }

  function drawParts(context, colors, { small, tall, panels: [x, y] }) {
    const scale = small / W;
    const second = x + small + 14;
    const whole = types[frame] === "I";
    write(context, whole ? "the frame itself" : "vectors", x, y - 10, whole ? colors.I : colors.motion);
    if (sources[frame].length > 1) write(context, "to the future", x + small, y - 10, colors.B, "600 12px", "right");
    write(context, "residual", second, y - 10, colors.residual);
    context.fillStyle = colors.dark ? "#0b0e12" : "#f1f3f5";
    context.fillRect(x, y, small, tall(small));
    context.fillRect(second, y, small, tall(small));
    context.globalAlpha = (whole ? on.I : on.vectors) ? 1 : 0.15;
    if (whole) context.drawImage(sheet(`real ${frame}`, real[frame]), x, y, small, tall(small));
    else {
      context.save();
      context.beginPath();
      context.rect(x, y, small, tall(small));
      context.clip();
      context.lineWidth = 1.4;
      for (let i = 0; i < sources[frame].length * rows * across; i++) {
        const [way, r, c] = [Math.floor(i / (rows * across)), Math.floor(i / across) % rows, i % across];
        const v = vector(frame, way, r, c);
        const [px, py] = [x + scale * (8 * c + 4), y + scale * (8 * r + 4)];
        if (!v || (!v[0] && !v[1])) continue;
        context.strokeStyle = way ? colors.B : colors.motion;
        context.beginPath();
        context.moveTo(px, py);
        context.lineTo(px + 3 * scale * v[0], py + 3 * scale * v[1]);
        context.stroke();
      }
      context.restore();
    }
    context.globalAlpha = on.residual ? 1 : 0.15;
    if (!whole) context.drawImage(sheet(`left ${frame}`, residuals[frame].map((value) => 128 + 4 * value)), second, y, small, tall(small));
    context.globalAlpha = 1;
    if (whole) write(context, "none", second + small / 2, y + tall(small) / 2, colors.soft, "13px", "center");
  }

  function drawErrors(context, colors, { x, y, width, height }) {
    write(context, `How far from the true frame: ${errors[frame].toFixed(1)} of 255`, x, y - 10, colors.ink);
    const slot = width / count;
    const most = Math.max(12, ...errors);
    for (let t = 0; t < count; t++) {
      const color = colors[types[t]];
      const tall = Math.max(2, ((height - 8) * errors[t]) / most);
      context.globalAlpha = t === frame ? 1 : 0.55;
      context.fillStyle = color;
      context.fillRect(x + slot * (t + 0.12), y + height - tall, slot * 0.76, tall);
      context.globalAlpha = 1;
      write(context, types[t], x + slot * (t + 0.5), y + height + 16, t === frame ? colors.ink : colors.soft, t === frame ? "700 13px" : "12px", "center");
    }
    rule(context, colors.ink, x + slot * frame, y + height + 21, slot, 0);
    const decoded = (t) => !inFileOrder || stored.indexOf(t) <= stored.indexOf(frame);
    if (mixed) drawOrders(context, colors, { x, y: y + height + 26, slot, types, sources, stored, frame, decoded });
  }

  function draw(context, { width, colors, now }) {
    if (!made.length) return false; // the frames are not there yet
    const shape = layout(width);
    if (started === null && landed < 1) started = now;
    if (landed < 1) landed = Math.min(1, (now - started) / FLIGHT);
    else if (playing) step(1, true);
    drawFrame(context, colors, shape.big, shape.tall(shape.big));
    drawParts(context, colors, shape);
    drawErrors(context, colors, shape.chart);
    return landed < 1 || playing;
  }

  function tell() {
    const off = Object.keys(on).filter((name) => !on[name]).map((name) => (name === "I" ? "the I-frames" : name === "residual" ? "the residual" : name));
    here.say(`Frame ${frame} of 0 to ${count - 1}, ${types[frame]}. ${off.length ? `Without ${off.join(" and ")}` : "With all parts"} it is ${errors[frame].toFixed(1)} from the true frame.`);
    here.invalidate();
  }

  function step(by, around = false) {
    const order = inFileOrder ? stored : [...types].map((_, t) => t);
    const place = order.indexOf(frame) + by;
    go(order[around ? place % count : Math.max(0, Math.min(count - 1, place))], by > 0);
  }

  function go(to, flying = true) {
    frame = to;
    landed = flying && !still.matches && types[frame] !== "I" ? 0 : playing && !still.matches ? 0.6 : 1;
    started = landed < 1 ? performance.now() - landed * FLIGHT : null;
    tell();
  }

  const scrub = (event) => {
    const [px] = here.at(event);
    const { x, width } = layout(here.canvas.clientWidth).chart;
    const to = Math.max(0, Math.min(count - 1, Math.floor(((px - x) * count) / width)));
    if (to !== frame) go(to, to === frame + 1);
  };
  here.canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = here.at(event);
    const { x, y, height } = layout(here.canvas.clientWidth).chart;
    if (!made.length || px < x || py < y || py > y + height + 24) return;
    here.canvas.setPointerCapture(event.pointerId);
    held = true;
    scrub(event);
  });
  here.canvas.addEventListener("pointermove", (event) => held && scrub(event));
  for (const end of ["pointerup", "pointercancel"]) here.canvas.addEventListener(end, () => { held = false; });
  here.canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!made.length || (!by && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the arrow for itself
    if (by) step(by);
    else play.click();
  });

  const play = button("Play", () => {
    playing = !playing;
    play.textContent = playing ? "Pause" : "Play";
    here.invalidate();
  });
  const switches = [["I", "I-frames"], ["vectors", "vectors"], ["residual", "residual"]].map(([name, words]) => {
    const made = button(words, () => {
      on[name] = !on[name];
      made.setAttribute("aria-pressed", on[name]);
      decode();
    });
    made.setAttribute("aria-pressed", true);
    return made;
  });
  here.controls.append(play, ...switches);
  if (mixed) {
    const order = button("step in file order", () => {
      inFileOrder = !inFileOrder;
      order.setAttribute("aria-pressed", inFileOrder);
      here.invalidate();
    });
    order.setAttribute("aria-pressed", inFileOrder);
    here.controls.append(order);
  }
  const start = data.byteOffset + 4 * count * ways * rows * across;
  createImageBitmap(new Blob([data.buffer.slice(start, data.byteOffset + data.byteLength)], { type: "image/webp" })).then((bitmap) => {
    const whole = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
    whole.drawImage(bitmap, 0, 0);
    real = Array.from(types, (_, t) => {
      const { data: pixels } = whole.getImageData(W * (t % columns), H * Math.floor(t / columns), W, H);
      return Float32Array.from({ length: 3 * W * H }, (_, i) => pixels[4 * Math.floor(i / 3) + (i % 3)]);
    });
    residuals = real.map((values, t) => {
      if (types[t] === "I") return null;
      const left = predicted(real, t, true);
      return left.map((value, i) => values[i] - value);
    });
    decode();
  });
  return here.close;
}

export default { render };
