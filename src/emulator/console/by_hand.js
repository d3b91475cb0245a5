// What is made, deleted and disturbed by hand.

const TYPES = { streaming: ["Number", "Text", "DateTime"], push: ["Int64", "Double", "Decimal", "Boolean", "DateTime", "String"] };
const ABOUT = {
  streaming: "A push URL takes its rows: no sign-in, up to 5 requests a second.",
  push: "Tables that keep their rows, filled through the REST API with a token.",
};

/** The fields of a dataset: names and types, one more at a press. */
class Fields {
  constructor(kind) {
    this.kind = kind;
    this.list = h("div", { class: "fields" });
    this.more = h("button", { type: "button", class: "button", onclick: () => this.add().focus() }, "Add a field");
    this.element = h("fieldset", { class: "field" }, h("legend", {}, "Fields"), this.list, this.more);
    this.add();
  }

  add() {
    const name = h("input", { required: true, autocomplete: "off", spellcheck: "false", placeholder: "name" });
    const type = h("select", {}), remove = h("button", { type: "button", class: "cross" }, "×"), line = h("div", {}, name, type, remove);
    remove.addEventListener("click", () => {
      const next = line.nextElementSibling ?? line.previousElementSibling;
      line.remove();
      this.number();
      (next?.querySelector("input") ?? this.more).focus();
    });
    this.list.append(line);
    this.number();
    return name;
  }

  /** Names the parts of each line by its place, and gives the types of the kind. */
  number() {
    [...this.list.children].forEach((line, at) => {
      const [name, type, remove] = line.children, types = TYPES[this.kind], before = type.value;
      name.setAttribute("aria-label", `name of field ${at + 1}`);
      type.setAttribute("aria-label", `type of field ${at + 1}`);
      remove.setAttribute("aria-label", `remove field ${at + 1}`);
      remove.disabled = this.list.childElementCount === 1;
      if (type.dataset.kind === this.kind) return;
      type.dataset.kind = this.kind;
      type.replaceChildren(...types.map((word) => h("option", { selected: word === before }, word)));
    });
  }

  get value() {
    return [...this.list.children].map(({ children: [name, type] }) => ({ name: name.value, type: type.value }));
  }
}

function make() {
  const fields = new Fields("streaming"), about = h("small", {}, ABOUT.streaming);
  const name = h("input", { required: true, autocomplete: "off", placeholder: "Sensors" });
  const table = h("input", { autocomplete: "off", value: "Rows" }), history = h("input", { type: "checkbox", role: "switch" });
  const ofPush = field("Table", table);
  const ofStreaming = h("label", { class: "switch" }, history, h("span", {}, h("b", {}, "Historic data analysis"), " keeps the rows as a push dataset does"));
  const choose = (kind) => {
    fields.kind = kind;
    fields.number();
    say(about, ABOUT[kind]);
    ofPush.hidden = kind !== "push";
    ofStreaming.hidden = kind !== "streaming";
  };
  const kinds = ["streaming", "push"].map((kind, at) =>
    h("label", {}, h("input", { type: "radio", name: "kind", value: kind, checked: at === 0, onchange: () => choose(kind) }), h("span", {}, sentence(kind))));
  choose("streaming");
  const work = async () => {
    const wanted = { kind: fields.kind, name: name.value, fields: fields.value, history: history.checked, table: table.value };
    const { dataset } = await order("make", wanted);
    const info = await order("api_info", { dataset });
    close();
    show_info(name.value, info);
    announce(`Made ${name.value}`);
  };
  const { element, close } = dialog("New dataset");
  element.append(form("Create", work, () => close(),
    h("fieldset", { class: "field" }, h("legend", {}, "Kind"), h("div", { class: "kinds" }, ...kinds), about),
    field("Name", name), ofPush, fields.element, ofStreaming));
  name.focus();
}

/** The same call in several languages, ready to paste. */
function show_info(name, { push_url, snippets }) {
  const panels = snippets.map(({ title, text }) => ({
    title,
    body: h("div", { class: "code" }, h("pre", { tabindex: 0, "aria-label": title }, text), copy(title, () => text)),
  }));
  const address = push_url && h("input", { readonly: true, value: push_url, class: "mono", onfocus: (event) => event.target.select() });
  const { element } = dialog(`API Info: ${name}`);
  element.append(h("div", { class: "form" },
    address ? h("div", { class: "with-copy" }, field("Push URL", address, "Who has it can push rows. It leads to this emulator only."), copy("the push URL", () => push_url)) : null,
    tabs("The same call in several languages", panels)));
}

function remove(id, name) {
  ask(`Delete ${name}?`, "Its tables, all their rows and its addresses are gone.", "Delete", async () => {
    await order("delete", { dataset: id });
    announce(`Deleted ${name}`);
  });
}

const FAULTS = [[429, "429 too many requests"], [500, "500 a fault of the service"], [503, "503 not available"], [401, "401 not signed in"],
  [403, "403 not allowed"], [404, "404 not there"], [0, "no answer: the rows are stored, the connection closed"]];

function fail() {
  const option = ([value, text]) => h("option", { value }, text);
  const status = h("select", {}, ...FAULTS.map(option)), times = h("input", { type: "number", min: 1, max: 10000, value: 1, required: true });
  const wait = h("input", { inputmode: "numeric", placeholder: "none", autocomplete: "off" });
  const routes = [["", "any, but sign-ins"], ["/rows", "those that add rows"], ...(state.operations ?? []).map((name) => [name, name])];
  const route = h("select", {}, ...routes.map(option)), ofWait = field("Retry-After", wait, "seconds");
  status.addEventListener("change", () => { ofWait.hidden = status.value === "0"; });
  const work = async () => {
    const count = Number(times.value), details = { times: count, route: route.value };
    if (status.value === "0") await order("drop_response", details);
    else await order("fail_next", { ...details, status: Number(status.value), retry_after: wait.value });
    close();
    announce(`${count === 1 ? "The next request gets" : `The next ${whole(count)} requests get`} ${status.value === "0" ? "no answer" : status.value}`);
  };
  const { element, close } = dialog("Fail the next requests");
  element.append(form("Let them fail", work, () => close(), field("Answer", status),
    h("div", { class: "pair" }, field("How many", times), ofWait), field("Which requests", route)));
  status.focus();
}

byId("make").addEventListener("click", make);
byId("fail").addEventListener("click", fail);
byId("expire").addEventListener("click", tried(async () => {
  await order("expire_tokens");
  announce("All tokens so far are expired");
}));
byId("reset").addEventListener("click", () => {
  ask("Reset the emulator?", "All datasets, rows, requests and faults are gone. Tokens stay valid.", "Reset", async () => {
    await order("reset");
    announce("Back to an empty My workspace");
  });
});
