// Which tiles a table has: by the types of its columns, until the user chooses others, which the address keeps.

"use strict";

const KINDS = { card: "Card", line: "Line", gauge: "Gauge", bars: "Bars" };
// Stands for several number columns at once, and for counting rows.
const ALL = "*", COUNT = "#";
const MOST_SERIES = 4;

const isDate = (column) => /date|time/i.test(column.type_name);
const isText = (column) => !column.is_number && !isDate(column) && !/bool/i.test(column.type_name);
// Numbers that name something: their size tells nothing.
const isName = (column) => /(^|[_ ])(id|key|no|number|year|month|day|hour|minute|lat|lon)$|[a-z](Id|ID|Key)$/i.test(column.name);

const names = (columns) => columns.map((column) => column.name);

/** The number columns, those first that are most worth a look. */
function numbers(columns) {
  const rank = (column) => 2 * isName(column) + /int/i.test(column.type_name);
  return columns.filter((column) => column.is_number).sort((one, other) => rank(one) - rank(other));
}

/** The text column by which rows are best grouped: the one with the fewest values, but more than one. */
function grouping(table) {
  const rank = (name) => {
    const at = names(table.columns).indexOf(name), values = new Set(table.sample.map(([, row]) => row[at]));
    return values.size < 2 ? Infinity : values.size;
  };
  const texts = names(table.columns.filter(isText)).map((name) => [rank(name), name]);
  return texts.reduce((best, next) => (next[0] < best[0] ? next : best), texts[0] ?? [0, null])[1];
}

/** The tiles of a table that nobody has chosen. */
function usual(table) {
  const [number] = names(numbers(table.columns)), text = grouping(table), [date] = names(table.columns.filter(isDate));
  const bars = text === null ? [] : [{ kind: "bars", field: number ?? COUNT, by: text }];
  if (number === undefined) return [{ kind: "card", field: text ?? table.columns[0]?.name ?? COUNT }, ...bars];
  return [
    { kind: "card", field: number }, { kind: "line", field: number, by: date ?? "" }, { kind: "gauge", field: number },
    ...bars,
  ];
}

/** The fields that a kind of tile can show, as values and their words. */
function fields(kind, table) {
  const one = names(kind === "card" ? table.columns : numbers(table.columns)).map((name) => [name, name]);
  const several = one.length > 1 && (kind === "line" || kind === "bars") ? [[ALL, "all numbers"]] : [];
  return [...one, ...several, ...(kind === "bars" ? [[COUNT, "count of rows"]] : [])];
}

/** What a kind of tile can be drawn by. */
function axes(kind, table) {
  if (kind === "bars") return names(table.columns.filter(isText)).map((name) => [name, `by ${name}`]);
  if (kind !== "line") return [];
  return [...names(table.columns.filter(isDate)).map((name) => [name, `over ${name}`]), ["", "over time of arrival"]];
}

/** The kinds that a table has columns for. */
const kinds = (table) => Object.keys(KINDS).filter((kind) => fields(kind, table).length && (kind !== "bars" || axes(kind, table).length));

/** A tile of this kind, as much like `tile` as its columns allow; null if there are none. */
function fitting(tile, table) {
  if (!kinds(table).includes(tile.kind)) return null;
  const pick = (values, wanted) => (values.find(([value]) => value === wanted) ?? values[0])?.[0];
  return { kind: tile.kind, field: pick(fields(tile.kind, table), tile.field), by: pick(axes(tile.kind, table), tile.by) };
}

/** The address: `?search=…&tiles=Dataset/Table=card:Field,line:Field:Axis`, each name encoded. */
const address = {
  get: () => new URLSearchParams(location.search),
  put(parameters) {
    const query = parameters.toString();
    history.replaceState(null, "", location.pathname + (query ? `?${query}` : "") + location.hash);
  },
  search(text) {
    const parameters = this.get();
    if (text) parameters.set("search", text);
    else parameters.delete("search");
    this.put(parameters);
  },
  key: (dataset, table) => `${encodeURIComponent(dataset)}/${encodeURIComponent(table)}=`,
  /** The tiles chosen for a table; null if nobody chose. */
  tiles(dataset, table) {
    const key = this.key(dataset, table), found = this.get().getAll("tiles").find((text) => text.startsWith(key));
    if (found === undefined) return null;
    const part = (text) => {
      try { return decodeURIComponent(text); } catch { return text; }
    };
    return found.slice(key.length).split(",").filter(Boolean).map((text) => {
      const [kind, field, by] = text.split(":").map(part);
      return { kind, field, by };
    });
  },
  choose(dataset, table, tiles) {
    const key = this.key(dataset, table), parameters = this.get();
    const others = parameters.getAll("tiles").filter((text) => !text.startsWith(key));
    const spelled = tiles.map(({ kind, field, by }) => [kind, field, ...(by === undefined ? [] : [by])].map(encodeURIComponent).join(":"));
    parameters.delete("tiles");
    for (const text of [...others, key + spelled.join(",")]) parameters.append("tiles", text);
    this.put(parameters);
  },
};
