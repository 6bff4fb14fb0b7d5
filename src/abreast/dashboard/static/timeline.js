/** Rate, errors, p99 and the weight over the last minutes, and the events that moved the weight. */

import { now } from "./api.js";
import { el, keyed, measure, say, section, set } from "./dom.js";
import { moment, percent, rate, time, weight } from "./format.js";
import { Plot } from "./plot.js";
import { groups, lineOf, weightSteps } from "./points.js";
import { KINDS, MOVING, isUnderWay } from "./words.js";

const WINDOWS = [5, 15, 60];
const BINS = 300;
const MARK_GAP_PX = 28;
const MOST_MARKED = 60;
const MOST_TOLD = 4;

const CHARTS = [
  { field: "rps", title: "Requests per second", least: 1, format: rate, tick: String },
  { field: "error_share", title: "Errors", least: 0.001, format: percent },
  { field: "p99_ms", title: "Latency, p99", least: 1, format: time },
];

/** Four charts under one choice of window. `redraw` is called when the window or the pointer changes. */
export function timeline(redraw) {
  const view = { minutes: 15, cursor: null };
  const pointed = (at) => {
    view.cursor = at;
    redraw();
  };
  const charts = CHARTS.map((chart) => ({ ...chart, plot: new Plot({ ...chart, pointed }) }));
  const share = new Plot({ title: "Users on the candidate", kind: "steps", least: 10000, format: weight, pointed });
  const marks = markers(share);
  share.frame.append(marks.node);
  share.node.append(marks.note);
  const choose = windows(view, redraw);
  const node = section("timeline", "Over time", choose,
    el("div", { class: "charts" }, share.node, charts.map((chart) => chart.plot.node)));
  const update = (state) => {
    const to_s = now();
    const frame = { minutes: view.minutes, cursor: view.cursor, from_s: to_s - 60 * view.minutes, to_s };
    for (const chart of charts) chart.plot.draw({ ...frame, lines: lines(state, chart.field, frame) });
    share.draw({ ...frame, lines: weightLine(state, frame) });
    marks.update(state, frame);
  };
  return { node, update };
}

function windows(view, redraw) {
  const radios = WINDOWS.map((minutes) => {
    const change = () => {
      view.minutes = minutes;
      redraw();
    };
    const input = el("input", { type: "radio", name: "window", value: minutes, checked: minutes === view.minutes,
      on: { change } });
    return el("label", {}, input, ` ${minutes} min`);
  });
  return el("fieldset", { class: "windows" }, el("legend", { class: "unseen" }, "Time shown"), radios);
}

function lines(state, field, frame) {
  const bin_s = (60 * frame.minutes) / BINS;
  return state.status.versions.map((version) => ({
    name: version.name,
    side: version.side,
    points: lineOf(state.points, state.minutes, version.name, field, frame.from_s, bin_s),
  }));
}

function weightLine(state, frame) {
  const status = state.status;
  const [name, present] = isUnderWay(status) ? [status.candidate, status.weight] : ["no candidate", 0];
  return [{ name, side: "candidate", points: weightSteps(state.events, frame.from_s, frame.to_s, present) }];
}

/** A button over the chart for each group of events: hover or focus shows what happened, also below the chart. */
function markers(plot) {
  const node = el("ul", { class: "marks", "aria-label": "Events that moved the weight" });
  const note = el("p", { class: "note muted" });
  const hint = () => say(note, "Point at a mark, or step through them with Tab, to read what happened.");
  const read = (text) => say(note, text);
  hint();
  const update = (state, frame) => {
    const moving = state.events.filter((entry) => entry.at >= frame.from_s && entry.kind in MOVING);
    const found = groups(moving.slice(-MOST_MARKED), (at) => plot.x(at), MARK_GAP_PX);
    set(node, "hidden", !found.length);
    set(note, "hidden", !found.length);
    keyed(node, found, (group) => group.events[0].id, () => oneMark(read, hint));
  };
  return { node, note, update };
}

/** The events of one mark, the newest of many. */
function told(events) {
  const lines = events.slice(-MOST_TOLD)
    .map((entry) => `${moment(entry.at, now())} ${KINDS[entry.kind]}: ${entry.sentence}`);
  if (events.length > MOST_TOLD) lines.unshift(`${events.length - MOST_TOLD} earlier ones, then`);
  return lines.join(" · ");
}

function oneMark(read, hint) {
  let text = "";
  const show = () => read(text);
  const button = el("button", { type: "button", on: { pointerenter: show, focus: show, click: show, pointerleave: hint,
    blur: hint } });
  const node = el("li", {}, button);
  const update = ({ x, events }) => {
    text = told(events);
    set(button, "aria-label", text);
    say(button, events.length > 1 ? String(events.length) : MOVING[events[0].kind]);
    measure(node, "--x", `${x.toFixed(0)}px`);
  };
  return { node, update };
}
