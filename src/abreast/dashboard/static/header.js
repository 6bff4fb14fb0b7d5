/** Who serves, in which phase and why, who looks, and whether what is seen is live. */

import { now } from "./api.js";
import { el, say, set, side } from "./dom.js";
import { about, clock, weight } from "./format.js";
import { themeButton } from "./theme.js";
import { PHASES, isUnderWay, serving } from "./words.js";

const LINKS = {
  connecting: ["◌", "connecting"],
  live: ["●", "live"],
  lost: ["▲", "not connected"],
};

/** The head of the page; `signOut` is called by its button. */
export function header(session, signOut) {
  const title = el("h1", {}, "abreast");
  const versions = el("p", { class: "versions" });
  const badge = el("strong", { class: "badge" });
  const why = el("p", { class: "why" });
  const link = linkState();
  const who = el("span", { class: "who" }, `${session.name} · ${session.role}`);
  const leave = el("button", { type: "button", class: "quiet", on: { click: signOut } }, "Sign out");
  const node = el("header", { class: "head" },
    el("div", { class: "head-line" }, title, versions, badge),
    el("div", { class: "head-side" }, link.node, who, themeButton(), leave),
    why);
  const update = (state) => {
    link.update(state);
    const status = state.status;
    if (status === null) return;
    say(title, status.service);
    names(versions, status);
    const [words, tone] = PHASES[status.phase] ?? [status.phase, "plain"];
    say(badge, words);
    set(badge, "data-tone", tone);
    say(why, `${status.reason} · since ${clock(now() - status.phase_s)} (${about(status.phase_s)})`);
    document.title = `${heading(status)} – abreast`;
  };
  return { node, update };
}

function heading(status) {
  const [words] = PHASES[status.phase] ?? [status.phase];
  if (!isUnderWay(status)) return `${status.service}: ${serving(status)}`;
  return `${status.service}: ${status.candidate} ${weight(status.weight)}, ${words}`;
}

/** Stable, and the candidate beside it, each with the sign of its side. */
function names(place, status) {
  const key = `${status.stable} ${status.candidate} ${status.phase}`;
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  if (!isUnderWay(status)) {
    place.replaceChildren(side("stable", serving(status)));
    return;
  }
  const arrow = el("span", {}, " → ");
  place.replaceChildren(side("stable", status.stable), arrow, side("candidate", status.candidate));
}

function linkState() {
  const sign = el("span", { "aria-hidden": "true" });
  const words = el("span");
  const node = el("span", { class: "link" }, sign, " ", words);
  const update = (state) => {
    const [shape, text] = LINKS[state.link];
    say(sign, shape);
    say(words, text);
    set(node, "data-link", state.link);
  };
  return { node, update };
}

/** What is wrong with the connection; hidden while nothing is. */
export function banner() {
  const words = el("p");
  const node = el("div", { class: "banner", role: "status", "data-tone": "warn", hidden: true }, words);
  let wasLost = false;
  const update = (state) => {
    if (state.link === "lost") {
      wasLost = true;
      set(node, "data-tone", "warn");
      set(node, "hidden", null);
      say(words, lost(state));
    } else if (state.link === "live" && wasLost) {
      wasLost = false;
      set(node, "data-tone", "good");
      say(words, "Connected again.");
      setTimeout(() => set(node, "hidden", wasLost ? null : true), 5000);
    }
  };
  return { node, update };
}

function lost(state) {
  const since = clock(state.link_since, true);
  const seen = state.status === null ? "" : "; what you see is from then";
  if (state.link_problem === null) {
    return `abreast answers, but sends no live figures since ${since}${seen}. Too many pages may be open.`
      + " Trying again…";
  }
  return `abreast does not answer since ${since}${seen}. Trying again…`;
}
