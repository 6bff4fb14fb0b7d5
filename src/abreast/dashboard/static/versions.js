/** The versions side by side: what they answer, how fast, and what runs of them. */

import { el, fact, keyed, say, section, set, side } from "./dom.js";
import { count, percent, rate, several, time } from "./format.js";
import { INSTANCES } from "./words.js";

const SIDES = { stable: "stable", candidate: "candidate", "": "not in this rollout" };

/** One card for each version. */
export function versions() {
  const cards = el("div", { class: "cards" });
  const node = section("versions", "Versions", cards);
  const update = (state) => {
    keyed(cards, state.status.versions, (version) => `${version.name} ${version.side}`, card);
  };
  return { node, update };
}

function card(version) {
  const ready = el("span", { class: "ready" });
  const now = headline();
  const rest = details();
  const instances = el("ul", { class: "instances", "aria-label": `Instances of ${version.name}` });
  const role = el("span", { class: "muted" }, ` ${SIDES[version.side]}`);
  const title = el("h3", {}, side(version.side, version.name), role);
  const node = el("article", { class: "card version", "data-side": version.side || "none" },
    el("div", { class: "card-head" }, title, ready), now.node, rest.node, instances);
  const update = (version) => {
    say(ready, `${version.ready} of ${version.wanted} ready`);
    set(ready, "data-tone", version.ready < version.wanted ? "warn" : null);
    now.update(version);
    rest.update(version);
    keyed(instances, version.instances, (instance) => instance.id, oneInstance);
  };
  return { node, update };
}

/** The four figures that are looked at version. */
function headline() {
  const figures = [
    ["rate", (version) => rate(version.rps)],
    ["errors", (version) => percent(version.error_share)],
    ["p50", (version) => time(version.p50_ms)],
    ["p99", (version) => time(version.p99_ms)],
  ].map(([name, words]) => ({ part: fact(name), words }));
  const node = el("dl", { class: "figures" }, figures.map((figure) => figure.part.node));
  const update = (version) => figures.forEach((figure) => figure.part.update(figure.words(version)));
  return { node, update };
}

function details() {
  const kinds = fact("kinds of errors");
  const flight = fact("in flight");
  const answered = fact("in this step");
  const node = el("dl", { class: "facts" }, kinds.node, flight.node, answered.node);
  const update = (version) => {
    const told = Object.entries(version.errors_by_code).map(([kind, number]) => `${count(number)} × ${kind}`);
    kinds.update(told.join(", "));
    const long = version.waiting_long ? `; ${several(version.waiting_long, "waits", "wait")} too long` : "";
    flight.update(`${count(version.in_flight)}${long}`);
    answered.update(`${several(version.requests, "request")}, ${several(version.errors, "error")}`);
  };
  return { node, update };
}

function oneInstance() {
  const sign = el("span", { "aria-hidden": "true" });
  const name = el("strong");
  const words = el("span");
  const detail = el("span", { class: "detail" });
  const node = el("li", {}, sign, " ", name, " ", words, " ", detail);
  const update = (instance) => {
    const [shape, state, tone] = INSTANCES[instance.state] ?? ["○", instance.state, "plain"];
    say(sign, shape);
    set(sign, "data-tone", tone);
    say(name, instance.id);
    const process = instance.pid === null ? "" : `, process ${instance.pid}`;
    const again = instance.restarts ? `, ${several(instance.restarts, "restart")}` : "";
    say(words, `${state} at ${instance.address}${process}${again}`);
    say(detail, instance.state === "ready" ? "" : instance.detail);
  };
  return { node, update };
}
