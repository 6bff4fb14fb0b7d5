/** The ladder and the place on it, what is set and seen, what is waited for, and what is wrong. */

import { el, fact, keyed, say, section, set, unseen } from "./dom.js";
import { count, percent, weight } from "./format.js";
import { disobeying, fleet, isUnderWay, place, serving, waitsFor } from "./words.js";

const STEPS = { done: ["✔", "done"], now: ["▶", "now"], next: ["○", "to come"] };

/** The strip below the head. */
export function progress() {
  const ladder = el("ol", { class: "ladder", "aria-label": "Steps" });
  const facts = figures();
  const waits = el("p", { class: "waits" });
  const rest = atRest();
  const why = explanation();
  const title = "Progress";
  const node = section("progress", title, rest.node, ladder, facts.node, waits, why.node);
  const update = (state) => {
    const status = state.status;
    const under_way = isUnderWay(status);
    set(ladder, "hidden", !under_way);
    if (under_way) steps(ladder, status);
    rest.update(status);
    facts.update(status);
    const said = status.phase === "rolled-back" && status.because.includes(status.reason); // in the head already
    say(waits, under_way && !said ? `Next: ${waitsFor(status)}` : "");
    why.update(status);
  };
  return { node, update };
}

function steps(ladder, status) {
  const at = place(status);
  const items = status.ladder.map((step, index) => ({
    key: `${index} ${step.words}`,
    words: step.words,
    state: index < at ? "done" : index === at ? "now" : "next",
  }));
  keyed(ladder, items, (item) => item.key, oneStep);
}

function oneStep() {
  const sign = el("span", { "aria-hidden": "true" });
  const words = el("span");
  const told = unseen("");
  const node = el("li", {}, sign, " ", words, told);
  const update = (item) => {
    const [shape, state] = STEPS[item.state];
    say(sign, shape);
    say(words, item.words);
    say(told, `, ${state}`);
    set(node, "data-state", item.state);
    set(node, "aria-current", item.state === "now" ? "step" : null);
  };
  return { node, update };
}

function figures() {
  const set_to = fact("set");
  const seen = fact("seen");
  const failed = fact("users");
  const gateways = fact("gateways");
  const servers = fact("servers");
  const node = el("dl", { class: "facts" }, set_to.node, seen.node, failed.node, gateways.node, servers.node);
  const update = (status) => {
    const under_way = isUnderWay(status);
    set_to.update(under_way ? `${weight(status.weight)} of users on ${status.candidate}` : "");
    seen.update(under_way && status.seen_share !== null
      ? `${percent(status.seen_share)} of ${count(status.seen_requests)} requests in this step` : "");
    const requests = status.users_requests;
    failed.update(requests ? `${percent(status.users_failed / requests)} of requests failed`
      + ` (${count(status.users_failed)} of ${count(requests)})` : "no request yet");
    const obey = status.nodes.filter((gateway) => gateway.obeys).length;
    gateways.update(`${obey} of ${status.nodes.length} obey`);
    servers.update(fleet(status));
  };
  return { node, update };
}

/** Where no rollout is under way: what serves, and what could be started. */
function atRest() {
  const node = el("p", { class: "rest" });
  const update = (status) => {
    const resting = !isUnderWay(status);
    set(node, "hidden", !resting);
    if (!resting) return;
    const could = status.startable.length
      ? `Can be started: ${status.startable.join(", ")}.`
      : "There is no other version in the spec: add one, and it can be started.";
    say(node, `${serving(status)} serves all users; no rollout is under way. ${could}`);
  };
  return { node, update };
}

function explanation() {
  const list = el("ul");
  const node = el("details", { on: { toggle: () => fill() } }, el("summary", {}, "Why it is where it is"), list);
  let lines = [];
  const fill = () => {
    if (node.open) keyed(list, lines.map((line, index) => ({ line, index })), (item) => item.index, oneLine);
  };
  const update = (status) => {
    lines = status.explanation;
    fill();
  };
  return { node, update };
}

function oneLine() {
  const node = el("li");
  return { node, update: (item) => say(node, item.line) };
}

/** What is wrong, one line each; said to screen readers as it appears. */
export function warnings() {
  const node = el("ul", { class: "warnings", "aria-live": "polite", "aria-label": "Warnings" });
  const update = (state) => {
    const status = state.status;
    const lines = [
      status.store_error && `The store cannot be written: ${status.store_error}`,
      status.silence,
      ...disobeying(status),
    ].filter((line) => line);
    keyed(node, lines.map((line, index) => ({ line, index })), (item) => item.index, warning);
    set(node, "hidden", !lines.length);
  };
  return { node, update };
}

function warning() {
  const words = el("span");
  const node = el("li", { "data-tone": "bad" }, el("span", { "aria-hidden": "true" }, "▲ "), words);
  return { node, update: (item) => say(words, item.line) };
}

/** Says moves to screen readers, and only those: figures change every second. */
export function moves() {
  const node = el("p", { class: "unseen", role: "status" });
  let before = "";
  const update = (state) => {
    const status = state.status;
    const move = `${status.service} is ${status.phase}, ${weight(status.weight)} of users on the candidate`;
    if (before && move !== before) say(node, `${move}: ${status.reason}`);
    before = move;
  };
  return { node, update };
}

