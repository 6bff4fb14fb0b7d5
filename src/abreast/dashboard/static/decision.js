/** Accepting a finding, with a reason and perhaps an end, or having it count again. */

import { ask, now } from "./api.js";
import { el, say, set } from "./dom.js";
import { capital } from "./toast.js";

/** What cannot be sent, and the field that is to blame. */
class Refusal {
  constructor(input, words) {
    Object.assign(this, { input, words });
  }
}

/** The forms of what can be decided now; `done` is told the answer. */
export function decisions(finding, done) {
  const forms = {
    open: [accepting],
    accepted: [reopening],
    resolved: [accepting, reopening],
  };
  return el("div", {}, forms[finding.state].map((make) => make(finding, done)));
}

function accepting(finding, done) {
  const reason = el("textarea", { id: "accept-reason", rows: 2, maxlength: 2000, required: true });
  const until = el("input", { id: "accept-until", type: "datetime-local", "aria-describedby": "accept-hint" });
  const body = () => {
    if (!reason.value.trim()) return new Refusal(reason, "Accepting needs a reason: say why the difference is meant.");
    const end = until.value ? new Date(until.value).getTime() / 1000 : null;
    if (end !== null && end <= now()) return new Refusal(until, "This time is over: choose a later one, or none.");
    return { reason: reason.value.trim(), until: end };
  };
  const hint = "It no longer counts against the candidate: for good, or until it counts again.";
  return form({
    title: "Accept this difference",
    verb: "accept",
    fields: [
      el("p", { id: "accept-hint", class: "muted" }, hint),
      field("Why it is meant (required)", reason),
      field("Counts again from (empty: never)", until),
    ],
    body,
  }, finding, done);
}

function reopening(finding, done) {
  const reason = el("textarea", { id: "reopen-reason", rows: 2, maxlength: 2000 });
  return form({
    title: "Have it count again",
    verb: "reopen",
    fields: [field("Why (optional)", reason)],
    body: () => ({ reason: reason.value.trim() }),
  }, finding, done);
}

function field(words, input) {
  return el("div", { class: "field" }, el("label", { for: input.id }, words), input);
}

/** `body` gives what is sent, or a refusal that is said beside its field. */
function form({ title, verb, fields, body }, finding, done) {
  const problem = el("p", { class: "problem", role: "alert" });
  const button = el("button", { type: "submit", class: "main" }, capital(verb));
  const refuse = ({ input, words }) => {
    say(problem, words);
    set(input, "aria-invalid", "true");
    input.focus();
  };
  const submit = async (happened) => {
    happened.preventDefault();
    for (const input of happened.target.elements) set(input, "aria-invalid", null);
    const sent = body();
    if (sent instanceof Refusal) {
      refuse(sent);
      return;
    }
    set(button, "disabled", true);
    try {
      done(await ask("POST", `/findings/${finding.number}/${verb}`, { body: { ...sent, rollout: finding.rollout } }));
    } catch (refused) {
      say(problem, [refused.detail, refused.remedy].filter((text) => text).map(capital).join(". "));
    }
    set(button, "disabled", null);
  };
  return el("form", { class: "card decision", novalidate: true, on: { submit } }, el("h3", {}, title), fields, problem,
    button);
}
