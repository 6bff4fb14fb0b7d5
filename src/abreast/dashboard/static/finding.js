/** One finding in a dialog: what is known, its samples with both answers side by side, and the decision on it. */

import { ask, now } from "./api.js";
import { decisions } from "./decision.js";
import { el, fact, say, set, unseen } from "./dom.js";
import { count, moment, percent } from "./format.js";
import { settled, times } from "./shadow.js";
import { capital } from "./toast.js";
import { FINDINGS } from "./words.js";

const MARKS = { differs: ["✘", "differs"], noise: ["~", "noise"], fold: ["", ""], same: ["", ""] };

/**
 * Open a finding. `steers`: whether the reader may decide; `decided` is told what was done. Reading it may fail: then
 * the dialog says why.
 */
export async function openFinding(number, steers, decided) {
  const title = el("h2", { id: "finding-title" }, `Finding ${number}`);
  const body = el("div", {}, el("p", { class: "muted", role: "status" }, "Reading…"));
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Close the finding" }, "×");
  const dialog = el("dialog", { class: "wide", "aria-labelledby": title.id },
    el("div", { class: "dialog-head" }, title, close), body);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  try {
    const detail = await ask("GET", `/findings/${number}`);
    say(title, `Finding ${number}: ${state(detail.finding)}`);
    const done = (answer) => {
      dialog.close();
      decided(answer);
    };
    body.replaceChildren(...content(detail, steers, done));
  } catch (problem) {
    body.replaceChildren(problemWords(problem));
  }
}

function state(finding) {
  return FINDINGS[finding.state]?.[1] ?? finding.state;
}

function content(detail, steers, done) {
  const { finding, samples } = detail;
  const parts = [el("p", { class: "lead" }, finding.title), facts(finding)];
  parts.push(samples.length ? sampleViewer(finding, samples) : el("p", { class: "empty" }, "No sample is kept of it."));
  if (steers) parts.push(decisions(finding, done));
  return parts;
}

function facts(finding) {
  const rows = [
    ["state", [state(finding), settled(finding)].filter((text) => text).join(" ")],
    ["share", `${percent(finding.share)}: ${count(finding.exchanges)} of ${count(finding.compared)} compared answers`],
    ["asked again", again(finding)],
    ["seen", times(finding)],
    ["evidence", finding.strength],
    ["endpoints", finding.endpoints.length > 1 ? finding.endpoints.join(", ") : finding.endpoint],
    ["together", finding.keys.length > 1 ? finding.keys.map((key) => `${key.pattern} (${key.kind})`).join(", ") : ""],
    ["next", finding.next],
  ];
  return el("dl", { class: "facts long" }, rows.map(([name, text]) => {
    const part = fact(name);
    part.update(text);
    return part.node;
  }));
}

function again(finding) {
  if (!finding.confirmed && !finding.transient) return "";
  return `${count(finding.confirmed)} differed again, ${count(finding.transient)} did not`;
}

/** The samples to choose from, the newest first, and the one that is chosen. */
function sampleViewer(finding, samples) {
  const place = el("div", { "aria-live": "polite" });
  const select = el("select", { id: "sample", on: { change: () => show() } },
    samples.toReversed().map((sample) => el("option", { value: sample.id },
      `${moment(sample.at, now())} ${sample.method} ${sample.path}`)));
  const show = async () => {
    const chosen = select.value;
    const sample = samples.find((each) => each.id === chosen);
    set(place, "aria-busy", "true");
    const parts = await sampleParts(finding, sample);
    if (select.value !== chosen) return;
    place.replaceChildren(...parts);
    set(place, "aria-busy", null);
  };
  show();
  return el("div", {}, el("div", { class: "field" }, el("label", { for: select.id }, "Sample"), select), place);
}

async function sampleParts(finding, sample) {
  const request = el("details", {}, el("summary", {}, `Request: ${sample.method} ${sample.path}`),
    el("pre", {}, requestText(sample)));
  try {
    const path = `/findings/${finding.number}/samples/${encodeURIComponent(sample.id)}/rows`;
    return [request, sideBySide((await ask("GET", path)).rows), differences(sample), legend()];
  } catch (problem) {
    return [request, problemWords(problem)];
  }
}

function requestText(sample) {
  const headers = sample.request_headers.map(([name, value]) => `${name}: ${value}`);
  return [`${sample.method} ${sample.path}`, ...headers, "", sample.request_body].join("\n").trimEnd();
}

/** Both answers line by line: two columns, or below each other where there is no room (by the style sheet). */
function sideBySide(rows) {
  return el("div", { class: "beside", role: "table", "aria-label": "Both answers side by side" }, rows.map(oneRow));
}

function oneRow(row) {
  const [sign, words] = MARKS[row.mark];
  const alike = row.left === row.right;
  return el("div", { class: "row", role: "row", "data-mark": row.mark, "data-alike": alike },
    el("span", { class: "sign", role: "cell" }, el("span", { "aria-hidden": "true" }, sign), unseen(words)),
    el("span", { class: "left", role: "cell", "data-none": row.left === null }, row.left ?? ""),
    el("span", { class: "right", role: "cell", "data-none": row.right === null }, row.right ?? ""));
}

/** The differences that were counted, by their place. */
function differences(sample) {
  const rows = sample.differences.map((difference) => el("li", {},
    el("code", {}, difference.path), ` ${difference.kind}: `,
    el("code", {}, difference.stable ?? "absent"), " → ", el("code", {}, difference.candidate ?? "absent")));
  return el("details", {}, el("summary", {}, `Differences in this sample: ${rows.length}`), el("ul", {}, rows));
}

function legend() {
  return el("p", { class: "muted" }, "✘ differs   ~ differs, but is noise or ignored by a rule");
}

/** A problem in words, with what to do. */
function problemWords(problem) {
  const lines = [problem.detail, problem.remedy].filter((text) => text);
  return el("div", { class: "problem", role: "alert" }, lines.map((line) => el("p", {}, capital(line))));
}
