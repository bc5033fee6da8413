/* A formula that is wider than its place scrolls sideways, and can be reached with the keyboard wherever it does.
   (The theme does the same for code and tables.) */
"use strict";

function markWideFormulas() {
  for (const math of document.querySelectorAll(".bd-article :is(p, li, td, dd, figcaption) > math")) {
    math.classList.remove("wide");
    math.classList.toggle("wide", math.getBoundingClientRect().width > math.parentElement.clientWidth);
  }
  for (const box of document.querySelectorAll(".equation .formula, math.wide")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

addEventListener("load", markWideFormulas);
addEventListener("resize", markWideFormulas);
