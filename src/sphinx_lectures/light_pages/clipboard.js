/* All that the buttons of sphinx_copybutton use of the library ClipboardJS. */
"use strict";

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // the page comes from elsewhere than https
    const before = document.activeElement, field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed"; // where nothing scrolls to it
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    before.focus();
    return copied;
  }
}

window.ClipboardJS = class {
  constructor(selector, { text }) {
    this.handlers = {};
    addEventListener("click", async event => {
      const trigger = event.target.closest(selector);
      if (trigger) this.handlers[(await copyText(text(trigger))) ? "success" : "error"]?.({ trigger });
    });
  }

  on(event, handler) {
    this.handlers[event] = handler;
  }
};
