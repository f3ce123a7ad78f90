// Mounts the explorables of a page: each brings its module, its style, its state and its data along.

const styles = new Set();

async function mount(place) {
  const traits = JSON.parse(place.querySelector("script").textContent);
  if (!styles.has(traits.style)) {
    styles.add(traits.style);
    document.head.append(Object.assign(document.createElement("style"), { textContent: traits.style }));
  }
  const bytes = Uint8Array.from(atob(traits.data), (letter) => letter.charCodeAt(0));
  traits.data = new DataView(bytes.buffer);
  const address = URL.createObjectURL(new Blob([traits.module], { type: "text/javascript" }));
  const module = await import(address);
  URL.revokeObjectURL(address);
  module.default.render({ model: { get: (name) => traits[name] }, el: place });
}

document.querySelectorAll(".explorable-place").forEach(mount);
