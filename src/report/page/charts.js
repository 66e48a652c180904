"use strict";
// Line charts as SVG. A chart is
//   {title, group, lines: [{key, label, dash}], range, log}
// and draws, of each run, the columns `key` of run[group] over its steps or minutes.

const CHARTS = [
  {title: "Losses", group: "steps",
   lines: [{key: "d_loss", label: "D"}, {key: "g_loss", label: "G", dash: "5 3"}]},
  {title: "D's scores", group: "steps", range: [0, 1],
   lines: [{key: "d_real", label: "D(x)"}, {key: "d_fake", label: "D(G(z))", dash: "5 3"},
           {key: "d_fake_after", label: "after its update", dash: "1 3"}]},
  {title: "fid", group: "evaluations", log: true, fromZero: true,
   lines: [{key: "fid", label: "fid"}]},
  {title: "Precision and recall", group: "evaluations", range: [0, 1],
   lines: [{key: "precision", label: "precision"}, {key: "recall", label: "recall", dash: "5 3"}]},
  {title: "Images per second", group: "steps", fromZero: true,
   lines: [{key: "images_per_second", label: "images/s"}]},
  {title: "R1: mean squared gradient norm", group: "steps", log: true, fromZero: true,
   lines: [{key: "r1", label: "R1"}]},
  {title: "Gradient penalty", group: "steps", log: true, fromZero: true,
   lines: [{key: "gradient_penalty", label: "penalty"}]},
  {title: "Probability of augmentations", group: "steps", range: [0, 1],
   lines: [{key: "augment_probability", label: "probability"}]},
];

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = {top: 8, right: 10, bottom: 24, left: 48};
const HEIGHT = 210;

/** An element with attributes and children; text is set as text. */
function make(name, attributes = {}, ...children) {
  const inSvg = /^(svg|path|line|text|g|circle|title)$/.test(name);
  const element = inSvg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Three or so digits, "12,345" or "0.0021"; "–" for what is no number. */
function format(value, digits = 3) {
  if (typeof value !== "number") return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(digits)));
}

/** Round numbers from min to max: 0, 0.5, 1. */
function ticks(min, max, count) {
  const rough = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const found = [];
  for (let i = Math.ceil(min / step - 1e-9); i <= max / step + 1e-9; ++i) found.push(i * step);
  return found;
}

/** The same on a logarithmic scale: 0.1, 0.2, 0.5, 1; fewer a power where there are many. */
function logTicks(min, max) {
  const few = max / min < 100 ? [1, 2, 5] : max / min < 1e4 ? [1, 3] : [1];
  const found = [];
  for (let power = Math.floor(Math.log10(min)); 10 ** power <= max; ++power) {
    for (const factor of few) {
      const value = Number((factor * 10 ** power).toPrecision(1));
      if (value >= min && value <= max) found.push(value);
    }
  }
  return found.length > 1 ? found : [min, max];
}

/** {min, max, log} of what is drawn; a little room above and below. */
function rangeOf(chart, runs) {
  const all = runs.flatMap((run) => chart.lines.flatMap((line) => run[chart.group][line.key]));
  const values = all.filter((value) => value !== null);
  let min = values.reduce((a, b) => Math.min(a, b), Infinity);
  let max = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (values.length === 0) return {min: 0, max: 1, log: false};
  if (chart.range && min >= chart.range[0] && max <= chart.range[1]) {
    return {min: chart.range[0], max: chart.range[1], log: false};
  }
  if (chart.log && min > 0 && max / min > 20) return {min: min / 1.1, max: max * 1.1, log: true};
  if (chart.fromZero) min = Math.min(min, 0);
  const room = 0.05 * (max - min) || Math.abs(max) * 0.1 || 1;
  return {min: chart.fromZero && min === 0 ? 0 : min - room, max: max + room, log: false};
}

