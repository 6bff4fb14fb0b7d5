/** What became of the copied requests, and what the candidate answered differently. */

import { now } from "./api.js";
import { el, fact, keyed, say, section, set } from "./dom.js";
import { count, moment, percent, weight } from "./format.js";
import { capital } from "./toast.js";
import { FINDINGS } from "./words.js";

/** Ledger and findings; `open` is told the number of the finding that somebody wants to see. */
export function shadow(open) {
  const account = ledgerFacts();
  const list = el("ul", { class: "findings", role: "list" });
  const empty = el("p", { class: "empty" });
  const node = section("findings", "Differences", account.node, empty, list);
  const update = (state) => {
    account.update(state.status.shadow);
    const rows = state.findings?.findings ?? [];
    set(list, "hidden", !rows.length);
    set(empty, "hidden", rows.length > 0);
    say(empty, rows.length ? "" : nothing(state));
    keyed(list, rows, (finding) => finding.number, () => oneFinding(open));
  };
  return { node, update };
}

function nothing(state) {
  const problem = state.findings_problem;
  if (problem?.status === 409) return `${capital(problem.detail)}: ${problem.remedy}.`;
  if (problem) return `The findings cannot be read: ${problem.detail}. ${problem.remedy}`;
  if (state.findings === null) return "Asking for the findings…";
  const compared = state.findings.ledger.compared;
  if (!compared) return "No answers were compared yet.";
  return `No difference was found in ${count(compared)} compared answers.`;
}

/** The ledger: every request that was seen is in one of these. */
function ledgerFacts() {
  const copied = fact("copied");
  const compared = fact("compared");
  const skipped = fact("skipped");
  const open = fact("pending and lost");
  const node = el("dl", { class: "facts" }, copied.node, compared.node, skipped.node, open.node);
  const update = (ledger) => {
    set(node, "hidden", ledger === null);
    if (ledger === null) return;
    copied.update(`${weight(ledger.share)} of requests`);
    compared.update(`${count(ledger.compared)} of ${count(ledger.seen)} requests`);
    skipped.update(skips(ledger.skipped));
    open.update(`${count(ledger.pending)} pending, ${count(ledger.lost)} lost`);
  };
  return { node, update };
}

function skips(skipped) {
  const reasons = Object.entries(skipped).filter((each) => each[1]).sort((a, b) => b[1] - a[1]);
  if (!reasons.length) return "none";
  const all = reasons.reduce((sum, each) => sum + each[1], 0);
  return `${count(all)}: ${reasons.map(([reason, number]) => `${reason} ${count(number)}`).join(", ")}`;
}

function oneFinding(open) {
  let number = 0;
  const sign = el("span", { "aria-hidden": "true" });
  const state = el("span", { class: "finding-state" });
  const title = el("span", { class: "finding-title" });
  const button = el("button", { type: "button", class: "finding", on: { click: () => open(number) } },
    el("span", { class: "finding-head" }, sign, " ", state), title);
  const seen = el("p", { class: "muted" });
  const node = el("li", {}, button, seen);
  const update = (finding) => {
    number = finding.number;
    const [shape, words, tone] = FINDINGS[finding.state] ?? ["○", finding.state, "plain"];
    say(sign, shape);
    say(state, `${finding.number} ${words}`);
    say(title, finding.title);
    set(node, "data-tone", tone);
    const share = finding.compared ? `${percent(finding.share)} of answers` : "not seen in this rollout";
    say(seen, [share, times(finding), settled(finding)].filter((text) => text).join(" · "));
  };
  return { node, update };
}

/** When a finding was seen first and last; empty: not in this rollout. */
export function times(finding) {
  if (!finding.last_at) return "";
  return `first ${moment(finding.first_at, now())}, last ${moment(finding.last_at, now())}`;
}

/** Who or what brought a finding into its state, why, and until when. */
export function settled(finding) {
  const by = finding.actor ? `by ${finding.actor}` : "";
  const until = finding.until === null ? "" : `until ${moment(finding.until, now())}`;
  const who = [by, until].filter((text) => text).join(" ");
  return [who, finding.reason].filter((text) => text).join(": ");
}
