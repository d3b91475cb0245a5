// What the page is told, and when it draws.

const state = { datasets: new Map(), sections: [], epoch: 0, log: { count: 0, refused: 0 }, due: false };
state.observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) target.view.isSeen = isIntersecting;
  soon();
}, { rootMargin: "200px" });

const nothing = (title, ...text) => h("div", { class: "card" }, h("div", { class: "empty" }, h("b", {}, title), ...text));

/** What to do where nothing is there yet. */
function first() {
  const variable = `export POWERBI_PUSH_EMULATOR=${location.origin}`;
  const card = nothing("Nothing was created yet",
    h("p", {}, "Make a streaming dataset here, copy its push URL, and send rows to it."),
    h("p", {}, h("button", { type: "button", class: "button main", onclick: make }, "Make a dataset")),
    h("p", {}, "Or send a program here, unchanged:"),
    h("div", { class: "code" }, h("pre", { tabindex: 0, "aria-label": "the variable that leads programs here" }, variable), copy("the variable", () => variable)));
  return h("section", {}, h("div", { class: "line" }, h("h2", {}, "My workspace")), card);
}
const empty = first();

function soon() {
  if (state.due) return;
  state.due = true;
  requestAnimationFrame(() => {
    state.due = false;
    draw();
  });
}

function tables() {
  return [...state.datasets.values()].flatMap((dataset) => [...dataset.tables.values()]);
}

const counted = {};
for (const what of ["datasets", "tables", "rows", "requests", "refused or dropped"]) {
  counted[what] = h("b", {}, "0");
  byId("numbers").append(h("div", {}, counted[what], h("span", {}, what)));
}

function draw() {
  const all = tables(), counts = [state.datasets.size, all.length, all.reduce((sum, view) => sum + view.table.count, 0), state.log.count, state.log.refused];
  Object.values(counted).forEach((element, at) => say(element, whole(counts[at])));
  for (const view of all) view.draw();
}

/** The sections with the datasets that fit the search. */
function lay_out() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const filled = state.sections.map(({ element, body, datasets }) => {
    const fitting = datasets.map(({ id }) => state.datasets.get(id)).filter((view) => view.fits(words));
    place_all(body, fitting.map((view) => view.element));
    return fitting.length ? element : null;
  }).filter(Boolean);
  const none = words.length ? nothing("Nothing fits", "No dataset, table or column has such a name.") : empty;
  place_all(byId("datasets"), filled.length ? filled : [none]);
  soon();
}

function log({ count, refused, faults, requests }, isWhole) {
  Object.assign(state.log, { count, refused });
  byId("faults").hidden = faults === 0;
  say(byId("faults"), `${whole(faults)} more to fail`);
  const list = byId("requests");
  if (isWhole) list.replaceChildren();
  if (count === 0) return list.replaceChildren(h("div", { class: "empty" }, h("b", {}, "All is quiet"), "Requests show up here."));
  list.querySelector(".empty")?.remove();
  list.prepend(...requests.map(request));
  while (list.childElementCount > KEPT_REQUESTS) list.lastChild.remove();
}

function snapshot(told) {
  // Another start has another token.
  if (told.start !== secret("start")) return location.reload();
  state.operations = told.operations;
  state.epoch = Date.now() / 1000 - told.at;
  const before = state.datasets, known = state.sections;
  state.datasets = new Map();
  state.sections = told.sections.map(({ title, badges: texts, datasets }, at) => {
    for (const dataset of datasets) {
      const view = before.get(dataset.id);
      if (view) view.take(dataset);
      state.datasets.set(dataset.id, view ?? new DatasetView(state, dataset));
    }
    const head = JSON.stringify([title, texts]);
    if (known[at]?.head === head) return { ...known[at], datasets };
    const body = h("div"), element = h("section", {}, h("div", { class: "line" }, h("h2", {}, title), ...texts.map(badge)), body);
    return { head, element, body, datasets };
  });
  for (const [id, view] of before) {
    if (!state.datasets.has(id)) for (const table of view.tables.values()) state.observer.unobserve(table.element);
  }
  log(told.log, true);
  lay_out();
  if (before.size === 0 && location.hash) byId(location.hash.slice(1))?.scrollIntoView();
}

function news(told) {
  for (const { dataset, ...table } of told.tables) {
    const view = state.datasets.get(dataset.id);
    view?.badges.draw(dataset.badges);
    view?.tell(dataset.quotas);
    view?.tables.get(table.name)?.take(table, false);
  }
  for (const [id, quotas] of Object.entries(told.quotas ?? {})) state.datasets.get(id)?.tell(quotas);
  log(told.log, false);
  soon();
}

const live = byId("live");
const hear = {
  snapshot: (text) => snapshot(JSON.parse(text)),
  news: (text) => news(JSON.parse(text)),
  live() {
    say(live, "live");
    live.classList.remove("gone");
  },
  gone() {
    say(live, "not running");
    live.classList.add("gone");
  },
};
live.classList.add("on");

byId("search").value = address.get().get("search") ?? "";
byId("search").addEventListener("input", (event) => {
  address.search(event.target.value);
  lay_out();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);

function redraw() {
  for (const view of tables()) view.isDirty = true;
  soon();
}

/** The stream: of the worker that all tabs share, or of this tab where a browser has no such workers. */
function stream() {
  if (typeof SharedWorker === "function") {
    const { port } = new SharedWorker("/emulator/worker.js");
    port.onmessage = ({ data: [kind, text] }) => hear[kind](text);
    return (word) => port.postMessage(word);
  }
  let source = null;
  return (word) => {
    source?.close();
    if (word !== "shown") return;
    source = new EventSource("/emulator/changes");
    source.onopen = hear.live;
    source.onerror = hear.gone;
    for (const kind of ["snapshot", "news"]) source.addEventListener(kind, ({ data }) => hear[kind](data));
  };
}

const tell = stream();
const show = () => tell(document.hidden ? "hidden" : "shown");
document.addEventListener("visibilitychange", show);
addEventListener("pagehide", () => tell("hidden"));
addEventListener("pageshow", ({ persisted }) => persisted && show());
show();
