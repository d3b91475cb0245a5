// What is on the page: the datasets with their tables, and the latest requests.

const KEPT_ROWS = 3000, KEPT_REQUESTS = 40;
const plural = (count, one) => `${whole(count)} ${one}${count === 1 ? "" : "s"}`;
const badge = (text) => h("span", { class: "badge" }, text);

/** Replaces the children only where they differ, so that the focus stays. */
function place_all(parent, children) {
  const same = children.length === parent.childNodes.length && children.every((child, at) => child === parent.childNodes[at]);
  if (!same) parent.replaceChildren(...children);
}

/** Badges that are drawn anew only if they changed. */
function badges(texts) {
  const element = h("span", { class: "line" });
  let shown = null;
  const draw = (next) => {
    if (JSON.stringify(next) === shown) return;
    shown = JSON.stringify(next);
    element.replaceChildren(...next.map(badge));
  };
  draw(texts);
  return { element, draw };
}

function select(label, values, value, change) {
  const options = values.map(([each, word]) => h("option", { value: each, selected: each === value }, word));
  return h("select", { "aria-label": label, onchange: (event) => change(event.target.value) }, ...options);
}

/** The tiles of a table, and the choice of them. */
class Tiles {
  constructor(view) {
    this.view = view;
    this.grid = h("div", { class: "tiles" });
    this.add = h("button", { class: "add", type: "button", onclick: () => this.change([...this.chosen, usual(view.table)[0]]) }, "+ Add a tile");
    this.element = h("div", {}, this.grid, this.add);
    this.build();
  }

  build() {
    const { dataset, table } = this.view;
    const chosen = address.tiles(dataset.name, table.name) ?? usual(table);
    this.chosen = chosen.map((tile) => fitting(tile, table)).filter(Boolean);
    this.pictures?.forEach((picture) => picture.end?.());
    this.pictures = this.chosen.map((tile) => PICTURES[tile.kind](tile, this.view.state));
    this.grid.replaceChildren(...this.chosen.map((tile, at) => this.tile(tile, at)));
  }

  tile(tile, at) {
    const { table } = this.view, by = axes(tile.kind, table);
    const set = (change) => this.change(this.chosen.map((each, place) => (place === at ? fitting({ ...each, ...change }, table) : each)), at);
    const choice = h("div", { class: "choice" },
      select("kind of tile", kinds(table).map((kind) => [kind, KINDS[kind]]), tile.kind, (kind) => set({ kind })),
      select("field", fields(tile.kind, table), tile.field, (field) => set({ field })),
      by.length > 1 || tile.kind === "bars" ? select("axis", by, tile.by, (value) => set({ by: value })) : null,
      h("button", { type: "button", "aria-label": "remove the tile", onclick: () => this.change(this.chosen.filter((_, place) => place !== at)) }, "×"));
    const label = `${KINDS[tile.kind]} of ${tile.field === COUNT ? "rows" : tile.field === ALL ? "all numbers" : tile.field}`;
    return h("div", { class: `tile tile-${tile.kind}`, role: "group", "aria-label": label }, choice, this.pictures[at].element);
  }

  change(tiles, at) {
    const { dataset, table } = this.view, focus = [...(this.grid.children[at]?.querySelectorAll("select") ?? [])].indexOf(document.activeElement);
    address.choose(dataset.name, table.name, tiles);
    this.build();
    this.draw();
    if (focus >= 0) this.grid.children[at].querySelectorAll("select")[focus]?.focus();
  }

  draw() {
    for (const picture of this.pictures) picture.draw(this.view.table);
  }
}

/** A table: how many rows it has, its tiles, and its newest rows. */
class TableView {
  constructor(state, dataset, table) {
    Object.assign(this, { state, dataset, table, tiles: null, isDirty: true, isSeen: false });
    this.count = h("span", { class: "count" });
    this.rows = h("span", { class: "soft" });
    this.badges = badges(table.badges);
    this.body = h("tbody");
    const head = table.columns.map((column) => h("th", { class: column.is_number ? "right" : undefined, scope: "col" }, column.name, h("small", {}, column.type_name)));
    this.newest = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `newest rows of ${table.name}` },
      h("table", {}, h("thead", {}, h("tr", {}, ...head)), this.body));
    this.pictures = h("div", { class: "pictures" });
    const title = h("div", { class: "line" }, h("h4", {}, table.name), this.badges.element, h("span", {}, this.count, " ", this.rows));
    this.element = h("div", { class: "table" }, title, this.pictures, this.newest);
    state.observer.observe(this.element);
    this.element.view = this;
    this.tell();
  }

  /** Takes over what came; a sample goes on where the last one ended. */
  take(news, isWhole) {
    const sample = isWhole || news.count === 0 ? news.sample : [...this.table.sample, ...news.sample].slice(-KEPT_ROWS);
    Object.assign(this.table, news, { sample, columns: this.table.columns });
    this.isDirty = true;
    this.tell();
  }

  tell() {
    say(this.count, whole(this.table.count));
    const first = this.dataset.has_api_info ? "rows yet: API Info shows how to push one" : "rows yet";
    say(this.rows, this.table.count === 0 ? first : this.table.count === 1 ? "row" : "rows");
    this.badges.draw(this.table.badges);
  }

  draw() {
    if (!this.isDirty || !this.isSeen) return;
    this.isDirty = false;
    const { table } = this;
    this.newest.hidden = table.newest.length === 0;
    this.body.replaceChildren(...table.newest.map((row) => h("tr", {}, ...row.map((cell, at) =>
      h("td", { class: table.columns[at].is_number ? "right" : undefined }, cell === null ? h("span", { class: "none" }, "null") : cell)))));
    if (table.sample.length === 0) return this.pictures.replaceChildren(), void (this.tiles = null);
    if (this.tiles === null) {
      this.tiles = new Tiles(this);
      this.pictures.replaceChildren(this.tiles.element);
    }
    this.tiles.draw();
  }
}

