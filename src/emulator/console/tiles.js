// The pictures in the tiles: each is made once, and drawn anew when rows come.

const MOST_BARS = 7;
// A line over the time of arrival shows the last minutes.
const SPAN = 300;
const WINDOW = 1000;

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; texts stay texts. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const series = (at) => (at ? `--draw-${at + 1}` : "--draw");

/** A number in few digits: a large one with its word, and one beyond all words with its power of ten. */
const spelled = (digits, large) => (number) => {
  const size = Math.abs(number), beyond = size >= 1e15 || (size > 0 && size < 1e-6);
  const notation = beyond ? "scientific" : size >= large ? "compact" : "standard";
  // Adding 0 takes the sign off -0.
  return (number + 0).toLocaleString("en", { maximumSignificantDigits: size >= large || beyond ? 4 : digits, notation });
};
const rounded = spelled(6, 1e6), brief = spelled(4, 1e5);
const numeric = (cell) => (cell === null || cell === "" ? NaN : Number(cell));
const whole = (number) => number.toLocaleString("en");

/** Digits of a number in threes, exact however long it is. */
function grouped(text) {
  const [, sign, digits, rest] = /^(-?)(\d+)(.*)$/s.exec(text) ?? [];
  return digits === undefined ? text : sign + digits.replace(/\B(?=(\d{3})+$)/g, ",") + rest;
}

/** The number columns that a field stands for. */
function chosen(tile, table) {
  const columns = names(numbers(table.columns));
  return (tile.field === ALL ? columns.slice(0, MOST_SERIES) : [tile.field]).filter((name) => names(table.columns).includes(name));
}

const place = (table, name) => table.columns.findIndex((column) => column.name === name);

/** The cells of a column in the sampled rows that are not null. */
function cells(table, name) {
  const at = place(table, name);
  return table.sample.map(([, row]) => row[at]).filter((cell) => cell !== null && cell !== undefined);
}

function card(tile) {
  const value = h("div", { class: "value" }, "–"), moved = h("div", { class: "moved" });
  return {
    element: h("div", { class: "picture" }, value, moved),
    draw(table) {
      const all = cells(table, tile.field), latest = all.at(-1), before = numeric(all.at(-2) ?? null);
      const isNumber = table.columns[place(table, tile.field)]?.is_number;
      const text = latest === undefined ? "–" : isNumber ? grouped(latest) : latest;
      say(value, text);
      value.classList.toggle("long", text.length > 11);
      const change = numeric(latest ?? null) - before;
      const arrow = change > 0 ? "▲" : change < 0 ? "▼" : "=";
      say(moved, isNumber && !Number.isNaN(change) ? `${arrow} ${rounded(Math.abs(change))}` : "latest");
    },
  };
}

const ARC = Math.PI * 60;
const arc = "M 20 78 A 60 60 0 0 1 140 78";

