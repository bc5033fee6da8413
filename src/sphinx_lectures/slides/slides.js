// One section at a time: S begins, arrows and space turn, N shows the notes, F fills the screen, Escape ends.
"use strict";
{
  const root = document.documentElement;
  const slides = [...document.querySelectorAll("article section section")];
  slides.forEach((slide, i) => {
    slide.dataset.number = `${i + 1} / ${slides.length}`;
  });
  let at = -1;

  const show = (i) => {
    at = Math.max(0, Math.min(i, slides.length - 1));
    root.classList.add("presenting");
    slides.forEach((slide, j) => slide.classList.toggle("shown", j === at));
    slides[at].tabIndex = -1;
    slides[at].focus({preventScroll: true});
    slides[at].scrollTop = 0;
    history.replaceState(null, "", `#${slides[at].id}`);
  };
  const end = () => {
    root.classList.remove("presenting", "with-notes");
    slides[at].classList.remove("shown");
    slides[at].scrollIntoView();
    at = -1;
  };
  const here = () => Math.max(0, slides.findIndex((slide) => `#${slide.id}` === location.hash));
  const fill = () => document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen();
  const keys = {
    ArrowRight: () => show(at + 1), PageDown: () => show(at + 1), " ": () => show(at + 1),
    ArrowLeft: () => show(at - 1), PageUp: () => show(at - 1),
    Home: () => show(0), End: () => show(slides.length - 1),
    n: () => root.classList.toggle("with-notes"), f: fill, Escape: end,
  };
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (field && (field.type !== "range" || /^Arrow|^Home$|^End$/.test(event.key))) return; // a slider takes these
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = at < 0 ? {s: () => show(here())}[key] : keys[key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }, true);

  const button = document.createElement("button");
  button.className = "slides-begin btn btn-primary";
  button.textContent = "Show the slides (S)";
  button.addEventListener("click", () => show(here()));
  document.querySelector("article h1").after(button);
}
