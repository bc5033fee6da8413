/* A quiz answers back: it repeats the explanation that fits the answer, from the closed box below the question. */
"use strict";

const sameText = text =>
  text.normalize("NFKC").toLowerCase().replaceAll("−", "-").replace(/\s+/g, " ")
    .replace(/^[\s"'“”‘’]+|[\s"'“”‘’.,;!?]+$/g, "").replace(/^(the|a|an) /, "");

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
    .replaceAll("**", "^").replace(/\s/g, "").replace(/^([a-z]?=|[≈~])|[.,;]$/gi, "")
    .replace(/percent$/i, "%").replace(/(\d)(bits?|nats?|parameters?|steps?|weights?|x)$/i, "$1"); // 140 parameters, 2 bits
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

/* What has been answered and finished is kept on this device alone, or for this visit where the browser keeps nothing.
   A place is a link, or an address, of a question or a page. */
const SITE = `quiz:${new URL(document.documentElement.dataset.content_root, location).pathname}`;
const thisVisit = new Map();
const shows = [];
const showAll = () => shows.forEach(show => show());
const keyOf = place => `quiz:${place.pathname}${place.hash}`;

function recall(place) {
  try {
    return JSON.parse(thisVisit.get(keyOf(place)) ?? localStorage.getItem(keyOf(place)));
  } catch {
    return null;
  }
}

function remember(place, what) {
  try {
    localStorage.setItem(keyOf(place), JSON.stringify(what));
  } catch {
    thisVisit.set(keyOf(place), JSON.stringify(what));
  }
  showAll();
}

function forgetAll() {
  thisVisit.clear();
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(SITE)) localStorage.removeItem(key);
  } catch {} // nothing is kept
  showAll();
}

const stateOf = known => (known ? (known.right ? "right" : "wrong") : "");

for (const quiz of document.querySelectorAll(".quiz")) {
  const form = quiz.querySelector("form");
  const inputs = [...form.querySelectorAll("input")];
  const items = [...quiz.querySelectorAll(".quiz-answers > * > li")];
  const verdict = form.querySelector(".quiz-verdict");
  const place = new URL(`#${quiz.id}`, location), isText = inputs[0].type === "text";
  form.addEventListener("submit", event => {
    event.preventDefault();
    const [right, more, explanations] = isText ? judgeText(inputs[0].value, items) : judgeChoices(inputs, items);
    const said = document.createElement("p");
    const word = right === undefined ? "" : right ? "Right." : "Not quite.";
    said.append(Object.assign(document.createElement("strong"), { textContent: word }), ` ${more}`);
    verdict.replaceChildren(said, ...explanations);
    quiz.dataset.verdict = right === undefined ? "none" : right ? "right" : "wrong";
    const given = isText ? inputs[0].value : inputs.flatMap((input, i) => (input.checked ? [i] : []));
    if (right !== undefined) remember(place, { right, given });
  });
  const clear = () => {
    verdict.replaceChildren();
    delete quiz.dataset.verdict;
  };
  form.addEventListener("input", clear);
  form.addEventListener("reset", clear);
  const { given } = recall(place) ?? {};
  if (isText) inputs[0].value = given ?? "";
  else inputs.forEach((input, i) => (input.checked = Boolean(given?.includes(i))));
  shows.push(() => (quiz.dataset.known = stateOf(recall(place))));
}

for (const button of document.querySelectorAll(".quiz-finish")) {
  const place = { pathname: location.pathname, hash: "" };
  button.addEventListener("click", () => remember(place, !recall(place)));
  shows.push(() => (button.ariaPressed = Boolean(recall(place))));
}

const NOTHING = "You have answered no question yet. Your answers are kept on this device alone.";

/* The list of all questions: the score, and which pages to read again. */
for (const box of document.querySelectorAll(".quiz-progress")) {
  const score = box.querySelector(".quiz-score");
  const rows = [...box.querySelectorAll("li")].map(row => [row, ...row.querySelectorAll("a")]);
  box.querySelector("button").addEventListener("click", () => {
    if (!confirm("Forget all answers, and which pages are finished?")) return;
    for (const form of document.querySelectorAll(".quiz form")) form.reset();
    forgetAll();
  });
  shows.push(() => {
    const all = rows.flatMap(([, , ...questions]) => questions), known = all.map(recall);
    all.forEach((question, i) => (question.dataset.known = stateOf(known[i])));
    const answered = known.filter(Boolean), right = answered.filter(answer => answer.right).length;
    const finished = rows.filter(([row, page]) => (row.dataset.finished = Boolean(recall(page))) && recall(page)).length;
    const again = rows.filter(([, , ...questions]) => questions.some(question => question.dataset.known === "wrong"));
    const pages = again.flatMap(([, page]) => [", ", page.cloneNode(true)]).slice(1);
    const words = `You have answered ${answered.length} of ${all.length} questions, ${right} of them right, and finished ${finished} of ${rows.length} pages.`;
    const end = thisVisit.size ? " This browser keeps nothing, so this is forgotten once you leave the page." : "";
    score.replaceChildren(answered.length || finished ? words : NOTHING, ...(pages.length ? [" To read again: ", ...pages, "."] : []), end);
  });
}

showAll();
for (const event of ["pageshow", "storage"]) addEventListener(event, showAll); // what was answered on another page