function svg(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Round bounds around values. */
function bounds(values) {
  let low = Math.min(0, ...values), high = Math.max(...values);
  if (!(high > low)) high = low + 1;
  const step = 10 ** Math.floor(Math.log10(high - low)) / 2;
  return [Math.floor(low / step) * step, Math.ceil(high / step) * step];
}

function gauge(tile) {
  const hand = svg("path", { d: arc, class: "hand" });
  const text = svg("text", { x: 80, y: 74, "font-size": 22, "font-weight": 650 });
  const edges = [svg("text", { x: 20, y: 95, class: "edge" }), svg("text", { x: 140, y: 95, class: "edge" })];
  const picture = svg("svg", { viewBox: "0 0 160 98", class: "gauge", "aria-hidden": "true" });
  picture.append(svg("path", { d: arc, class: "ground" }), hand, text, ...edges);
  const element = h("div", { class: "picture", role: "meter", "aria-label": tile.field, "aria-valuenow": 0 }, picture);
  return {
    element,
    draw(table) {
      const values = cells(table, tile.field).map(numeric).filter(Number.isFinite), latest = values.at(-1);
      if (latest === undefined) {
        hand.style.visibility = "hidden";
        return say(text, "–");
      }
      const [low, high] = bounds(values.slice(-WINDOW));
      const part = Math.max(0, Math.min(1, (latest - low) / (high - low)));
      hand.style.visibility = part > 0 ? "visible" : "hidden";
      hand.style.strokeDasharray = `${part * ARC} ${2 * ARC}`;
      say(text, rounded(latest));
      say(edges[0], rounded(low));
      say(edges[1], rounded(high));
      for (const [name, number] of [["valuenow", latest], ["valuemin", low], ["valuemax", high]]) element.setAttribute(`aria-${name}`, number);
    },
  };
}

/** The average of each number column, or the count, of the sampled rows by category. */
function groups(tile, table) {
  const by = place(table, tile.by), columns = chosen(tile, table).map((name) => place(table, name)), found = new Map();
  for (const [, row] of table.sample.slice(-WINDOW)) {
    const name = row[by] ?? "null";
    if (!found.has(name)) found.set(name, { name, count: 0, sums: columns.map(() => [0, 0]) });
    const group = found.get(name);
    group.count += 1;
    columns.forEach((at, place) => {
      const value = numeric(row[at] ?? null);
      if (Number.isFinite(value)) group.sums[place] = [group.sums[place][0] + value, group.sums[place][1] + 1];
    });
  }
  const largest = [...found.values()].sort((one, other) => other.count - one.count).slice(0, Math.max(2, Math.floor(MOST_BARS / Math.max(1, columns.length))));
  return largest.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function bars(tile) {
  const list = h("div", { class: "bars" }), key = h("div", { class: "key" });
  const element = h("div", { class: "picture" }, list, key);
  let shape = "";
  return {
    element,
    draw(table) {
      const found = groups(tile, table), isCount = tile.field === COUNT;
      const values = found.map((group) => (isCount ? [group.count] : group.sums.map(([sum, count]) => (count ? sum / count : null))));
      const most = Math.max(...values.flat().map(Math.abs), Number.MIN_VALUE);
      const next = JSON.stringify(found.map((group) => group.name));
      if (next !== shape) {
        shape = next;
        list.replaceChildren(...found.flatMap(({ name }, at) => [
          h("span", { title: name }, name),
          h("div", {}, ...values[at].map((_, place) => h("div", { class: `track series-${place}` }, h("i")))),
          h("b"),
        ]));
      }
      found.forEach((_, at) => {
        const [, tracks, text] = [...list.children].slice(3 * at);
        values[at].forEach((value, place) => { tracks.children[place].firstChild.style.transform = `scaleX(${Math.abs(value) / most})`; });
        say(text, values[at].length > 1 ? "" : values[at][0] === null ? "–" : brief(values[at][0]));
      });
      const words = isCount ? ["rows in the sample"] : chosen(tile, table).length > 1 ? chosen(tile, table) : ["average of the newest rows"];
      if (key.childElementCount !== words.length) key.replaceChildren(...words.map((word, at) => h("span", {}, words.length > 1 ? h("i", { class: `series-${at}` }) : null, word)));
    },
  };
}

/** The moment that a cell says, in seconds. */
const moment = (cell) => Date.parse(/Z|[+-]\d\d:\d\d$/.test(cell) ? cell : `${cell}Z`) / 1000;

/** Whether rows are drawn one after the other: those that came at one moment have no line over time. */
function in_order(tile, table) {
  const first = table.sample[0]?.[0], last = table.sample.at(-1)?.[0];
  return !tile.by && last - first < 0.5 && table.sample.length > 1;
}

/** What uPlot draws: the times or places, ascending, and the values of each column. */
function points(tile, table, epoch) {
  const over = tile.by ? place(table, tile.by) : -1, columns = chosen(tile, table).map((name) => place(table, name));
  const time = ([at, row]) => (over < 0 ? epoch + at : row[over] === null ? NaN : moment(row[over]));
  let rows = table.sample.slice(-WINDOW).map((one) => [time(one), one[1]]).filter(([at]) => Number.isFinite(at));
  if (in_order(tile, table)) rows = rows.map(([, row], at) => [at + 1, row]);
  else if (over < 0) rows = rows.filter(([at]) => at >= (rows.at(-1)?.[0] ?? 0) - SPAN);
  else rows.sort(([one], [other]) => one - other);
  return [rows.map(([at]) => at), ...columns.map((column) => rows.map(([, row]) => (row[column] === null ? null : numeric(row[column]))))];
}

/** The span of an axis: a minute around a single moment, of which uPlot makes years. */
function around({ data: [moments] }, low, high) {
  return low !== null && moments[0] === moments.at(-1) ? [moments[0] - 30, moments[0] + 30] : [low, high];
}

function line(tile, state) {
  const chart = h("div", { class: "line-chart" }), element = h("div", { class: "picture", role: "img" }, chart);
  let plot = null, scheme = "";
  const make = (table) => {
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const columns = chosen(tile, table), ground = columns.length === 1 ? `${color(series(0))}1f` : undefined;
    // A single value has no line: it is a dot.
    const dot = { show: (plotted, at) => plotted.data[at].filter((value) => value !== null).length === 1, size: 7 };
    const lines = columns.map((name, at) => ({ label: name, stroke: color(series(at)), fill: ground, width: 1.75, spanGaps: true, points: { ...dot, fill: color(series(at)) } }));
    plot?.destroy();
    plot = new uPlot({
      width: chart.clientWidth || 300, height: chart.clientHeight || 140, legend: { show: false }, cursor: { y: false },
      ...(tile.by ? { tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") } : {}),
      scales: { x: { time: !in_order(tile, table), range: around } },
      axes: [{ ...axis, size: 34, space: 70 }, { ...axis, size: 46, space: 28, values: (_, ticks) => ticks.map(rounded) }],
      series: [{}, ...lines],
    }, points(tile, table, state.epoch), chart);
  };
  return {
    element,
    draw(table) {
      const ground = [color("--card"), chart.clientWidth, in_order(tile, table)].join();
      if (plot === null || ground !== scheme) make(table);
      else plot.setData(points(tile, table, state.epoch));
      scheme = ground;
      element.setAttribute("aria-label", `${chosen(tile, table).join(", ")} as a line, latest ${cells(table, chosen(tile, table)[0]).at(-1) ?? "none"}`);
    },
    end: () => plot?.destroy(),
  };
}

const PICTURES = { card, line, gauge, bars };
