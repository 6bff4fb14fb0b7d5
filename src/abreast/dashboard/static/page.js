/** The page: its parts in their order, and the states in which there is nothing to show yet. */

import { commands } from "./commands.js";
import { el, set } from "./dom.js";
import { gates } from "./gates.js";
import { banner, header } from "./header.js";
import { histogram } from "./histogram.js";
import { log } from "./log.js";
import { moves, progress, warnings } from "./progress.js";
import { shadow } from "./shadow.js";
import { maySteer } from "./state.js";
import { timeline } from "./timeline.js";
import { versions } from "./versions.js";

const SLOW_S = 8;

/**
 * The page of this session; buttons that its role may not press are not there.
 * @param {{signOut: () => void, done: (answer: any) => void, open: (number: number) => void, older: () => void,
 *   redraw: () => void}} actions
 */
export function createPage(session, actions) {
  const head = header(session, actions.signOut);
  const lost = banner();
  const wait = loading();
  const parts = [
    warnings(),
    moves(),
    progress(),
    ...(maySteer(session) ? [commands(actions.done)] : []),
    versions(),
    histogram(),
    timeline(actions.redraw),
    gates(),
    shadow(actions.open),
    log(actions.older),
  ];
  const content = el("div", { class: "content", hidden: true }, parts.map((part) => part.node));
  const main = el("main", { id: "main", tabindex: "-1" }, wait, content);
  const update = (state) => {
    head.update(state);
    lost.update(state);
    set(main, "data-stale", state.link === "lost");
    if (state.status === null) return;
    wait.remove();
    set(content, "hidden", null);
    for (const part of parts) part.update(state);
  };
  return { node: el("div", { class: "frame" }, head.node, lost.node, main), update };
}

/** The page's outline until the first status comes. */
function loading() {
  const words = el("p", { role: "status", class: "muted" }, "Loading…");
  setTimeout(() => {
    words.textContent = "abreast has not sent anything yet. A browser opens at most six pages of one address at once:"
      + " close those that are not needed.";
  }, SLOW_S * 1000);
  const bones = Array.from({ length: 4 }, () => el("div", { class: "bone card", "aria-hidden": "true" }));
  return el("div", { class: "loading" }, words, bones);
}
