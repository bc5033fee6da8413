/* The search page: finds entries (pages, sections, terms, objects, formulas) in the index that the build has made.
   All is loaded by script elements, so that it works where pages are read from a folder. */
"use strict";

const Search = (() => {
  const root = (document.currentScript?.dataset.root ?? "").replace(/^\.\//, "");
  const WORD = /[\p{L}\p{N}]+(?:_[\p{L}\p{N}]+)*/gu;
  /* What a word that fits counts for, by where it stands. */
  const TITLE = 9, ALSO = 9, SECTION = 5, WITHIN = 1.5, TEXT = [1, 1.6, 2.1], LIKE = 0.5;
  const MOST_PAGES = 12, MOST_SECTIONS = 2;
  const texts = {}, waiting = {};
  let data, forms, roots, stop, titles, alsos, groups, places, frequent, usual;

  const wordsOf = text => text.normalize("NFKC").toLowerCase().match(WORD) ?? [];

  function partsOf(word) {
    return word.includes("_") ? [word, ...word.split("_").filter(part => part.length > 2)] : [word];
  }

  function unpack(packed) {
    const found = new Map();
    let place = 0;
    for (const step of packed ? packed.split(" ") : []) {
      const dots = step.length - step.replace(/\.+$/, "").length;
      found.set((place += parseInt(step, 36)), dots);
    }
    return found;
  }

  function index(given) {
    data = given;
    for (const entry of data.entries) entry[3] ||= entry[2]; // objects are called by their anchors
    forms = new Map();
    data.words.forEach(([all], number) => all.split(" ").forEach(form => forms.set(form, number)));
    stop = new Set(data.stop.split(" "));
    places = new Map();
    roots = text => wordsOf(text).flatMap(partsOf).filter(word => !stop.has(word)).map(word => forms.get(word) ?? word);
    titles = data.entries.map(([, , , title]) => new Set(roots(title)));
    alsos = data.pages.map(([, , , also]) => also.map(name => new Set(roots(name))));
    frequent = new Map(); // entries in whose title a root stands
    titles.forEach((title, number) => title.forEach(word => {
      if (!frequent.has(word)) frequent.set(word, []);
      frequent.get(word).push(number);
    }));
    const named = new Map();
    data.entries.forEach(([, kind, , title]) => kind === "s" && named.set(title, (named.get(title) ?? 0) + 1));
    usual = new Set([...named].filter(([, times]) => times > 3).map(([title]) => title)); // as "Summary"
    groups = data.same.map(group => group.map(phrase => roots(phrase)));
    start();
  }

  function placesOf(word) {
    if (!places.has(word)) places.set(word, unpack(data.words[word]?.[1]));
    return places.get(word);
  }

  /* Other spellings: British and American, one letter missing, too many, wrong or exchanged. */
  const SPELLINGS = [
    [/is(e|ed|es|er|ers|ing|ation|ations|able)$/, "iz$1"], [/iz(e|ed|es|er|ers|ing|ation|ations|able)$/, "is$1"],
    [/our(s|ed|ing|al)?$/, "or$1"], [/or(s|ed|ing|al)?$/, "our$1"], [/ys(e|ed|es|ing)$/, "yz$1"],
    [/([aeiou])ll(ed|ing|er)$/, "$1l$2"], [/([aeiou])l(ed|ing|er)$/, "$1ll$2"], [/re(s?)$/, "er$1"],
    [/ogue(s?)$/, "og$1"], [/ae/, "e"], [/s$/, ""], [/(ed|ing)$/, ""], [/(ed|ing)$/, "e"], [/$/, "s"],
  ];

  function isNear(one, other) {
    if (Math.abs(one.length - other.length) > 1) return false;
    let i = 0, a = one.length, b = other.length;
    while (i < Math.min(a, b) && one[i] === other[i]) i++;
    while (a > i && b > i && one[a - 1] === other[b - 1]) a--, b--;
    const left = one.slice(i, a), right = other.slice(i, b);
    return left.length + right.length < 2 || (left.length === 1 && right.length === 1) ||
      (left.length === 2 && left === [...right].reverse().join(""));
  }

  /* The roots that a word of the reader's may mean, with how sure that is. */
  function meaning(word) {
    const sure = forms.get(word) ?? SPELLINGS.map(([from, to]) => forms.get(word.replace(from, to))).find(n => n !== undefined);
    const found = new Map(sure === undefined ? [] : [[sure, 1]]);
    if (word.length < 3) return found;
    for (const [form, number] of forms) {
      if (found.has(number)) continue;
      if (form.startsWith(word)) found.set(number, sure === undefined ? LIKE + word.length / form.length / 2 : LIKE / 2);
      else if (sure === undefined && word.length > 4 && isNear(word, form)) found.set(number, LIKE);
    }
    for (let length = word.length - 1; !found.size && length >= Math.max(4, word.length - 4); length--)
      for (const [form, number] of forms) if (form.startsWith(word.slice(0, length))) found.set(number, LIKE);
    return found;
  }

  /* What is asked for: a list of slots, each a list of alternatives, each a list of meanings of words. */
  function slotsOf(query) {
    let all = wordsOf(query);
    const telling = all.filter(word => !stop.has(word));
    if (telling.length) all = telling;
    const asked = all.map(word => ({ word, root: [...meaning(word)].find(([, sure]) => sure === 1)?.[0] ?? word }));
    const slots = [];
    for (let i = 0; i < asked.length;) {
      let length = 1, others = [];
      for (const group of groups)
        for (const phrase of group) {
          const fits = phrase.length && phrase.every((word, k) => asked[i + k]?.root === word);
          if (!fits || phrase.length < length) continue;
          if (phrase.length > length) others = [];
          length = phrase.length;
          others.push(...group.filter(other => other !== phrase && other.length));
        }
      const own = asked.slice(i, i + length).map(({ word }) => meaning(word));
      const same = others.map(phrase => phrase.map(word => new Map([[word, 0.9]])));
      if (length === 1 || !others.length) slots.push([own, ...same]);
      else slots.push([own, ...same]);
      i += length;
    }
    return slots;
  }

  function rarity(word) {
    const count = placesOf(word).size + (frequent.get(word)?.length ?? 0);
    return Math.log(1 + data.entries.length / (1 + count));
  }

  /* The share of the slots of which a word stands in the title of an entry. */
  function covered(entry, slots) {
    const stands = slot => slot.some(alternative => alternative.length && alternative.every(meanings =>
      [...meanings.keys()].some(word => titles[entry].has(word))));
    return slots.filter(stands).length / slots.length;
  }

  /* What an entry counts for one word, given as its meanings: the best of them, wherever it stands. Of a title counts
     how much of what is asked it has. */
  function worth(entry, meanings, share) {
    const [page, kind] = data.entries[entry];
    let best = 0;
    for (const [word, sure] of meanings) {
      let value = 0;
      const dots = placesOf(word).get(entry);
      if (dots !== undefined) value = TEXT[dots];
      if (titles[entry].has(word)) value = Math.max(value, 1 + share * (kind === "p" ? TITLE : SECTION));
      else if (kind !== "p" && titles[firstOf(page)].has(word)) value = Math.max(value, value && value + WITHIN);
      if (kind === "p" && alsos[page].some(also => also.has(word))) value = Math.max(value, ALSO / 2);
      best = Math.max(best, value * sure * rarity(word));
    }
    return best;
  }

  const firsts = new Map();
  function firstOf(page) {
    if (!firsts.has(page)) firsts.set(page, data.entries.findIndex(([of]) => of === page));
    return firsts.get(page);
  }

  /* All entries in which something fits. */
  function candidates(slots) {
    const found = new Set();
    for (const slot of slots)
      for (const alternative of slot)
        for (const meanings of alternative)
          for (const [word] of meanings) {
            for (const entry of placesOf(word).keys()) found.add(entry);
            for (const entry of frequent.get(word) ?? []) found.add(entry);
            alsos.forEach((names, page) => names.some(name => name.has(word)) && found.add(firstOf(page)));
          }
    return found;
  }

  /* How well a title, as a set of roots, is what was asked: 1 if it is just that. */
  function likeness(title, wanted) {
    const common = [...title].filter(word => wanted.has(word)).length;
    return common ? common / (title.size + wanted.size - common) : 0;
  }

  function rank(query) {
    const slots = slotsOf(query);
    const wanted = slots.flatMap(slot => slot.filter(alternative => alternative.length).map(alternative =>
      new Set(alternative.flatMap(meanings => [...meanings].filter(([, sure]) => sure >= 0.9).map(([word]) => word)))));
    const whole = [new Set(slots.flatMap(slot => [...wantedOf(slot[0])])), ...(slots.length === 1 ? wanted : [])];
    const pages = new Map();
    for (const entry of candidates(slots)) {
      let score = 0, fitting = 0;
      const share = covered(entry, slots);
      for (const slot of slots) {
        let best = 0;
        for (const alternative of slot) {
          const values = alternative.map(meanings => worth(entry, meanings, share));
          const there = values.filter(value => value > 0).length / values.length;
          best = Math.max(best, (values.reduce((sum, value) => sum + value, 0) / Math.sqrt(values.length)) * there * there);
          fitting += slot[0] === alternative ? there : 0;
          if (slot[0] !== alternative && there === 1) fitting = Math.max(fitting, slots.indexOf(slot) + 1);
        }
        score += best;
      }
      if (!score) continue;
      const [page, kind] = data.entries[entry];
      score *= Math.min(1, fitting / slots.length) ** 2 || 0.05;
      const names = kind === "p" ? [titles[entry], ...alsos[page]] : [titles[entry]];
      const alike = Math.max(...names.flatMap(name => whole.map(set => likeness(name, set))));
      score *= 1 + 2 * alike ** 2 + 5 * alike ** 8;
      if (kind === "o" ? alike < 1 : kind === "t" || usual.has(data.entries[entry][3])) score *= 0.6;
      if (!pages.has(page)) pages.set(page, []);
      pages.get(page).push({ entry, score, share, exact: kind === "o" && /[_.]|[a-z][A-Z]/.test(query) && alike > 0.3 });
    }
    const found = [...pages].map(([page, hits]) => {
      hits.sort((a, b) => b.score - a.score || a.entry - b.entry);
      const more = hits.slice(1, 5).reduce((sum, hit) => sum + hit.score, 0);
      const weight = hits[0].exact ? 1.5 : data.pages[page][2];
      const score = (hits[0].score + 0.12 * more) * weight;
      /* A section that is called by all that is asked is the better place than a page that has just another name. */
      const place = hits.find(hit => hit.share === 1 && hit.score > hits[0].score / 6) ?? hits[0];
      return { page, hits: [place, ...hits.filter(hit => hit !== place)], score };
    });
    found.sort((a, b) => b.score - a.score || a.page - b.page);
    return found.slice(0, MOST_PAGES);
  }

  const wantedOf = alternative =>
    alternative.flatMap(meanings => [...meanings].filter(([, sure]) => sure >= 0.9).map(([word]) => word));

  /* Showing what was found. */

  function element(tag, attributes, ...children) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  }

  function address(entry) {
    const [page, , anchor] = data.entries[entry];
    return root + data.pages[page][1] + (anchor && `#${anchor}`);
  }

  /* The sentence of an entry that says the most of what was asked, once the texts of its page are there. */
  function sentenceOf(entry, means) {
    const [page] = data.entries[entry];
    const sentences = texts[data.pages[page][0]]?.[entry - firstOf(page)] ?? [];
    let best = sentences[0] ?? "", most = 0;
    for (const sentence of sentences) {
      const found = new Set(roots(sentence).filter(word => means.has(word)));
      const telling = sentence.split(" ").length > 4 ? 1 : 0.2; // a label, the head of a table
      const value = telling * [...found].reduce((sum, word) => sum + rarity(word), 0) - sentence.length / 2000;
      if (value > most) [best, most] = [sentence, value];
    }
    return best;
  }

  function marked(sentence, means) {
    const shown = document.createDocumentFragment();
    let end = 0;
    const all = [...sentence.matchAll(WORD)];
    const first = all.find(([word]) => isMeant(word, means))?.index ?? 0;
    let start = first > 140 ? sentence.indexOf(" ", first - 100) + 1 : 0;
    const stopAt = sentence.length > start + 240 ? sentence.lastIndexOf(" ", start + 220) : sentence.length;
    if (start) shown.append("… ");
    end = start;
    for (const found of all) {
      if (found.index < start || found.index + found[0].length > stopAt || !isMeant(found[0], means)) continue;
      shown.append(sentence.slice(end, found.index), element("mark", {}, found[0]));
      end = found.index + found[0].length;
    }
    shown.append(sentence.slice(end, stopAt), stopAt < sentence.length ? " …" : "");
    return shown;
  }

  const isMeant = (word, means) => partsOf(word.toLowerCase()).some(part => !stop.has(part) && means.has(forms.get(part)));

  function load(page) {
    if (texts[page] || waiting[page]) return;
    waiting[page] = true;
    document.head.append(element("script", { src: `${root}_search/${page}.js` }));
  }

  let last = "";
  function show(query) {
    const box = document.getElementById("search-results");
    last = query;
    if (!query.trim()) return box.replaceChildren();
    const found = rank(query);
    const means = new Set(slotsOf(query).flat(2).flatMap(meanings => [...meanings.keys()]));
    const list = element("ul", { className: "search" });
    for (const { page, hits } of found) {
      const [name] = data.pages[page], title = data.entries[firstOf(page)][3];
      load(name);
      const [best, ...others] = hits;
      const own = best.entry === firstOf(page);
      const heading = element("a", { href: address(best.entry) }, data.entries[best.entry][3]);
      const item = element("li", {}, heading);
      if (!own) item.append(element("span", { className: "search-page" }, title));
      const sentence = element("p", {});
      sentence.append(marked(sentenceOf(best.entry, means), means));
      item.append(sentence);
      const more = others.filter(hit => hit.score > best.score / 4 && hit.entry !== firstOf(page)).slice(0, MOST_SECTIONS);
      if (more.length)
        item.append(element("p", { className: "search-more" }, "Also: ", ...more.flatMap((hit, i) =>
          [...(i ? [" · "] : []), element("a", { href: address(hit.entry) }, data.entries[hit.entry][3])])));
      list.append(item);
    }
    const count = found.length === 1 ? "1 page" : `${found.length} pages, the best first`;
    const said = found.length ? count : "Nothing was found. Try fewer or other words.";
    box.replaceChildren(element("p", { className: "search-summary", role: "status" }, said), ...(found.length ? [list] : []));
  }

  function start() {
    const field = document.querySelector(".bd-search-container input[name=q]");
    const asked = new URLSearchParams(location.search).get("q") ?? "";
    if (!field) return;
    if (!field.value) field.value = asked;
    let timer;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        history.replaceState(null, "", `?${new URLSearchParams({ q: field.value })}`);
        show(field.value);
      }, 150);
    });
    show(field.value);
  }

  return {
    index,
    rank: query => rank(query).map(({ page, hits }) => [data.pages[page][1], ...hits.slice(0, 3).map(hit => address(hit.entry))]),
    texts(page, sentences) {
      texts[page] = sentences;
      show(last);
    },
  };
})();
