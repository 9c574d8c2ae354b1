// Runs before anything is drawn, so that the page never flashes in the other theme.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const show = () => { root.dataset.bsTheme = stored() || (dark.matches ? "dark" : "light"); };
  show();
  root.classList.add("has-script");
  dark.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    const say = () => { button.textContent = root.dataset.bsTheme === "dark" ? "Light" : "Dark"; };
    say();
    button.addEventListener("click", () => {
      root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.bsTheme); } catch { /* a private window may forbid it */ }
      say();
    });
  });
})();
