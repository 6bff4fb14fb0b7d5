/** The gates: how each stands, and its evidence as it grows towards its line. */

import { el, keyed, measure, say, section, set, svg } from "./dom.js";
import { pathOf } from "./scale.js";
import { capital } from "./toast.js";
import { GATES, proof } from "./words.js";

const SPARK = { width: 120, height: 30, top: 4 };

/** What the database says, how the release group stands, and one card for each gate; words where none judges. */
export function gates() {
  const cards = el("ul", { class: "gates", role: "list" });
  const empty = el("p", { class: "empty" }, "No gate judges now: they do while users or copies are on a candidate.");
  const data = el("p", { id: "data" });
  const group = el("p", { id: "group" });
  const node = section("gates", "Gates", data, group, cards, empty);
  const update = (state) => {
    const { status } = state;
    set(data, "hidden", !status.data.length);
    say(data, `Data: ${status.data.join("; ")}.`);
    set(group, "hidden", !status.group.length);
    say(group, `Group: ${status.group.join("; ")}.`);
    const items = status.gates.map((gate) => ({ gate, past: state.gates.get(gate.name) ?? [] }));
    set(empty, "hidden", items.length > 0);
    set(cards, "hidden", !items.length);
    keyed(cards, items, (item) => item.gate.name, oneGate);
  };
  return { node, update };
}

function oneGate({ gate: { name } }) {
  const sign = el("span", { "aria-hidden": "true", class: "sign" });
  const state = el("span", { class: "gate-state" });
  const sentence = el("p");
  const missing = el("p", { class: "muted" });
  const bar = evidence(name);
  const node = el("li", { class: "card gate" },
    el("div", { class: "card-head" }, el("h3", {}, sign, ` ${capital(name)}`), state),
    sentence, bar.node, missing);
  const update = ({ gate, past }) => {
    const [shape, words, tone] = GATES[gate.state];
    say(sign, shape);
    say(state, words);
    set(node, "data-tone", tone);
    say(sentence, gate.sentence);
    say(missing, capital(proof(gate)));
    bar.update(gate, past);
  };
  return { node, update };
}

/** The share of the proof as a bar whose line is at 1, and how it grew in this step. */
function evidence(name) {
  const bar = el("div", { class: "proof", role: "progressbar", "aria-label": `Proof of ${name}`, "aria-valuemin": 0,
    "aria-valuemax": 100 }, el("div", { class: "proof-fill" }), el("div", { class: "proof-line" }));
  const path = svg("path", { class: "spark" });
  const line = svg("line", { class: "spark-line", x1: 0, x2: SPARK.width, y1: SPARK.top, y2: SPARK.top });
  const spark = svg("svg", { class: "sparkline", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, "aria-hidden": "true",
    width: SPARK.width, height: SPARK.height }, line, path);
  const update = (gate, past) => {
    measure(bar, "--share", gate.share.toFixed(3));
    set(bar, "aria-valuenow", Math.round(100 * gate.share));
    set(bar, "aria-valuetext", proof(gate));
    set(path, "d", sparkOf(past));
  };
  return { node: el("div", { class: "evidence" }, bar, spark), update };
}

function sparkOf(past) {
  if (past.length < 2) return "";
  const [from, to] = [past[0][0], past.at(-1)[0]];
  const x = (at) => ((at - from) / (to - from || 1)) * SPARK.width;
  return pathOf(past, x, (share) => SPARK.height - 2 - share * (SPARK.height - 2 - SPARK.top));
}
