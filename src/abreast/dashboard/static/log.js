/** The audit log: who did what and why, the newest first. */

import { now } from "./api.js";
import { el, keyed, say, section, set } from "./dom.js";
import { count, moment } from "./format.js";
import { MOST_EVENTS } from "./state.js";
import { KINDS, MOVING } from "./words.js";

const PAGE = 20;

/** `older` asks for older events than are known. */
export function log(older) {
  const view = { kind: "", text: "", rows: PAGE };
  let latest = null;
  const refresh = () => latest && update(latest);
  const filters = chooser(view, refresh);
  const list = el("ol", { class: "log", role: "list" });
  const empty = el("p", { class: "empty" });
  const more = el("button", { type: "button", class: "plain" }, "Load older");
  more.addEventListener("click", () => {
    view.rows += PAGE;
    if (latest.events.length <= view.rows && !latest.events_all) older();
    refresh();
  });
  const node = section("log", "Audit log", filters, empty, list, more);
  const update = (state) => {
    latest = state;
    const found = chosen(state.events, view);
    set(empty, "hidden", found.length > 0);
    say(empty, state.events.length ? "No event fits this filter." : "Nothing has happened yet.");
    set(more, "hidden", found.length <= view.rows && (state.events_all || state.events.length >= MOST_EVENTS));
    keyed(list, found.slice(0, view.rows), (entry) => entry.id, oneEvent);
  };
  return { node, update: onChange(update) };
}

/** Only when there are other events than before: a long log is not gone through every second. */
function onChange(update) {
  let before = null;
  return (state) => {
    if (state.events === before) return;
    before = state.events;
    update(state);
  };
}

function chosen(events, view) {
  const text = view.text.toLowerCase();
  const fits = (entry) => (view.kind === "" || entry.kind === view.kind
      || (view.kind === "moving" && entry.kind in MOVING))
    && (text === "" || `${entry.sentence} ${entry.actor}`.toLowerCase().includes(text));
  return events.filter(fits).reverse();
}

function chooser(view, refresh) {
  const options = [["", "all kinds"], ["moving", "what moved the weight"], ...Object.entries(KINDS)];
  const select = el("select", { id: "log-kind" }, options.map(([value, words]) => el("option", { value }, words)));
  const text = el("input", { id: "log-text", type: "search", autocomplete: "off" });
  select.addEventListener("change", () => {
    Object.assign(view, { kind: select.value, rows: PAGE });
    refresh();
  });
  text.addEventListener("input", () => {
    Object.assign(view, { text: text.value.trim(), rows: PAGE });
    refresh();
  });
  return el("div", { class: "filters" },
    el("div", { class: "field" }, el("label", { for: select.id }, "Kind"), select),
    el("div", { class: "field" }, el("label", { for: text.id }, "Words"), text));
}

function oneEvent(entry) {
  const at = el("time", { datetime: new Date(entry.at * 1000).toISOString() }, moment(entry.at, now()));
  const kind = el("span", { class: "kind", "data-kind": entry.kind }, KINDS[entry.kind] ?? entry.kind);
  const who = el("span", { class: "muted" }, `${entry.actor} · rollout ${count(entry.rollout)}`);
  return { node: el("li", {}, at, kind, el("span", { class: "sentence" }, entry.sentence), who) };
}
