// What every explorable stands on: a canvas that fits its column, colors for light and dark, controls that a
// keyboard reaches, and a loop that draws only while something moves and is in view.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const night = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const lab = document.body.dataset.jpThemeLight; // JupyterLab says it here, many sites on the root
  const site = document.documentElement.dataset.theme;
  if (lab) return lab === "false";
  return site === "dark" || site === "light" ? site === "dark" : night.matches;
}

function mix(color, other, share) {
  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const [a, b] = [parts(color), parts(other)];
  return `rgb(${a.map((value, i) => Math.round(value + share * (b[i] - value))).join(" ")})`;
}

function palette(roles) {
  const dark = isDark();
  const lift = (color) => (dark ? mix(color, "#ffffff", 0.38) : color);
  return {
    dark,
    ink: dark ? "#e8eaed" : "#222a33",
    soft: dark ? "#9aa5b1" : "#66717d",
    line: dark ? "#3c444d" : "#d9dee4",
    paper: dark ? "#14181d" : "#ffffff",
    ...Object.fromEntries(Object.entries(roles).map(([name, color]) => [name, lift(color)])),
  };
}

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

function rule(context, color, x, y, dx, dy, dash = []) {
  Object.assign(context, { strokeStyle: color, lineWidth: 1 });
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.stroke();
  context.setLineDash([]);
}

function write(context, words, x, y, color, font = "600 13px", align = "left") {
  context.font = `${font} system-ui, sans-serif`;
  context.textAlign = align;
  context.textBaseline = "alphabetic";
  context.fillStyle = color;
  context.fillText(words, x, y);
}

function slider(words, { min, max, step, value, describe }, onInput) {
  const input = element("input", { type: "range", min, max, step, value });
  const said = element("output", {}, describe(Number(value)));
  const update = () => {
    said.textContent = describe(Number(input.value));
    input.setAttribute("aria-valuetext", said.textContent);
    onInput(Number(input.value));
  };
  input.addEventListener("input", update);
  input.setAttribute("aria-valuetext", said.textContent);
  return element("label", { className: "slider" }, element("span", {}, words), input, said);
}

function button(words, onClick) {
  const made = element("button", { type: "button" }, words);
  made.addEventListener("click", () => onClick(made));
  return made;
}

// draw(context, {width, height, colors, now}) returns true while it wants another frame.
function stage(el, { label, roles, heightOf, draw, above = false }) {
  const canvas = element("canvas", { tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", label);
  const status = element("p", { className: "status" });
  status.setAttribute("aria-live", "polite");
  const controls = element("div", { className: "controls" });
  const parts = above ? [controls, canvas, status] : [canvas, controls, status];
  const root = element("div", { className: "explorable" }, ...parts);
  el.append(root);
  const context = canvas.getContext("2d");
  let [width, height, frame, visible] = [0, 0, 0, true];

  const tick = (now) => {
    frame = 0;
    if (!width) return;
    const colors = palette(roles);
    root.classList.toggle("dark", colors.dark);
    const scale = canvas.width / width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    if (draw(context, { width, height, colors, now })) invalidate();
  };
  const invalidate = () => {
    if (!frame && visible) frame = requestAnimationFrame(tick);
  };
  const fit = () => {
    width = Math.min(root.clientWidth, 860);
    height = heightOf(width);
    const scale = Math.max(1, devicePixelRatio);
    Object.assign(canvas, { width: width * scale, height: height * scale });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    invalidate();
  };
  const sizes = new ResizeObserver(fit);
  sizes.observe(root);
  const views = new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    invalidate();
  });
  views.observe(canvas);
  const themes = new MutationObserver(invalidate);
  themes.observe(document.body, { attributes: true });
  themes.observe(document.documentElement, { attributes: true });
  night.addEventListener("change", invalidate);
  still.addEventListener("change", invalidate);

  return {
    canvas,
    controls,
    invalidate,
    say: (words) => {
      if (status.textContent !== words) status.textContent = words;
    },
    at: (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    },
    close: () => {
      cancelAnimationFrame(frame);
      visible = false;
      for (const watcher of [sizes, views, themes]) watcher.disconnect();
      night.removeEventListener("change", invalidate);
      still.removeEventListener("change", invalidate);
    },
  };
}
