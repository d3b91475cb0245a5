// Dialogs, copying, and the orders that the page sends to the emulator.

const secret = (name) => document.querySelector(`meta[name=${name}]`).content;

/** Sends an order; gives what came of it, or throws with what is wrong. */
async function order(command, details) {
  const headers = { "content-type": "application/json", "x-emulator-page": secret("token") };
  let answer;
  try {
    answer = await fetch("/emulator/commands", { method: "POST", headers, body: JSON.stringify({ command, ...details }) });
  } catch {
    throw new Error("the emulator does not answer");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error.message);
  return told;
}

let silence = 0;

/** Says in a corner, and to screen readers, what was done. */
function announce(text, isBad) {
  const said = byId("said");
  clearTimeout(silence);
  // What is outside an open dialog is neither seen nor read out.
  (document.querySelector("dialog[open]") ?? document.body).append(said);
  said.classList.toggle("wrong", Boolean(isBad));
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = text; });
  said.classList.add("on");
  silence = setTimeout(() => said.classList.remove("on"), 4000);
}

/** Does what a button is for; what goes wrong is said. */
const tried = (work) => async () => {
  try { await work(); } catch (error) { announce(error.message, true); }
};

/** A dialog: Escape, the cross and `close` end it, and the focus goes back to where it was. */
function dialog(title, ...content) {
  const id = `dialog-${crypto.randomUUID()}`, before = document.activeElement;
  const element = h("dialog", { "aria-labelledby": id, class: "dialog" });
  const close = () => element.close();
  element.append(h("div", { class: "dialog-head" }, h("h2", { id }, title),
    h("button", { type: "button", class: "cross", "aria-label": "Close", onclick: close }, "×")), ...content);
  element.addEventListener("close", () => {
    document.body.append(byId("said"));
    element.remove();
    before?.focus?.();
  });
  // A press on what is around it; a drag of text that ends there is none.
  element.addEventListener("mousedown", (event) => { if (event.target === element) close(); });
  document.body.append(element);
  element.showModal();
  return { element, close };
}

/** A form with its buttons; `work` gets what is to be done, and what it throws is shown. */
function form(verb, work, cancel, ...content) {
  const wrong = h("p", { class: "wrong-input", role: "alert" });
  const button = h("button", { class: "button main" }, verb);
  const element = h("form", { class: "form" }, ...content, wrong,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: cancel }, "Cancel"), button));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(wrong, "");
    button.disabled = true;
    try { await work(); } catch (error) { say(wrong, sentence(error.message)); } finally { button.disabled = false; }
  });
  return element;
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Asks before something is done that cannot be undone. */
function ask(title, text, verb, work) {
  const sure = async () => {
    await work();
    close();
  };
  const { element, close } = dialog(title);
  element.append(form(verb, sure, () => close(), h("p", { class: "words" }, text)));
  element.querySelector(".main").classList.add("danger");
  element.querySelector(".buttons button").focus();
}

/** An input or select with its label above. */
function field(label, control, note) {
  const id = `field-${crypto.randomUUID()}`;
  control.id = id;
  if (note) control.setAttribute("aria-describedby", `${id}-note`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, note ? h("small", { id: `${id}-note` }, note) : null);
}

async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", {}, text);
  (document.querySelector("dialog") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies what `text` gives. */
function copy(what, text) {
  const button = h("button", { type: "button", class: "button copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", tried(async () => {
    await copied(text());
    announce(`Copied ${what}`);
    say(button, "Copied");
    setTimeout(() => say(button, "Copy"), 1500);
  }));
  return button;
}

/** Panels of which one is shown, chosen by tabs: arrows, Home and End go from one to the next. */
function tabs(label, panels) {
  const list = h("div", { role: "tablist", "aria-label": label, class: "tabs" }), shown = h("div");
  const buttons = panels.map(({ title }, at) => {
    const id = `tab-${crypto.randomUUID()}`;
    return h("button", { type: "button", role: "tab", id, onclick: () => choose(at) }, title);
  });
  const bodies = panels.map(({ body }, at) => h("div", { role: "tabpanel", "aria-labelledby": buttons[at].id }, body));
  const choose = (at) => {
    buttons.forEach((button, place) => {
      button.setAttribute("aria-selected", place === at);
      button.tabIndex = place === at ? 0 : -1;
    });
    shown.replaceChildren(bodies[at]);
  };
  list.addEventListener("keydown", ({ key }) => {
    const now = buttons.indexOf(document.activeElement), last = buttons.length - 1;
    const next = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now === 0 ? last : now - 1, Home: 0, End: last }[key];
    if (next === undefined) return;
    choose(next);
    buttons[next].focus();
  });
  list.append(...buttons);
  choose(0);
  return h("div", {}, list, shown);
}
