/* What a reader with a keyboard needs beyond the theme. */
"use strict";

/* A formula that is wider than its place scrolls sideways, and can be reached with the keyboard wherever it does.
   (The theme does the same for code and tables.) */

const isTooWide = part =>
  part.getBoundingClientRect().width > part.closest("p, li, td, dd, figcaption")?.clientWidth;

function markWideFormulas() {
  for (const glued of document.querySelectorAll(".bd-article .glued")) {
    glued.style.whiteSpace = "";
    glued.style.whiteSpace = isTooWide(glued) ? "normal" : "";
  }
  for (const math of document.querySelectorAll(".bd-article :is(p, li, td, dd, figcaption, .glued) > math")) {
    math.classList.remove("wide");
    math.classList.toggle("wide", isTooWide(math));
  }
  for (const box of document.querySelectorAll(".equation .formula, math.wide")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

addEventListener("load", markWideFormulas);
addEventListener("resize", markWideFormulas);

/* The theme takes the focus from its buttons once they are clicked; who pressed one with a key keeps it. */
addEventListener(
  "click",
  (event) => {
    const button = event.target.closest(".theme-switch-button, .primary-toggle, .secondary-toggle");
    const pressed = event.detail === 0; // not a real click
    if (button && pressed) setTimeout(() => document.activeElement === document.body && button.focus());
  },
  true,
);

/* Folded code is called by what it shows ("Show the code"), not by a label of its own. */
for (const summary of document.querySelectorAll("details.hide > summary")) summary.removeAttribute("aria-label");