/** A dataset: its quotas and its tables. */
class DatasetView {
  constructor(state, dataset) {
    Object.assign(this, { state, dataset, tables: new Map() });
    this.badges = badges(dataset.badges);
    this.quotas = h("div", { class: "quotas" });
    this.body = h("div");
    const { id, name } = dataset;
    const act = (word, work) => h("button", { type: "button", class: "button small", "aria-label": `${word}: ${name}`, onclick: work }, word);
    const info = tried(async () => show_info(name, await order("api_info", { dataset: id })));
    const line = h("div", { class: "line" }, h("h3", {}, name), this.badges.element,
      h("span", { class: "acts" }, dataset.has_api_info ? act("API Info", info) : null, act("Delete", () => remove(id, name))));
    this.element = h("article", { class: "card article", id },
      h("div", { class: "head" }, line, h("code", { class: "soft" }, id), this.quotas), this.body);
    this.take(dataset);
  }

  take(dataset) {
    this.dataset = dataset;
    this.badges.draw(dataset.badges);
    this.tell(dataset.quotas);
    const shape = (table) => JSON.stringify(table.columns), before = this.tables;
    this.tables = new Map(dataset.tables.map((table) => {
      const known = before.get(table.name);
      if (known === undefined || shape(known.table) !== shape(table)) return [table.name, new TableView(this.state, dataset, table)];
      known.take(table, true);
      return [table.name, known];
    }));
    place_all(this.body, [...this.tables.values()].map((view) => view.element));
  }

  tell(quotas) {
    if (JSON.stringify(quotas) === this.shown) return;
    this.shown = JSON.stringify(quotas);
    this.quotas.replaceChildren(...quotas.map(({ used, most, what, span }) => {
      const text = `${whole(used)} of ${whole(most)} ${what} this ${span}`, bar = h("i");
      bar.style.transform = `scaleX(${Math.min(1, used / most)})`;
      const meter = { class: "track", role: "meter", "aria-label": `${what} this ${span}`, "aria-valuenow": used, "aria-valuemin": 0, "aria-valuemax": most };
      return h("div", { class: used >= most ? "quota full" : "quota" }, text, h("div", meter, bar));
    }));
  }

  /** Whether every word of a search is in a name. */
  fits(words) {
    const { name, id, tables } = this.dataset;
    const text = [name, id, ...tables.flatMap((table) => [table.name, ...names(table.columns)])].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  }
}

function request(it) {
  const kind = it.status === null ? "bad" : it.status < 400 ? "good" : it.status === 429 || it.status === 503 ? "wait" : "bad";
  const what = (it.operation ?? "no such operation").replace(/^Datasets_/, ""), rows = it.rows ? ` · ${plural(it.rows, "row")}` : "";
  const took = it.took < 0.01 ? `${(it.took * 1000).toFixed(2)} ms` : `${(it.took * 1000).toFixed(0)} ms`;
  const facts = [["request", `${it.method} ${it.path}`], ["size", `${whole(it.bytes)} bytes`], ["took", took], ["after", `${it.at.toFixed(2)} s`]];
  return h("details", { class: "asked" },
    h("summary", {},
      h("span", { class: "number" }, whole(it.number)),
      h("div", {}, h("b", {}, what), h("span", { class: "soft" }, rows),
        h("div", { class: "facts" }, `${whole(it.bytes)} bytes · ${took} · after ${it.at.toFixed(1)} s`)),
      h("span", { class: `pill ${kind}` }, it.status === null ? "dropped" : String(it.status)),
      it.refusal === null ? null : h("div", { class: "why" }, it.refusal)),
    h("dl", {}, ...facts.flatMap(([name, fact]) => [h("dt", {}, name), h("dd", {}, fact)])));
}
