/** Before a command is given: what it will do, what it needs to know, and a way out. */

import { ask } from "./api.js";
import { el, say, set } from "./dom.js";
import { parseWeight, weight } from "./format.js";
import { capital, complain } from "./toast.js";
import { VERBS } from "./verbs.js";

const CHANGED = 412;

/** Ask whether to give this command, by what is known now; `done` is told what it did. */
export function openConfirm(verb, status, done) {
  const words = VERBS[verb];
  const will = el("ul", { id: "confirm-will", class: "will" });
  const problem = el("div", { id: "confirm-problem", class: "problem", role: "alert" });
  const wish = wishes(verb, status, () => tellWill());
  const tellWill = () => {
    const lines = words.will(status, wish.value() ?? {});
    will.replaceChildren(...lines.map((line) => el("li", {}, line)));
  };
  const reason = el("input", { id: "confirm-reason", type: "text", maxlength: 2000, autocomplete: "off" });
  const cancel = el("button", { type: "button", class: "plain", autofocus: Boolean(words.danger) }, "Cancel");
  const give = el("button", { type: "submit", class: words.danger ? "danger" : "main",
    autofocus: !words.danger && wish.field === null }, words.label.replace("…", ""));
  const form = el("form", { novalidate: true },
    el("h2", { id: "confirm-title" }, `${words.title(status)}?`), wish.field, will,
    el("div", { class: "field" }, el("label", { for: reason.id }, "Reason, for the audit log (optional)"), reason),
    problem, el("div", { class: "dialog-foot" }, cancel, give));
  const dialog = el("dialog", { "aria-labelledby": "confirm-title", "aria-describedby": will.id }, form);
  dialog.addEventListener("close", () => dialog.remove());
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (happened) => {
    happened.preventDefault();
    const wanted = wish.value();
    if (wanted === null) wish.refuse();
    else send(verb, status, { ...wanted, reason: reason.value.trim() }, { dialog, give, problem }, done);
  });
  tellWill();
  document.body.append(dialog);
  dialog.showModal();
}

/** Give the command as it was read: if the rollout changed meanwhile, it is refused rather than done by surprise. */
async function send(verb, status, body, { dialog, give, problem }, done) {
  const [path, ...flags] = verb.split(" ");
  set(give, "disabled", true);
  try {
    const answer = await ask("POST", `/commands/${path}`, {
      body: { ...body, full: flags.includes("--full") },
      headers: { "if-match": `"${status.revision}"` },
    });
    dialog.close();
    done(answer);
  } catch (refused) {
    if (refused.status === CHANGED || refused.status === 401) {
      dialog.close();
      complain(refused);
      return;
    }
    problem.replaceChildren(...[refused.detail, refused.remedy].filter((text) => text)
      .map((text) => el("p", {}, capital(text))));
  }
  set(give, "disabled", null);
}

/**
 * What a command has to be told besides: a field, its value (null: it makes no sense), and how that is said.
 * @returns {{field: Element|null, value: () => object|null, refuse: () => void}}
 */
function wishes(verb, status, changed) {
  if (verb === "start") return versionWish(status, changed);
  if (verb === "weight") return weightWish(status, changed);
  return { field: null, value: () => ({}), refuse: () => {} };
}

function versionWish(status, changed) {
  const select = el("select", { id: "confirm-version", autofocus: true, on: { change: changed } },
    status.startable.map((name) => el("option", { value: name }, name)));
  const field = el("div", { class: "field" }, el("label", { for: select.id }, "Version"), select);
  return { field, value: () => ({ version: select.value }), refuse: () => {} };
}

function weightWish(status, changed) {
  const problem = el("p", { id: "confirm-weight-problem", class: "problem", role: "alert" });
  const input = el("input", { id: "confirm-weight", type: "text", inputmode: "decimal", autocomplete: "off",
    autofocus: true, value: weight(status.weight), "aria-describedby": problem.id, on: { input: () => check() } });
  const value = () => {
    const wanted = parseWeight(input.value);
    return wanted === null ? null : { weight: wanted };
  };
  const check = () => {
    if (value() !== null) {
      say(problem, "");
      set(input, "aria-invalid", null);
    }
    changed();
  };
  const refuse = () => {
    say(problem, `“${input.value}” is no share: write 0 to 100 in steps of 0.01, such as 10 or 0.25.`);
    set(input, "aria-invalid", "true");
    input.focus();
  };
  const label = el("label", { for: input.id }, "Share of users, in percent");
  const field = el("div", { class: "field" }, label, input, problem);
  return { field, value, refuse };
}
