/** All that the page knows. Parts read it; only what is here changes it. */

import { keep, pointOf, thinned } from "./points.js";

const GATE_POINTS = 240;
export const MOST_EVENTS = 10000;

/**
 * - `link`: "connecting", "live" or "lost"; `link_since`: Unix seconds.
 * - `status`: the newest, null before the first.
 * - `events`: ascending by id; `events_all`: whether there are no older ones.
 * - `gates`: for each gate its shares of proof, as pairs of Unix seconds and share, in the present step.
 * - `findings`: as the API tells them; `findings_problem`: why it does not.
 */
export function createState(session) {
  return {
    session,
    link: "connecting",
    link_since: 0,
    link_problem: null,
    status: null,
    points: [],
    minutes: [],
    events: [],
    events_all: false,
    gates: new Map(),
    gates_step: "",
    findings: null,
    findings_problem: null,
  };
}

/** Whether this person may give commands. */
export function maySteer(session) {
  return session.role === "operator" || session.role === "admin";
}

export function takeStatus(state, status, at) {
  state.status = status;
  keep(state.points, pointOf(status, at));
  const step = `${status.rollout} ${status.step} ${status.phase}`;
  if (step !== state.gates_step) {
    state.gates_step = step;
    state.gates.clear();
  }
  for (const gate of status.gates) {
    state.gates.set(gate.name, thinned(state.gates.get(gate.name) ?? [], [at, gate.share], GATE_POINTS));
  }
}

/** Add events that may be known in part. */
export function takeEvents(state, entries) {
  const newest = state.events.at(-1)?.id ?? 0;
  if (entries.length && entries.every((entry) => entry.id > newest)) {
    state.events = [...state.events, ...entries];
    return;
  }
  const all = new Map([...state.events, ...entries].map((entry) => [entry.id, entry]));
  state.events = [...all.values()].sort((a, b) => a.id - b.id);
}

export function newestEvent(state) {
  return state.events.at(-1)?.id ?? 0;
}

/** What decides whether the findings have to be asked for again. */
export function findingsMark(status) {
  const shadow = status.shadow;
  if (shadow === null) return `${status.rollout}`;
  return `${status.rollout} ${shadow.findings_open} ${shadow.findings_accepted}`;
}
