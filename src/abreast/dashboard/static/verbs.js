/** People's commands: how each button is called, and what it will do in the present state. */

import { about, weight } from "./format.js";
import { serving } from "./words.js";

/**
 * @typedef {{label: string, title: (status: any) => string, danger?: boolean,
 *   will: (status: any, wish: {version?: string, weight?: number}) => string[]}} VerbWords
 */

const PROTECTED = "The gates go on protecting: if the candidate turns out to be worse, it is rolled back all the same.";

const onCandidate = (status) => `${weight(status.weight)} of users are on ${status.candidate} now`;
const isBaking = (status) => status.phase === "baking" || !status.allowed.includes("promote --full");
const isHalted = (status) => status.phase === "paused" || status.phase === "frozen";

function back(status) {
  const all = `All users go back to ${status.stable} at once (${onCandidate(status)}).`;
  const kept = `${status.candidate} keeps running until it has been unused for a while; retire stops it sooner.`;
  return [all, `The rollout ends as rolled back. ${kept}`, "Retry starts it again with the same users first."];
}

function promotion(status) {
  if (isBaking(status)) {
    const rest = `The rest of the bake is skipped: ${status.stable} is retired once it is unused.`;
    return [rest, `When ${status.stable} is stopped, undo is no longer possible.`];
  }
  const next = status.step < status.steps ? status.ladder[status.step] : undefined;
  const present = status.ladder[status.step - 1];
  const step = present === undefined ? "" : ` (${present.words})`;
  const after = next === undefined ? `all users go to ${status.candidate}` : `the next one begins: ${next.words}`;
  const skipped = `The rest of step ${status.step} of ${status.steps}${step} is skipped, also its proof; ${after}.`;
  return [...(isHalted(status) ? ["The rollout goes on."] : []), skipped, PROTECTED];
}

function full(status) {
  const skipped = status.steps - status.step + 1;
  return [
    `All users go to ${status.candidate} at once (${onCandidate(status)}).`,
    `Proof is skipped: ${skipped === 1 ? "the last step is" : `${skipped} steps are`} not walked, and nothing has`
      + ` shown that ${status.candidate} can carry all users.`,
    `Undo brings them back as long as ${status.stable} is warm.`,
  ];
}

function retirement(status) {
  if (status.phase === "rolled-back") {
    return [
      `${status.candidate} is stopped now, after the requests it still has. No user is on it.`,
      "Retry has to start its instances again.",
    ];
  }
  return [
    `${status.stable} leaves the gateway and is stopped now, after the requests it still has.`,
    `Then undo is no longer possible: ${status.stable} would have to be rolled out again.`,
  ];
}

function abortion(status) {
  if (status.phase !== "pending") return back(status);
  return [`${status.candidate} is no longer waited for. No user was sent to it.`, ...back(status).slice(1)];
}

function setting(status, wish) {
  const goal = wish.weight === undefined ? "This share" : weight(wish.weight);
  return [
    `${goal} of users will be on ${status.candidate} at once (${onCandidate(status)}).`,
    "The steps are paused until resume.",
    PROTECTED,
  ];
}

/** @type {Record<string, VerbWords>} in the order of the buttons */
export const VERBS = {
  start: {
    label: "Start",
    title: () => "Start a rollout",
    will: (status, wish) => [
      `${wish.version ?? "The version"} is started beside ${serving(status)}, which serves all users.`,
      "No user is sent to it before it is ready; then it climbs the steps of the spec.",
    ],
  },
  retry: {
    label: "Retry",
    title: (status) => `Try ${status.candidate} again`,
    will: (status) => [
      `${status.candidate} is started again if it was stopped, and climbs from the first step, the same users first.`,
      "What was seen of it before does not count, neither for nor against it.",
    ],
  },
  promote: {
    label: "Promote",
    title: (status) => (isBaking(status) ? "End the bake" : "Go on to the next step"),
    will: promotion,
  },
  resume: {
    label: "Resume",
    title: () => "Resume the rollout",
    will: (status) => [
      `The rollout goes on from ${weight(status.weight)} of users on ${status.candidate}.`,
      "The present step begins anew: its time and its proof are counted from now.",
    ],
  },
  pause: {
    label: "Pause",
    title: () => "Pause the rollout",
    will: (status) => [`${weight(status.weight)} of users stay on ${status.candidate} until resume.`, PROTECTED],
  },
  weight: {
    label: "Weight…",
    title: (status) => `Set the share of users on ${status.candidate}`,
    will: setting,
  },
  "promote --full": {
    label: "Promote fully",
    title: (status) => `Give all users to ${status.candidate}`,
    danger: true,
    will: full,
  },
  retire: {
    label: "Retire",
    title: (status) => `Stop ${status.phase === "rolled-back" ? status.candidate : status.stable} now`,
    danger: true,
    will: retirement,
  },
  undo: {
    label: "Undo",
    title: () => "Undo the promotion",
    danger: true,
    will: back,
  },
  abort: {
    label: "Abort",
    title: () => "Abort the rollout",
    danger: true,
    will: abortion,
  },
};

/** The verbs that are possible now, in the order of the buttons. */
export function possible(status) {
  return Object.keys(VERBS).filter((verb) => status.allowed.includes(verb));
}

/** What a command did, and since when it is so. */
export function did(done) {
  const seconds = done.obeyed_s;
  if (seconds === null) return `${done.message}. Not every gateway has confirmed it yet.`;
  const after = seconds < 1 ? `${Math.round(1000 * seconds)} ms` : about(seconds);
  return `${done.message}. Obeyed by every gateway after ${after}.`;
}
