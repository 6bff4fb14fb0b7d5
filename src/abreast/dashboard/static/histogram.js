/** Both versions' latencies as they are distributed: stable above one logarithmic axis, the candidate below it. */

import { el, keyed, rarely, section, set, side, svg, widthOf } from "./dom.js";
import { time } from "./format.js";
import { bars, decades } from "./scale.js";

const HEIGHT = 232;
const AXIS = 106;
const MARGIN = { left: 12, right: 12 };
const ROOM = 84;
const REMEMBERED = 30;

/** The distribution of the last ten seconds. */
export function histogram() {
  const legend = el("p", { class: "legend" });
  const chart = canvas();
  const empty = el("p", { class: "empty" }, "No request was answered in the last ten seconds.");
  const words = el("p", { class: "muted" },
    "Requests of the last ten seconds by how long they took, each side's as shares of its own. Lines: p50 and p99.");
  const node = section("latency", "Latency", el("div", { class: "card" }, legend, chart.node, empty, words));
  const update = (state) => {
    const shown = state.status.versions.filter((version) => version.side !== "");
    const any = shown.some((version) => version.distribution.length);
    set(empty, "hidden", any);
    for (const each of [chart.node, words]) set(each, "hidden", !any);
    keyed(legend, shown, (version) => `${version.name} ${version.side}`, (version) => ({
      node: el("span", { class: "legend-name" }, side(version.side, version.name)),
    }));
    if (any) chart.update(shown);
  };
  return { node, update };
}

function canvas() {
  const grid = svg("g", { class: "grid" });
  const sides = svg("g");
  const hatch = svg("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)" }, svg("rect", { class: "hatch-ground", width: 5, height: 5 }),
  svg("line", { class: "hatch-line", x1: 0, y1: 0, x2: 0, y2: 5 }));
  const node = svg("svg", { class: "plot", role: "img", height: HEIGHT, "aria-label": "Latency distribution" },
    svg("defs", {}, hatch), grid, sides);
  const seen = [];
  const speak = rarely((text) => set(node, "aria-label", text));
  const update = (versions) => {
    const range = steady(seen, decades(versions.map((version) => version.distribution)));
    const x = axisOf(node, range);
    keyed(grid, decadeTicks(range).map((tick) => ({ ...tick, x })), (tick) => `${tick.log} ${tick.anchor}`, decadeTick);
    const drawn = versions.map((version) => ({ version, bars: bars(version.distribution), x }));
    const top = Math.max(...drawn.flatMap((each) => each.bars.map((bar) => bar.share)), 0.01);
    keyed(sides, drawn.map((each) => ({ ...each, top })), (each) => each.version.side, oneSide);
    speak(drawn.map((each) => spoken(each.version)).join(" "));
  };
  return { node, update };
}

/** The widest range of late: an axis that jumps with every slow request cannot be read. */
function steady(seen, range) {
  seen.push(range);
  if (seen.length > REMEMBERED) seen.shift();
  return [Math.min(...seen.map((each) => each[0])), Math.max(...seen.map((each) => each[1]))];
}

function decadeTicks([low, high]) {
  return Array.from({ length: high - low + 1 }, (_, index) => {
    const log = low + index;
    return { log, anchor: log === low ? "start" : log === high ? "end" : "middle" };
  });
}

function decadeTick({ log, anchor }) {
  const line = svg("line", { y1: 14, y2: HEIGHT - 18 });
  const text = svg("text", { y: HEIGHT - 4, "text-anchor": anchor }, milliseconds(log));
  const update = ({ x }) => {
    for (const end of ["x1", "x2"]) set(line, end, x(log).toFixed(1));
    set(text, "x", x(log).toFixed(1));
  };
  return { node: svg("g", {}, line, text), update };
}

function milliseconds(log) {
  return log >= 3 ? `${10 ** (log - 3)} s` : `${10 ** log < 1 ? (10 ** log).toFixed(-log) : 10 ** log} ms`;
}

/** The bars of one side as one path, and its two quantiles. */
function oneSide({ version }) {
  const up = version.side === "stable";
  const shape = svg("path", { class: "bars", fill: up ? null : "url(#hatch)" });
  const marks = [["p50", (each) => each.p50_ms], ["p99", (each) => each.p99_ms]].map(([name, valueOf]) => ({
    name, valueOf, line: svg("line"), text: svg("text", { y: up ? 10 : HEIGHT - 22 }, name),
  }));
  const node = svg("g", { "data-side": version.side }, shape, marks.map((mark) => [mark.line, mark.text]).flat());
  const update = (item) => {
    set(shape, "d", barsPath(item, up));
    for (const mark of marks) place(mark, mark.valueOf(item.version), item.x, up);
  };
  return { node, update };
}

function barsPath(item, up) {
  return item.bars.map((bar) => {
    const [left, right] = [item.x(bar.from), item.x(bar.to)].map((each) => each.toFixed(1));
    const height = (ROOM * bar.share) / item.top;
    return `M${left} ${AXIS}V${(up ? AXIS - height : AXIS + height).toFixed(1)}H${right}V${AXIS}Z`;
  }).join("");
}

function place(mark, ms, x, up) {
  for (const node of [mark.line, mark.text]) set(node, "visibility", ms === null ? "hidden" : null);
  if (ms === null) return;
  const at = x(Math.log10(Math.max(ms, 0.01))).toFixed(1);
  for (const end of ["x1", "x2"]) set(mark.line, end, at);
  set(mark.line, "y1", up ? 12 : AXIS);
  set(mark.line, "y2", up ? AXIS : HEIGHT - 34);
  set(mark.text, "x", at);
  set(mark.text, "text-anchor", "middle");
}

function axisOf(node, [low, high]) {
  const width = widthOf(node, 600);
  return (log) => MARGIN.left + ((log - low) / (high - low)) * (width - MARGIN.left - MARGIN.right);
}

function spoken(version) {
  if (version.p50_ms === null) return `${version.name}: no requests.`;
  return `${version.name}: half within ${time(version.p50_ms)}, 99 of 100 within ${time(version.p99_ms)}.`;
}