/** Where a value of each axis lies in the SVG. */
function makeScales(chart, runs, axis, width) {
  const range = rangeOf(chart, runs);
  const end = runs.reduce((most, run) => Math.max(most, run.end(axis)), 0) || 1;
  const scale = range.log ? Math.log : (value) => value;
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const bottom = scale(range.min);
  const share = (value) => (scale(value) - bottom) / (scale(range.max) - bottom);
  return {
    range,
    end,
    x: (value) => MARGIN.left + (value / end) * (width - MARGIN.left - MARGIN.right),
    y: (value) => MARGIN.top + (1 - share(value)) * height,
  };
}

function drawAxes(svg, scales, axis, width) {
  const {range, end, x, y} = scales;
  const rows = range.log ? logTicks(range.min, range.max) : ticks(range.min, range.max, 4);
  for (const value of rows) {
    const at = {x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value)};
    svg.append(
        make("line", {class: "rule", ...at}),
        make("text", {x: MARGIN.left - 8, y: y(value) + 4, "text-anchor": "end"}, format(value)));
  }
  for (const value of ticks(0, end, Math.max(2, Math.floor(width / 110)))) {
    const anchor = x(value) > width - 30 ? "end" : value === 0 ? "start" : "middle";
    const at = anchor === "end" ? width - MARGIN.right : x(value);
    const unit = value > 0 ? "" : axis === "step" ? " steps" : " minutes";
    svg.append(make("text", {x: at, y: HEIGHT - 6, "text-anchor": anchor}, format(value) + unit));
  }
}

/** "M0 1L2 3"; a gap where there is no number. */
function pathOf(xs, ys) {
  let path = "";
  let open = false;
  ys.forEach((y, i) => {
    if (y !== null) path += `${open ? "L" : "M"}${xs[i].toFixed(1)} ${y.toFixed(1)}`;
    open = y !== null;
  });
  return path;
}

function drawRun(svg, chart, run, axis, scales) {
  for (const warning of run.warnings) {
    const at = run.at(warning.step, axis);
    if (at === null) continue;
    const x = scales.x(at);
    const title = `${run.name}, step ${format(warning.step)}: ${warning.text}`;
    svg.append(make("g", {stroke: run.color, fill: run.color}, make("title", {}, title),
        make("line", {class: "warning", x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom}),
        make("path", {class: "mark", d: `M${x - 5} ${MARGIN.top}h10l-5 8z`})));
  }
  const xs = run.xs(chart.group, axis).map(scales.x);
  for (const line of chart.lines) {
    const ys = run[chart.group][line.key].map((value) => value === null ? null : scales.y(value));
    svg.append(make("path", {class: "curve", d: pathOf(xs, ys), stroke: run.color,
                             "stroke-dasharray": line.dash}));
    if (ys.length > 60) continue;
    ys.forEach((y, i) => {
      if (y !== null) svg.append(make("circle", {cx: xs[i], cy: y, r: 2.2, fill: run.color}));
    });
  }
}

/** The position in `xs`, which rise, that is nearest to x. */
function nearest(xs, x) {
  let best = 0;
  xs.forEach((one, i) => {
    if (Math.abs(one - x) < Math.abs(xs[best] - x)) best = i;
  });
  return best;
}

