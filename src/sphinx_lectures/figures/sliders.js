/* An explorable figure: puts into the drawing what distinguishes the chosen frame from the one shown. */
"use strict";

/* A template with a ~ for each number, and these numbers in tenths, each as a difference from the one before. */
function fillIn(template, differences) {
  let tenths = 0, i = 0;
  return template.replace(/~/g, () => (tenths += differences[i++]) / 10);
}

for (const box of document.querySelectorAll(".explorable")) {
  const { values, changes } = JSON.parse(box.querySelector("script").textContent);
  const svg = box.querySelector("svg");
  const parts = [svg, ...svg.querySelectorAll("*")];
  const control = box.querySelector("input, select");
  const output = box.querySelector("output");

  const show = frame => {
    for (const [place, name, template, frames] of changes) {
      const value = template === null ? frames[frame] : fillIn(template, frames[frame]);
      if (name) parts[place].setAttribute(name, value);
      else parts[place].textContent = value;
    }
    if (!output) return;
    output.value = values[frame];
    control.setAttribute("aria-valuetext", values[frame]);
  };

  control.addEventListener("input", () => show(Number(control.value)));
  const drawn = control.defaultValue ?? control.querySelector("[selected]").value;
  if (control.value !== drawn) show(Number(control.value)); // a browser may remember what was chosen
}
