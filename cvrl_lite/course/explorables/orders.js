// The order in which frames are shown, the one in which they are stored, and which frame is built on which.

// For each frame those that it is built on; and the frames in the order in which they can be decoded.
function orders(types) {
  const anchors = [...types].flatMap((type, t) => (type === "B" ? [] : [t]));
  const sources = [...types].map((type, t) => {
    const before = anchors.filter((other) => other < t).at(-1);
    return type === "I" ? [] : type === "P" ? [before] : [before, anchors.find((other) => other > t)];
  });
  const stored = [];
  for (const anchor of anchors) {
    stored.push(anchor);
    for (let t = anchor - 1; types[t] === "B"; t--) stored.splice(stored.indexOf(anchor) + 1, 0, t);
  }
  return { sources, stored };
}

// Arcs from each frame to those that it is built on, then lines from its place on screen to that in the file.
function drawOrders(context, colors, { x, y, slot, types, sources, stored, frame, decoded }) {
  const at = (place) => x + slot * (place + 0.5);
  const last = [...stored].sort((a, b) => (a === frame) - (b === frame)); // the current frame over all others
  for (const t of last) {
    const mine = t === frame;
    Object.assign(context, { strokeStyle: mine ? colors[types[t]] : colors.soft, lineWidth: mine ? 2.5 : 1 });
    context.globalAlpha = mine ? 1 : 0.35;
    for (const other of sources[t]) {
      context.beginPath();
      context.moveTo(at(t), y);
      context.quadraticCurveTo((at(t) + at(other)) / 2, y + 20 + 8 * Math.abs(t - other), at(other), y);
      context.stroke();
      if (!mine) continue;
      context.beginPath();
      context.arc(at(other), y, 4, 0, 7);
      context.fillStyle = colors[types[t]];
      context.fill();
    }
    context.beginPath();
    context.moveTo(at(t), y + 34);
    context.lineTo(at(stored.indexOf(t)), y + 70);
    context.stroke();
    context.globalAlpha = 1;
    const font = mine ? "700 12px" : "11px";
    const color = mine ? colors[types[t]] : colors.soft;
    context.globalAlpha = mine || decoded(t) ? 1 : 0.45;
    write(context, `${types[t]}${t}`, at(stored.indexOf(t)), y + 84, color, font, "center");
    context.globalAlpha = 1;
  }
  write(context, "arcs: built on; below: the order in the file", x, y + 102, colors.soft, "12px");
}
