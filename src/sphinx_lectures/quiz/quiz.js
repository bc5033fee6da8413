/* A quiz answers back: it repeats the explanation that fits the answer, from the closed box below the question. */
"use strict";

const sameText = text =>
  text.normalize("NFKC").toLowerCase().replaceAll("−", "-").replace(/\s+/g, " ")
    .replace(/^[\s"'“”‘’]+|[\s"'“”‘’.,;!?]+$/g, "");

function asNumber(text) {
  const [above, below, ...more] = text.trim().replace("−", "-").split("/");
  return above === "" || below === "" || more.length ? NaN : Number(above) / Number(below ?? 1);
}

function accepts(pattern, text) {
  if (typeof pattern === "string") return sameText(pattern) === sameText(text);
  const [value, tolerance] = pattern;
  return Math.abs(asNumber(text) - value) <= tolerance + 1e-9 * Math.abs(value);
}

function explanation(item, letter) {
  const why = item.querySelector(".quiz-why").cloneNode(true);
  for (const named of why.querySelectorAll("[id]")) named.removeAttribute("id");
  for (const button of why.querySelectorAll("button")) button.remove(); // copies code by the id just removed
  if (letter) why.prepend(Object.assign(document.createElement("b"), { textContent: `${letter}:` }));
  return why;
}

/* [right or not, what more to say, explanations] */
function judgeChoices(inputs, items) {
  const chosen = items.filter((item, i) => inputs[i].checked);
  if (!chosen.length) return [undefined, "Choose an answer first.", []];
  const wrong = chosen.filter(item => !item.dataset.right);
  const missing = items.filter((item, i) => item.dataset.right && !inputs[i].checked).length;
  const several = inputs[0].type === "checkbox";
  const letter = item => several && String.fromCharCode(65 + items.indexOf(item));
  if (!wrong.length && !missing) return [true, "", chosen.map(item => explanation(item, letter(item)))];
  const more = several && missing ? `Right answers still missing: ${missing}.` : "";
  return [false, more, wrong.map(item => explanation(item, letter(item)))];
}

function judgeText(text, items) {
  if (!text.trim()) return [undefined, "Type an answer first.", []];
  const item = items.find(item => JSON.parse(item.dataset.accept ?? "[]").some(p => accepts(p, text)))
    ?? items.find(item => item.dataset.other);
  return [Boolean(item.dataset.right), "", [explanation(item)]];
}

for (const quiz of document.querySelectorAll(".quiz")) {
  const form = quiz.querySelector("form");
  const inputs = [...form.querySelectorAll("input")];
  const items = [...quiz.querySelectorAll(".quiz-answers > * > li")];
  const verdict = form.querySelector(".quiz-verdict");
  form.addEventListener("submit", event => {
    event.preventDefault();
    const judge = inputs[0].type === "text" ? judgeText(inputs[0].value, items) : judgeChoices(inputs, items);
    const [right, more, explanations] = judge;
    const said = document.createElement("p");
    const word = right === undefined ? "" : right ? "Right." : "Not quite.";
    said.append(Object.assign(document.createElement("strong"), { textContent: word }), ` ${more}`);
    verdict.replaceChildren(said, ...explanations);
    quiz.dataset.verdict = right === undefined ? "none" : right ? "right" : "wrong";
  });
  form.addEventListener("input", () => {
    verdict.replaceChildren();
    delete quiz.dataset.verdict;
  });
}
