/** Light or dark: as the system is set, unless chosen otherwise here. */

import { el, say } from "./dom.js";

const KEY = "abreast-theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function present() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}

/** The button that changes it. */
export function themeButton() {
  const button = el("button", { type: "button", class: "quiet", on: { click: change } });
  const name = () => say(button, present() === "dark" ? "Light colours" : "Dark colours");
  function change() {
    const goal = present() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = goal;
    window.localStorage.setItem(KEY, goal);
    name();
  }
  dark.addEventListener("change", name);
  name();
  return button;
}
