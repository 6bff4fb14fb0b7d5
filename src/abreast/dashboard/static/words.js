/** What states, kinds and phases are called on the page, and what is waited for. */

import { about, several, weight } from "./format.js";

/** Each phase: how it is called, and its tone. */
export const PHASES = {
  pending: ["pending", "move"],
  progressing: ["progressing", "move"],
  paused: ["paused", "warn"],
  promoting: ["promoting", "move"],
  baking: ["baking", "move"],
  retiring: ["retiring", "move"],
  completed: ["completed", "good"],
  "rolling-back": ["rolling back", "bad"],
  "rolled-back": ["rolled back", "bad"],
  frozen: ["frozen", "warn"],
};

/** Each kind of event. */
export const KINDS = {
  started: "rollout began",
  phase: "phase",
  weight: "weight",
  shadow: "copying",
  step: "step",
  approved: "approved",
  held: "held",
  verdict: "verdict",
  refused: "refused",
  sheltered: "sheltered",
  unsheltered: "shelter over",
  released: "released",
  instance: "instance",
  gateway: "gateway",
  nack: "gateway refused",
  spec: "spec",
  relay: "relay",
  finding: "finding",
  silent: "silence",
  check: "check",
  data: "data",
  flag: "flag",
  lease: "lease",
  token: "token",
};

/** The kinds that moved the weight, or say why it stayed: what marks the chart of the weight, and with which sign. */
export const MOVING = {
  started: "★",
  weight: "▲",
  phase: "■",
  verdict: "✘",
  sheltered: "◐",
  unsheltered: "◑",
  approved: "✔",
  held: "◌",
};

/** Each state of a gate: its sign, its words, and its tone. */
export const GATES = {
  worse: ["✘", "worse", "bad"],
  "not-worse": ["✔", "not worse", "good"],
  undecided: ["◌", "undecided", "plain"],
};

/** Each state of a finding, likewise. */
export const FINDINGS = {
  open: ["●", "open", "warn"],
  accepted: ["✔", "accepted", "good"],
  resolved: ["○", "resolved", "plain"],
};

/** Each state of an instance, likewise. */
export const INSTANCES = {
  ready: ["●", "ready", "good"],
  starting: ["◔", "starting", "plain"],
  unready: ["▲", "unready", "warn"],
  stopping: ["◑", "stopping", "plain"],
  failed: ["✘", "failed", "bad"],
};

/** Whether a candidate is beside the stable version: neither before the first rollout nor after one. */
export function isUnderWay(status) {
  return status.candidate !== null && status.phase !== "completed";
}

/** The version that all users fall back on. */
export function serving(status) {
  return status.phase === "completed" && status.candidate !== null ? status.candidate : status.stable;
}

/** Place in the ladder, from 0; its length: all of it is done; -1: not begun. */
export function place(status) {
  const bake = status.ladder.findIndex((step) => step.name === "bake");
  const top = status.ladder.findIndex((step, index) => index >= status.steps && index !== bake);
  const places = {
    completed: status.ladder.length,
    retiring: status.ladder.length,
    baking: bake < 0 ? status.ladder.length : bake,
    promoting: top < 0 ? status.steps : top,
    pending: -1,
    "rolling-back": -1,
    "rolled-back": -1,
  };
  return places[status.phase] ?? Math.max(status.step - 1, 0);
}

/** What is waited for. A gate's sentence stands on the page already: here it is named alone. */
export function waitsFor(status) {
  const gate = status.gates.find((each) => status.because.includes(each.sentence));
  if (gate === undefined || gate.state !== "undecided") return `${status.because}${limit(status)}`;
  return `the next step when ${gate.name} is proven${left(gate)}${limit(status)}`;
}

function left(gate) {
  return gate.missing_s === null ? "" : `, about ${about(gate.missing_s)} at this rate`;
}

/** When it is looked at again at the latest, unless the reason says so itself. */
function limit(status) {
  const wake_s = status.wake_in_s;
  if (wake_s === null || wake_s <= 0 || status.because.includes(about(wake_s))) return "";
  return ` (for at most ${about(wake_s)} more)`;
}

/** How far a gate's proof is, and what is missing. */
export function proof(gate) {
  if (gate.state === "worse") return "proven: the candidate is worse";
  if (gate.state === "not-worse") return "proven: the candidate is not worse";
  const share = `${Math.round(100 * gate.share)} % of the proof`;
  if (gate.missing === null) return share;
  const unit = gate.name === "differences" ? "compared answer" : "request";
  return `${share}; about ${several(gate.missing, unit)} missing${left(gate)}`;
}

/** Gateways that do not obey, in words, one each. */
export function disobeying(status) {
  return status.nodes.filter((gateway) => !gateway.obeys).map((gateway) => {
    const why = gateway.nack || (gateway.connected ? "it has not acknowledged yet" : "it is not connected");
    const has = gateway.weight === null ? "" : `; it has ${weight(gateway.weight)}`;
    return `Gateway ${gateway.id} does not obey the order of ${weight(status.weight)}${has}: ${why}`;
  });
}

/** Of several servers on one store: who decides, and who is silent; nothing where there is one alone. */
export function fleet(status) {
  if (!status.servers?.length) return "";
  const decides = status.servers.filter((server) => server.decides).map((server) => server.name)[0];
  const silent = status.servers.filter((server) => server.lost)
    .map((server) => `${server.name} is silent for ${about(server.silent_s)}`);
  const who = decides ? `${decides} decides` : "none decides at present";
  return [`${status.servers.length}: ${who}`, ...silent, ...apart(status)].join("; ");
}

/** Of gateways apart from servers: what each has, and who is silent; and which relays there are. */
function apart(status) {
  const gateways = (status.gateways ?? []).map((agent) => {
    if (agent.lost) return `gateway ${agent.name} is silent for ${about(agent.silent_s)}`;
    const has = agent.weight === null ? "is not known yet" : `has ${weight(agent.weight)}`;
    return `gateway ${agent.name} ${has}${agent.obeys ? "" : ", not as ordered"}, through ${agent.server}`;
  });
  return status.relays?.length ? [...gateways, `relays ${status.relays.join(", ")}`] : gateways;
}
