/** Making and changing what is shown: by nodes and text alone, so that nothing a service says can become markup. */

const SVG = "http://www.w3.org/2000/svg";
const SPOKEN_MS = 10000;
const SIGNS = { stable: "●", candidate: "◆" };

/**
 * A part of the page: its node, and how it follows what is known.
 * @typedef {{node: Element, update?: (item: any) => void}} Part
 */

/** An HTML element. `attrs.on` holds listeners; false, null and undefined leave an attribute or a child out. */
export function el(tag, attrs = {}, ...children) {
  return furnish(document.createElement(tag), attrs, children);
}

/** An SVG element, as `el`. */
export function svg(tag, attrs = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attrs, children);
}

function furnish(node, attrs, children) {
  for (const [name, value] of Object.entries(attrs)) {
    if (name !== "on") {
      set(node, name, value);
      continue;
    }
    for (const [kind, listener] of Object.entries(value)) node.addEventListener(kind, listener);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Give an attribute this value, if it has another; false, null and undefined take it away. */
export function set(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Give a node this text, if it has another. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Give a custom property of the style sheet this value. */
export function measure(node, property, value) {
  if (node.style.getPropertyValue(property) !== value) node.style.setProperty(property, value);
}

/** @type {WeakMap<Element, Map<unknown, Part>>} */
const shown = new WeakMap();

/**
 * Have `parent` hold one part for each item, in this order; parts that stay are neither made anew nor moved without
 * need, so that focus and what is being read stay where they are.
 */
export function keyed(parent, items, keyOf, make) {
  const before = shown.get(parent) ?? new Map();
  const after = new Map(items.map((item) => [keyOf(item), before.get(keyOf(item)) ?? make(item)]));
  for (const [key, part] of before) if (!after.has(key)) part.node.remove();
  let place = parent.firstElementChild;
  for (const part of after.values()) {
    if (part.node === place) place = place.nextElementSibling;
    else parent.insertBefore(part.node, place);
  }
  items.forEach((item) => after.get(keyOf(item)).update?.(item));
  shown.set(parent, after);
}

/** Name and value, as in a list of facts; `update(text)` changes the value. An empty text hides both. */
export function fact(name) {
  const value = el("dd");
  const node = el("div", { class: "fact" }, el("dt", {}, name), value);
  const update = (text) => {
    say(value, text);
    set(node, "hidden", text === "");
  };
  return { node, update };
}

/** A section with a heading that names it. */
export function section(id, title, ...children) {
  const heading = el("h2", { id: `${id}-title` }, title);
  return el("section", { id, class: "part", "aria-labelledby": heading.id }, heading, ...children);
}

/** Words for screen readers alone. */
export function unseen(text) {
  return el("span", { class: "unseen" }, text);
}

/** A version's name in the colour and with the sign of its side. */
export function side(name, version) {
  const sign = el("span", { "aria-hidden": "true" }, `${SIGNS[name] ?? "○"} `);
  return el("span", { class: "side", "data-side": name || "none" }, sign, version);
}

/**
 * Call at most every ten seconds: a label that changes each second cannot be heard to its end. When `about` is another
 * than before, at once.
 */
export function rarely(call) {
  let spoken_ms = -Infinity;
  let before = null;
  return (text, about = null) => {
    if (about === before && performance.now() - spoken_ms < SPOKEN_MS) return;
    spoken_ms = performance.now();
    before = about;
    call(text);
  };
}

/** @type {WeakMap<Element, number>} */
const widths = new WeakMap();
const watch = new ResizeObserver((changes) => {
  for (const change of changes) widths.set(change.target, change.contentRect.width);
});

/** A node's width in pixels, remembered: to ask for it between two changes has the browser lay out the page anew. */
export function widthOf(node, otherwise) {
  if (!widths.has(node) && node.clientWidth) {
    widths.set(node, node.clientWidth);
    watch.observe(node);
  }
  return widths.get(node) || otherwise;
}
