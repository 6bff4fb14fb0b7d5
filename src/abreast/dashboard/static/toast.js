/** Short words on what was done or refused, said to screen readers too. */

import { el } from "./dom.js";

const STAY_S = 10;

const done = el("div", { class: "toasts", role: "status" });
const refused = el("div", { class: "toasts", role: "alert" });

/** Where they appear; once in the page. */
export function toasts() {
  return el("div", { class: "toast-place" }, refused, done);
}

/** Something was done; goes by itself unless it is being pointed at. */
export function tell(text) {
  const toast = show(done, "good", text);
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : toast.remove());
  setTimeout(leave, STAY_S * 1000);
}

/** Something was refused or failed; stays until it is closed. */
export function complain(problem) {
  show(refused, "bad", capital(problem.detail), capital(problem.remedy));
}

function show(place, tone, ...lines) {
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Close this message" }, "×");
  const texts = lines.filter((line) => line).map((line) => el("p", {}, line));
  const toast = el("div", { class: "toast", "data-tone": tone }, el("div", {}, texts), close);
  close.addEventListener("click", () => toast.remove());
  place.append(toast);
  return toast;
}

/** With a capital first letter. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
