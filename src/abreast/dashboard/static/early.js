"use strict";
// No module, so that it runs before anything is painted: a page that was chosen to be dark must not flash.
{
  const chosen = window.localStorage.getItem("abreast-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
