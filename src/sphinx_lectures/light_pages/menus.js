/* What the theme leaves to Bootstrap: a button that opens a menu, and one that leads back to the top. */
"use strict";

/* Tooltips are the browser's own, and menus.css shows them to who comes with the keyboard. */
const menuButtons = [...document.querySelectorAll('[data-bs-toggle="dropdown"]')];
const menuOf = button => button.parentElement.querySelector(".dropdown-menu");
const isOpen = button => menuOf(button).classList.contains("show");

function setMenu(button, open) {
  if (open) menuOf(button).dataset.bsPopper = "static"; // the theme's style sheet places it
  for (const part of [button, menuOf(button)]) part.classList.toggle("show", open);
  button.ariaExpanded = open;
}

function closeMenusOutside(place) {
  for (const button of menuButtons) if (!button.parentElement.contains(place)) setMenu(button, false);
}

function moveInMenu(button, step) {
  const items = [...menuOf(button).querySelectorAll(".dropdown-item")];
  const place = items.indexOf(document.activeElement);
  items.at(place < 0 && step < 0 ? -1 : (place + step) % items.length).focus();
}

for (const button of menuButtons) {
  setMenu(button, false);
  button.addEventListener("click", () => {
    button.focus(); // the theme has taken it away
    setMenu(button, !isOpen(button));
  });
  menuOf(button).addEventListener("click", () => setMenu(button, false));
  button.parentElement.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && isOpen(button)) button.focus();
    if (event.key === "Escape") setMenu(button, false);
    if (!step) return;
    event.preventDefault();
    setMenu(button, true);
    moveInMenu(button, step);
  });
}
for (const kind of ["click", "focusin"]) addEventListener(kind, event => closeMenusOutside(event.target));

/* The button to the top comes while one scrolls back. */
const toTop = document.getElementById("pst-back-to-top");
let lastScroll = 0;
if (toTop) {
  toTop.addEventListener("click", () => scrollTo(0, 0));
  addEventListener("scroll", () => {
    if (scrollY !== lastScroll) toTop.style.display = 0 < scrollY && scrollY < lastScroll ? "block" : "none";
    lastScroll = scrollY;
  }, { passive: true });
}
