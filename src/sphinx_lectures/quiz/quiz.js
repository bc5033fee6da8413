/* A quiz answers back: it repeats the explanation that fits the answer, from the closed box below the question. */
"use strict";

const sameText = text =>
  text.normalize("NFKC").toLowerCase().replaceAll("−", "-").replace(/\s+/g, " ")
    .replace(/^[\s"'“”‘’]+|[\s"'“”‘’.,;!?]+$/g, "");

/* The parts of an arithmetic expression between signs that no bracket holds. */
function parts(text, sign) {
  const found = [""];
  let depth = 0;
  for (const letter of text) {
    depth += (letter === "(") - (letter === ")");
    if (letter === sign && !depth) found.push("");
    else found[found.length - 1] += letter;
  }
  return found;
}

/* The value of a number as people type it: 1/4, 79%, 2e-3, 2·10^-3, 10^(-5/49); NaN for anything else. */
function asNumber(text) {
  const times = parts(text, "*"), over = parts(text, "/"), power = parts(text, "^");
  if (text.endsWith("%")) return asNumber(text.slice(0, -1)) / 100;
  if (times.length > 1) return times.map(asNumber).reduce((product, factor) => product * factor);
  if (over.length > 1) return over.map(asNumber).reduce((quotient, divisor) => quotient / divisor);
  if (power.length === 2) return asNumber(power[0]) ** asNumber(power[1]);
  if (/^\(.*\)$/.test(text)) return asNumber(text.slice(1, -1));
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/* What a number may be meant to be: a comma is a decimal point, or stands between thousands. */
function readings(text) {
  const plain = text.normalize("NFKC").replace(/[−–]/g, "-").replaceAll("⁄", "/").replace(/[×·⋅]/g, "*")
    .replaceAll("**", "^").replace(/\s/g, "").replace(/^[≈~=]|[.,;]$/g, "");
  const point = asNumber(plain.replaceAll(",", "."));
  const none = /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain) ? asNumber(plain.replaceAll(",", "")) : NaN;
  return [point, none].filter(number => !Number.isNaN(number));
}

function accepts(pattern, text) {
  if (typeof pattern === "string") return sameText(pattern) === sameText(text);
  const [value, tolerance] = pattern;
  return readings(text).some(number => Math.abs(number - value) <= tolerance + 1e-9 * Math.abs(value));
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
  const patterns = item => JSON.parse(item.dataset.accept ?? "[]");
  const fitting = items.find(item => patterns(item).some(pattern => accepts(pattern, text)));
  const numbersAlone = items.filter(item => item.dataset.right).flatMap(patterns).every(Array.isArray);
  if (!fitting && numbersAlone && !readings(text).length)
    return [undefined, "The answer is a number, and this cannot be read as one. Write it like 0.25, 1/4, 25% or 2e-3.", []];
  const item = fitting ?? items.find(item => item.dataset.other);
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
