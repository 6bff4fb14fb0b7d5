/** One chart over time: an axis, a line for each version, and what they are now or under the pointer. */

import { el, keyed, rarely, say, set, side, svg, widthOf } from "./dom.js";
import { clock } from "./format.js";
import { moments, niceTop, pathOf, stepsOf } from "./scale.js";

const HEIGHT = 150;
const EDGE = { left: 58, right: 12, top: 10, bottom: 22 };
const TICK_S = { 5: 60, 15: 180, 60: 600 };

/**
 * What is drawn: `from_s` to `to_s` (Unix seconds) in `minutes`, `lines` with their points, and where the pointer is.
 * @typedef {{from_s: number, to_s: number, minutes: number, cursor: number|null,
 *   lines: {name: string, side: string, points: [number, number|null][]}[]}} Drawing
 */

/**
 * `kind` is "line" or "steps"; `least` the lowest top of the axis; `format` is of values,
 * `tick` of the axis; `pointed` is told Unix seconds, or null.
 */
export class Plot {
  #kind;
  #least;
  #format;
  #tick;
  #title;
  #grid = svg("g", { class: "grid" });
  #lines = svg("g");
  #cursor = svg("line", { class: "cursor", y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" });
  #legend = el("p", { class: "legend" });
  #empty = el("p", { class: "empty", hidden: true }, "Nothing was seen in this time.");
  #svg;
  #speak;
  #scale = { from_s: 0, to_s: 1 };

  constructor({ title, kind = "line", least, format, tick = format, pointed }) {
    [this.#title, this.#kind, this.#least] = [title, kind, least];
    [this.#format, this.#tick] = [format, tick];
    this.#svg = svg("svg", {
      class: "plot", role: "img", height: HEIGHT, "aria-label": title,
      on: {
        pointermove: (happened) => pointed(this.#moment(happened)),
        pointerleave: () => pointed(null),
      },
    }, this.#grid, this.#lines, this.#cursor);
    this.#speak = rarely((text) => set(this.#svg, "aria-label", text));
    this.frame = el("div", { class: "plot-frame" }, this.#svg);
    this.node = el("figure", { class: "card" }, el("figcaption", {}, el("h3", {}, title), this.#legend),
      this.frame, this.#empty);
  }

  /** Pixels from the left for Unix seconds. */
  x(at) {
    const { from_s, to_s } = this.#scale;
    return EDGE.left + ((at - from_s) / (to_s - from_s)) * this.#width;
  }

  /** @param {Drawing} drawing */
  draw(drawing) {
    this.#scale = drawing;
    const values = drawing.lines.flatMap((line) => line.points.map((point) => point[1]).filter((v) => v !== null));
    const top = niceTop(Math.max(...values, 0), this.#least);
    const y = (value) => EDGE.top + (1 - value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
    set(this.#empty, "hidden", values.length > 0);
    this.#drawGrid(drawing, top, y);
    keyed(this.#lines, drawing.lines.map((line) => ({ ...line, y })), keyOf, () => this.#line());
    this.#point(drawing.cursor);
    keyed(this.#legend, drawing.lines.map((line) => ({ ...line, at: drawing.cursor })), keyOf,
      (line) => this.#name(line));
    this.#speak(this.#spoken(drawing), drawing.minutes);
  }

  get #width() {
    return widthOf(this.#svg, 500) - EDGE.left - EDGE.right;
  }

  #drawGrid(drawing, top, y) {
    const values = [0, top / 2, top].map((value) => ({ key: `y${value}`, value, y }));
    const times = moments(drawing.from_s, drawing.to_s, TICK_S[drawing.minutes])
      .filter((at) => this.x(at) < EDGE.left + this.#width - 12)
      .map((at) => ({ key: `t${at}`, at }));
    keyed(this.#grid, [...values, ...times], (item) => item.key,
      (item) => (item.at === undefined ? this.#level() : this.#time(item.at)));
  }

  #level() {
    const line = svg("line", { x1: EDGE.left });
    const text = svg("text", { x: EDGE.left - 6, "text-anchor": "end" });
    const update = ({ value, y }) => {
      for (const end of ["y1", "y2"]) set(line, end, y(value).toFixed(1));
      set(line, "x2", EDGE.left + this.#width);
      set(text, "y", (y(value) + 4).toFixed(1));
      say(text, this.#tick(value));
    };
    return { node: svg("g", {}, line, text), update };
  }

  #time(at) {
    const node = svg("text", { y: HEIGHT - 5, "text-anchor": "middle" }, clock(at));
    return { node, update: () => set(node, "x", this.x(at).toFixed(1)) };
  }

  #line() {
    const path = svg("path", { class: `line ${this.#kind}` });
    const end = svg("path", { class: "line-end" });
    const node = svg("g", {}, path, end);
    const update = (line) => {
      const x = (at) => this.x(at);
      set(node, "data-side", line.side || "none");
      set(path, "d", this.#kind === "steps" ? stepsOf(line.points, x, line.y) : pathOf(line.points, x, line.y));
      const last = line.points.at(-1);
      set(end, "d", last && last[1] !== null ? signPath(line.side, x(last[0]), line.y(last[1])) : "");
    };
    return { node, update };
  }

  #name(line) {
    const words = el("span", { class: "figure" });
    const update = ({ points, at }) => say(words, this.#worded(valueAt(points, at)));
    return { node: el("span", { class: "legend-name" }, side(line.side, line.name), " ", words), update };
  }

  #worded(value) {
    return value === null ? "–" : this.#format(value);
  }

  #point(cursor) {
    set(this.#cursor, "visibility", cursor === null ? "hidden" : null);
    if (cursor !== null) for (const end of ["x1", "x2"]) set(this.#cursor, end, this.x(cursor).toFixed(1));
  }

  #moment(happened) {
    const { from_s, to_s } = this.#scale;
    const share = (happened.clientX - this.#svg.getBoundingClientRect().left - EDGE.left) / this.#width;
    return share < 0 || share > 1 ? null : from_s + share * (to_s - from_s);
  }

  #spoken({ lines, minutes }) {
    const told = lines.map((line) => {
      const values = line.points.map((point) => point[1]).filter((value) => value !== null);
      if (!values.length) return `${line.name}: nothing seen`;
      const [low, high] = [Math.min(...values), Math.max(...values)].map(this.#format);
      return `${line.name}: ${this.#worded(valueAt(line.points, null))} now, from ${low} to ${high}`;
    });
    return `${this.#title}, last ${minutes} minutes. ${told.join("; ")}.`;
  }
}

function keyOf(line) {
  return `${line.name} ${line.side}`;
}

/** A line's value at that time, or its last: what it was at the point before. */
function valueAt(points, at) {
  if (at === null) return points.at(-1)?.[1] ?? null;
  return points.filter((point) => point[0] <= at).at(-1)?.[1] ?? null;
}

/** A disc for stable and a diamond for the candidate, as in their names. */
function signPath(name, x, y) {
  if (name === "candidate") return `M${x} ${y - 5}l5 5l-5 5l-5 -5Z`;
  return `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z`;
}
