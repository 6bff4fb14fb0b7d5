/** The buttons of the commands that are possible now, for those who may give them. */

import { openConfirm } from "./confirm.js";
import { el, keyed, say, section, set } from "./dom.js";
import { VERBS, possible } from "./verbs.js";

/** `done` is told what a command did. */
export function commands(done) {
  const list = el("ul", { class: "verbs", role: "list" });
  const none = el("p", { class: "empty" });
  const node = section("commands", "Commands", list, none);
  const update = (state) => {
    const verbs = possible(state.status);
    set(list, "hidden", !verbs.length);
    say(none, verbs.length ? "" : "Nothing can be ordered while this phase lasts.");
    set(none, "hidden", verbs.length > 0);
    const items = verbs.map((verb) => ({ verb, status: state.status }));
    keyed(list, items, (item) => item.verb, (item) => oneVerb(item, done));
  };
  return { node, update };
}

/** What takes users away at once can be found at once; other dangers do not look the same. */
function classOf(verb) {
  if (verb === "abort" || verb === "undo") return "danger";
  return VERBS[verb].danger ? "risky" : "plain";
}

function oneVerb({ verb }, done) {
  let present = null;
  const words = VERBS[verb];
  const click = () => openConfirm(verb, present, done);
  const button = el("button", { type: "button", class: classOf(verb), "data-verb": verb,
    on: { click } }, words.label);
  const update = ({ status }) => {
    present = status;
  };
  return { node: el("li", { "data-verb": verb }, button), update };
}
