/* A reference shows on a card what it names: to a pointer, to who comes with the keyboard, and to a tap. */
"use strict";

if (HTMLElement.prototype.showPopover) {
  const DELAY = 200, GAP = 6; // milliseconds, pixels
  const root = new URL(document.documentElement.dataset.content_root, location).href;
  const card = document.createElement("div");
  Object.assign(card, { id: "reference-card", className: "reference-card", popover: "auto" });
  let wanted, shown, timer, loading, touches;

  const referenceAt = place => place.closest?.('a.reference.internal[href*="#"]');
  const page = address => address.split("#")[0];
  const isHere = link => page(link.href) === page(location.href);

  /* What other pages hold, from a script: a page from a folder may read nothing else. */
  const load = () => loading ??= new Promise(done => {
    globalThis.showCards = done;
    document.head.append(Object.assign(document.createElement("script"), { src: `${root}_cards.js`, onerror: () => done({}) }));
  });

  function onThisPage(name) {
    const target = document.getElementById(name);
    if (target?.matches(".glossary > dt")) {
      let said = target;
      while (said && said.localName !== "dd") said = said.nextElementSibling;
      return [...said?.children ?? []];
    }
    const parts = target?.matches(".equation, figure, .citation") && target.querySelectorAll(".formula, svg[role=img], img, figcaption, .citation > p");
    return [...parts || []];
  }

  /* [what to show, the title of the page that holds it if that is another] */
  async function contentOf(link) {
    const name = decodeURIComponent(link.hash.slice(1)), body = document.createElement("div");
    let title = "";
    if (isHere(link)) body.append(...onThisPage(name).map(part => part.cloneNode(true)));
    else {
      const [titleThere, cards = {}] = (await load())[page(link.href).slice(root.length)] ?? [];
      body.innerHTML = cards[name] ?? "";
      title = titleThere;
    }
    for (const part of body.querySelectorAll("[id]")) part.removeAttribute("id");
    for (const part of body.querySelectorAll(".headerlink, button")) part.remove();
    for (const part of body.querySelectorAll("a")) part.replaceWith(...part.childNodes);
    for (const part of body.querySelectorAll("svg")) part.ariaHidden = true; // the caption is enough
    if (body.querySelector(".formula")) {
      body.className = "equation";
      body.append(Object.assign(document.createElement("span"), { className: "eqno", textContent: link.textContent }));
    }
    return [body, title];
  }

  function place(link) {
    const [line] = link.getClientRects(), { offsetWidth: width, offsetHeight: height } = card;
    const below = line.bottom + GAP + height <= innerHeight || line.top < height + GAP;
    const left = Math.max(GAP, Math.min(line.left, document.documentElement.clientWidth - width - GAP));
    card.style.left = `${scrollX + left}px`;
    card.style.top = `${scrollY + (below ? line.bottom + GAP : line.top - height - GAP)}px`;
  }

  async function show(link, tapped) {
    wanted = link;
    const [body, title] = await contentOf(link);
    if (wanted !== link) return;
    hide();
    if (!body.hasChildNodes()) return tapped && location.assign(link.href);
    const foot = document.createElement("p");
    if (title) foot.append(title);
    if (tapped) foot.append(title && ": ", Object.assign(document.createElement("a"), { href: link.href, textContent: "go there" }));
    card.replaceChildren(body, ...foot.hasChildNodes() ? [foot] : []);
    (link.closest("article") ?? document.body).append(card);
    card.role = tapped ? "dialog" : "tooltip";
    card.ariaLabel = tapped ? link.textContent : null;
    link.removeAttribute("title"); // the card says it
    if (!tapped) link.setAttribute("aria-describedby", card.id);
    shown = link;
    card.showPopover();
    place(link);
    const formula = card.querySelector(".formula");
    if (formula?.scrollWidth > formula?.clientWidth) formula.tabIndex = 0;
    if (tapped) card.querySelector("p:last-child > a").focus({ preventScroll: true });
  }

  const hide = () => {
    wanted = null;
    if (shown) card.hidePopover();
  };

  addEventListener("keydown", event => event.key === "Escape" && hide());

  /* The browser also closes it, at a tap beside it. */
  card.addEventListener("beforetoggle", event => {
    if (event.newState === "open") return;
    shown?.removeAttribute("aria-describedby");
    shown = null;
  });

  addEventListener("pointerover", event => {
    if (event.pointerType === "touch") return;
    const link = referenceAt(event.target);
    clearTimeout(timer);
    if (link && link !== shown) timer = setTimeout(show, DELAY, link);
    else if (!link && !card.contains(event.target) && shown !== document.activeElement) timer = setTimeout(hide, DELAY);
  });

  addEventListener("focusin", event => {
    const link = referenceAt(event.target);
    if (link?.matches(":focus-visible")) show(link);
    else if (!card.contains(event.target)) hide();
  });

  addEventListener("pointerdown", event => (touches = event.pointerType === "touch"), true);
  addEventListener("click", event => {
    const link = referenceAt(event.target);
    const pressed = event.detail === 0; // by a key
    if (!link || !touches || pressed || (isHere(link) && !onThisPage(link.hash.slice(1)).length)) return;
    event.preventDefault();
    show(link, true);
  });
}