/** A figure with the chart, and below it the values at the cursor, or the newest. */
class Chart {
  constructor(chart, view) {
    this.chart = chart;
    this.view = view;  // {runs, axis}: those that are shown
    this.cursor = null;  // a step or minute
    this.svg = make("svg", {tabindex: 0, role: "img"});
    this.scaleNote = make("span");
    this.table = make("table");
    this.live = make("div", {"aria-live": "off"}, this.table);
    this.element = make("figure", {class: "chart"},
        make("h3", {}, chart.title + " ", this.scaleNote), this.svg, this.live);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerdown", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.moveTo(null));
    this.svg.addEventListener("keydown", (event) => this.press(event));
    this.svg.addEventListener("blur", () => this.moveTo(null));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  draw() {
    const width = this.svg.clientWidth;
    if (width === 0) return;
    const {runs, axis} = this.view;
    this.svg.replaceChildren();
    this.svg.setAttribute("height", HEIGHT);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.scales = makeScales(this.chart, runs, axis, width);
    this.scaleNote.textContent = this.scales.range.log ? "logarithmic" : "";
    drawAxes(this.svg, this.scales, axis, width);
    for (const run of runs) drawRun(this.svg, this.chart, run, axis, this.scales);
    this.line = make("line", {class: "cursor", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom});
    this.svg.append(this.line);
    this.svg.setAttribute("aria-label", this.describe());
    this.moveTo(this.cursor);
  }

  /** What someone is told who does not see the curves. */
  describe() {
    const parts = [];
    for (const run of this.view.runs) {
      for (const line of this.chart.lines) {
        const values = run[this.chart.group][line.key].filter((value) => value !== null);
        if (values.length === 0) continue;
        const low = values.reduce((a, b) => Math.min(a, b));
        const high = values.reduce((a, b) => Math.max(a, b));
        parts.push(`${run.name} ${line.label}: ${format(low)} to ${format(high)}, ` +
                   `last ${format(values[values.length - 1])}`);
      }
    }
    return `${this.chart.title} over ${this.view.axis === "step" ? "steps" : "minutes"}. ` +
           `${parts.join("; ")}. Left and right arrow keys read single points.`;
  }

  point(event) {
    const {left, width} = this.svg.getBoundingClientRect();
    const inner = width - MARGIN.left - MARGIN.right;
    const share = (event.clientX - left - MARGIN.left) / inner;
    this.live.setAttribute("aria-live", "off");
    this.moveTo(Math.min(Math.max(share, 0), 1) * this.scales.end);
  }

  press(event) {
    const run = this.view.runs[0];
    if (run === undefined) return;
    const xs = run.xs(this.chart.group, this.view.axis);
    const at = this.cursor === null ? xs.length - 1 : nearest(xs, this.cursor);
    const to = {ArrowLeft: at - (this.cursor === null ? 0 : 1), ArrowRight: at + 1, Home: 0,
                End: xs.length - 1}[event.key];
    if (event.key === "Escape") this.moveTo(null);
    if (to === undefined || xs.length === 0) return;
    event.preventDefault();
    this.live.setAttribute("aria-live", "polite");
    this.moveTo(xs[Math.min(Math.max(to, 0), xs.length - 1)]);
  }

  moveTo(cursor) {
    this.cursor = cursor;
    if (this.scales === undefined) return;
    this.line.toggleAttribute("hidden", cursor === null);
    for (const side of ["x1", "x2"]) this.line.setAttribute(side, this.scales.x(cursor ?? 0));
    this.writeTable();
  }

  writeTable() {
    const {runs, axis} = this.view;
    const where = this.cursor === null ? "newest"
                : axis === "step" ? `near step ${format(Math.round(this.cursor))}`
                                  : `near ${format(this.cursor)} min`;
    const dashOf = (line) => make("svg", {viewBox: "0 0 24 8", "aria-hidden": "true"},
        make("path", {class: "key", d: "M0 4H24", "stroke-dasharray": line.dash}));
    const heads = this.chart.lines.map((line) => make("th", {class: "number", scope: "col"},
        this.chart.lines.length > 1 ? dashOf(line) : null, ` ${line.label}`));
    const rows = runs.map((run) => {
      const xs = run.xs(this.chart.group, axis);
      const at = this.cursor === null ? xs.length - 1 : nearest(xs, this.cursor);
      return make("tr", {}, make("th", {scope: "row"}, swatch(run), ` ${run.name}`),
          ...this.chart.lines.map((line) =>
              make("td", {class: "number"}, format(run[this.chart.group][line.key][at]))));
    });
    this.table.replaceChildren(
        make("thead", {}, make("tr", {}, make("th", {scope: "col"}, where), ...heads)),
        make("tbody", {}, ...rows));
  }
}

function swatch(run) {
  const element = make("span", {class: "swatch", "aria-hidden": "true"});
  element.style.background = run.color;
  return element;
}
