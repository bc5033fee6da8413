/* A page is printed light, whatever its theme, and with what its reader has asked for. */
"use strict";

{
  const root = document.documentElement;
  const folded = ":is(details.solution, .quiz-answers)";
  let mode = new URLSearchParams(location.search).get("print");
  let restore = null;

  function prepare() {
    if (restore) return;
    const { theme } = root.dataset;
    const closed = [...document.querySelectorAll(`${folded}:not([open]), ${folded} details:not([open])`)];
    const open = [...document.querySelectorAll(`${folded}[open]`)];
    restore = () => {
      if (theme) root.dataset.theme = theme;
      root.classList.remove("handout", "with-solutions");
      if (mode === "solutions") for (const box of closed) box.open = false;
      if (mode === "handout") for (const box of open) box.open = true;
      restore = mode = null;
    };
    if (theme) root.dataset.theme = "light";
    if (mode === "handout") {
      root.classList.add("handout");
      for (const box of open) box.open = false;
    }
    if (mode === "solutions") {
      root.classList.add("with-solutions");
      for (const box of closed) box.open = true;
    }
  }

  addEventListener("beforeprint", prepare);
  addEventListener("afterprint", () => restore?.());
  addEventListener("click", event => {
    const link = event.target.closest(".print-links a");
    if (!link) return;
    event.preventDefault();
    mode = new URL(link.href).searchParams.get("print");
    print();
  });
}
