/** Signing in with a token. */

import { ask } from "./api.js";
import { el, say, set } from "./dom.js";
import { capital } from "./toast.js";
import { themeButton } from "./theme.js";

const HINT = "The link that abreast up prints signs you in by itself. Otherwise make a token: ";

/** The page of somebody whom nobody knows; `words` say why it is shown, `entered` is told the session. */
export function signIn(words, entered) {
  const token = el("input", {
    id: "token", name: "token", type: "password", autocomplete: "off", required: true, maxlength: 200, autofocus: true,
    spellcheck: "false", "aria-describedby": "token-hint token-problem",
  });
  const problem = el("p", { id: "token-problem", class: "problem", role: "alert" });
  const button = el("button", { type: "submit", class: "main" }, "Sign in");
  const submit = async (happened) => {
    happened.preventDefault();
    set(button, "disabled", true);
    say(problem, "");
    try {
      entered(await ask("POST", "/session", { body: { token: token.value.trim() } }));
    } catch (refused) {
      say(problem, refusal(refused));
      set(token, "aria-invalid", refused.status === 401 ? "true" : null);
      token.select();
      token.focus();
    }
    set(button, "disabled", null);
  };
  const hint = el("p", { id: "token-hint", class: "muted" }, HINT,
    el("code", {}, "abreast token create NAME --role viewer"));
  return el("main", { id: "main", class: "sign-in", tabindex: "-1" },
    el("h1", {}, "abreast"),
    el("p", {}, words),
    el("form", { class: "card", on: { submit } }, el("label", { for: "token" }, "Token"), token, hint, problem, button),
    themeButton());
}

function refusal(problem) {
  if (problem.status === 401) return "This token signs nobody in: it is mistyped, revoked or past its time.";
  if (problem.status === 429) return `Too many failed sign-ins. Try again in ${problem.retry_after_s ?? 60} s.`;
  return [problem.detail, problem.remedy].filter((text) => text).map(capital).join(". ");
}
