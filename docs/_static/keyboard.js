/* What a reader with a keyboard needs beyond the theme. */
"use strict";

/* A formula that is wider than its place scrolls sideways, and can be reached with the keyboard wherever it does.
   (The theme does the same for code and tables.) */

const isTooWide = part =>
  part.getBoundingClientRect().width > part.closest("p, li, td, dd, figcaption")?.clientWidth;

/* First measure all, then change all: to change one thing and measure the next has the page laid out each time, and
   so has measuring what is folded away. */
const isFolded = element => element.closest("details:not([open]) > :not(summary)");

function markEach(within, selector, measure, mark) {
  const found = [...within.querySelectorAll(`.bd-article :is(${selector})`)].filter(element => !isFolded(element));
  const measured = found.map(measure);
  found.forEach((element, i) => mark(element, measured[i]));
}

function markWideFormulas(within) {
  for (const math of within.querySelectorAll("math.wide")) math.classList.remove("wide");
  for (const glued of within.querySelectorAll(".glued.loose")) glued.classList.remove("loose");
  markEach(within, ".glued", isTooWide, (glued, wide) => wide && glued.classList.add("loose"));
  markEach(within, ":is(p, li, td, dd, figcaption, .glued) > math", isTooWide, (math, wide) =>
    wide && math.classList.add("wide"));
  markEach(within, ".equation .formula, math.wide", box => box.scrollWidth > box.clientWidth, (box, scrolls) => {
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

addEventListener("load", () => setTimeout(markWideFormulas, 0, document));
addEventListener("resize", () => markWideFormulas(document));
addEventListener("toggle", event => markWideFormulas(event.target), true); // something is unfolded

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
