"use strict";
// The page around the charts. What a run says is set as text, never as HTML.

const DATA = JSON.parse(document.getElementById("data").textContent);
const RELOAD_SECONDS = 10;

/** A run of DATA, with what the charts ask of one. */
class Run {
  constructor(data, number) {
    Object.assign(this, data);
    this.color = `var(--run${number % 8})`;
  }
  xs(group, axis) {
    return axis === "step" ? this[group].step : this[group].seconds.map((value) => value / 60);
  }
  end(axis) {
    return ["steps", "evaluations"].flatMap((group) => this.xs(group, axis).slice(-1))
        .reduce((a, b) => Math.max(a, b), 0);
  }
  /** Where a step lies on an axis; null for none. */
  at(step, axis) {
    if (step === null || this.steps.step.length === 0) return null;
    return axis === "step" ? step : this.steps.seconds[nearest(this.steps.step, step)] / 60;
  }
  lowestFid() {
    const {fid} = this.evaluations;
    return fid.reduce((best, value, i) => best < 0 || value < fid[best] ? i : best, -1);
  }
}

const runs = DATA.runs.map((data, number) => new Run(data, number));
const byId = (id) => document.getElementById(id);

// What a reader has chosen outlives a reload.
const KEY = `dcgan-report ${location.pathname}`;
const state = {axis: "step", hidden: [], step: null, paused: false};
try {
  Object.assign(state, JSON.parse(sessionStorage.getItem(KEY)) ?? {});
} catch { /* a browser that keeps nothing for local files */ }
function keep() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state));
  } catch { /* the same */ }
}

const view = {runs, axis: state.axis};
const charts = [];

function makeTable(heads, rows) {
  const cell = (name) => (content) => {
    const isNumber = content?.number !== undefined;
    const child = isNumber ? content.number : content;
    const attributes = {class: isNumber ? "number" : null, scope: name === "th" ? "col" : null};
    return make(name, attributes, child);
  };
  return make("table", {}, make("thead", {}, make("tr", {}, ...heads.map(cell("th")))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell("td"))))));
}

/** What scrolls sideways where the window is narrow, also by keyboard. */
function wide(heading, child) {
  const attributes = {class: "wide", tabindex: 0, role: "region", "aria-labelledby": heading};
  return make("div", attributes, child);
}

function nameOf(run) {
  return make("span", {class: "name"}, swatch(run), make("span", {}, run.name));
}

function median(values) {
  const sorted = [...values].filter((value) => value !== null).sort((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.floor(sorted.length / 2)];
}

function showRuns() {
  const number = (value) => ({number: format(value)});
  const heads = ["run", "state", {number: "steps"}, {number: "minutes"}, {number: "images/s"},
                 {number: "lowest fid"}, {number: "at step"}, {number: "precision"},
                 {number: "recall"}, {number: "warnings"}];
  byId("runs").append(wide("h-runs", makeTable(heads, runs.map((run) => {
    const epoch = Math.ceil(run.steps.epoch.at(-1) ?? 0);
    const state = `${run.is_training ? "training" : "ended"}, epoch ${epoch} of ${run.epochs}`;
    const best = run.lowestFid();
    const {step, fid, precision, recall} = run.evaluations;
    return [nameOf(run), make("span", {class: "state"}, state),
            number(run.steps.step.at(-1)), number((run.steps.seconds.at(-1) ?? 0) / 60),
            number(median(run.steps.images_per_second)), number(fid[best]), number(step[best]),
            number(precision[best]), number(recall[best]), number(run.warnings.length)];
  }))));
  for (const problem of runs.flatMap((run) => run.problems)) {
    byId("runs").append(make("p", {class: "note"}, problem));
  }
}

function showCurves() {
  const missing = [];
  for (const chart of CHARTS) {
    const has = (run) => ({key}) => run[chart.group][key].some((value) => value !== null);
    if (runs.some((run) => chart.lines.some(has(run)))) {
      charts.push(new Chart(chart, view));
    } else if (!["r1", "gradient_penalty", "augment_probability"].includes(chart.lines[0].key)) {
      missing.push(chart.title);
    }
  }
  byId("charts").append(...charts.map((chart) => chart.element));
  const notes = [];
  if (runs.some((run) => run.warnings.length > 0)) notes.push("A triangle marks a warning.");
  if (missing.length > 0) notes.push(`No run has recorded: ${missing.join(", ")}.`);
  if (runs.some((run) => !run.of_probabilities)) {
    notes.push("D's scores are D's outputs where the loss is none of probabilities.");
  }
  const equal = new Map();  // a curve hides an equal one
  for (const run of runs) {
    const {step, d_loss, g_loss} = run.steps;
    if (step.length === 0) continue;
    const curves = JSON.stringify([step, d_loss, g_loss]);
    equal.set(curves, [...(equal.get(curves) ?? []), run.name]);
  }
  for (const names of equal.values()) {
    if (names.length > 1) {
      notes.push(`${names.join(" and ")} have the same losses: only the last one's are seen.`);
    }
  }
  for (const run of runs) {
    const lines = run.steps.lines_a_point;
    if (lines > 1) notes.push(`${run.name}: each point is the mean of ${lines} lines.`);
  }
  byId("curves-note").textContent = notes.join(" ");
}

function showControls() {
  for (const input of document.querySelectorAll("input[name=axis]")) {
    input.checked = input.value === state.axis;
    input.addEventListener("change", () => {
      state.axis = input.value;
      update();
    });
  }
  for (const run of runs) {
    const box = make("input", {type: "checkbox"});
    box.checked = !state.hidden.includes(run.name);
    box.addEventListener("change", () => {
      state.hidden = state.hidden.filter((name) => name !== run.name);
      if (!box.checked) state.hidden.push(run.name);
      update();
    });
    byId("legend").append(make("label", {}, box, swatch(run), run.name));
  }
  byId("legend").hidden = runs.length === 1;
}

const gridSteps = [...new Set(runs.flatMap((run) => run.grids.map((grid) => grid.step)))]
    .sort((a, b) => a - b);

function showSlider() {
  const slider = byId("step");
  slider.max = Math.max(gridSteps.length - 1, 0);
  const at = state.step === null ? -1 : gridSteps.indexOf(state.step);
  slider.value = at < 0 ? slider.max : at;
  byId("slider").hidden = gridSteps.length < 2;
  slider.addEventListener("input", () => {
    // The newest stays the newest when a reload brings another.
    state.step = slider.value === slider.max ? null : gridSteps[slider.value];
    showSamples();
    keep();
  });
  const left = runs.filter((run) => run.grid_count > run.grids.length);
  byId("samples-note").textContent = left.map((run) =>
      `${run.name}: ${run.grids.length} of its ${run.grid_count} grids, evenly spaced.`).join(" ");
}

function figure(caption, image, alt) {
  return make("figure", {}, make("figcaption", {}, ...caption), make("img", {src: image, alt}));
}

/** The real images once where runs share them, then each run's newest grid up to the step. */
function showSamples() {
  const step = gridSteps[byId("step").value];
  const text = step === undefined ? "" : format(step);
  byId("step-text").textContent = text;
  byId("step").setAttribute("aria-valuetext", `step ${text}`);
  const real = new Map();
  for (const run of view.runs) {
    if (run.real !== null) real.set(run.real, [...(real.get(run.real) ?? []), run.name]);
  }
  const figures = [];
  for (const [image, names] of real) {
    const whose = real.size > 1 ? ` of ${names.join(", ")}` : "";
    figures.push(figure([make("b", {}, "real"), `training images${whose}`], image,
                        `Real training images${whose}, in a grid`));
  }
  for (const run of view.runs) {
    const grid = run.grids.filter((one) => one.step <= step).at(-1) ?? run.grids[0];
    if (grid === undefined) continue;
    const caption = [swatch(run), make("b", {}, run.name), `step ${format(grid.step)}`];
    figures.push(figure(caption, grid.image,
                        `Images that ${run.name} generates after step ${grid.step}, in a grid`));
  }
  byId("samples").replaceChildren(...figures);
  if (figures.length > 0) return;
  byId("samples").append(make("p", {class: "note"}, "There are no grids."));
}

function showWarnings() {
  const all = runs.flatMap((run) => run.warnings.map((warning) => ({run, ...warning})));
  const minutes = (one) => format(one.run.at(one.step, "minutes"));
  byId("warnings").append(...all.map((one) => make("li", {}, swatch(one.run), make("span", {},
      make("b", {}, `${one.run.name}, ` + (one.step === null ? "before the first step"
                                           : `step ${format(one.step)} (${minutes(one)} min)`)),
      `: ${one.text}`))));
  if (all.length === 0) byId("warnings").append(make("li", {}, "None of the runs has warned."));
}

function measureCells(run, key) {
  const measure = run.evaluation.measures[key];
  if (measure === undefined || measure === null) return [{number: "–"}, {number: "–"}];
  const text = (value, error) =>
      error > 0 ? `${format(value)} ± ${format(error, 2)}` : format(value);
  const value = text(measure.value, measure.error);
  return [{number: measure.worse ? make("span", {class: "worse"}, `${value}, worse`) : value},
          {number: text(measure.real, measure.real_error)}];
}

function showMeasures() {
  const place = byId("measures");
  const measured = runs.filter((run) => run.evaluation !== null);
  if (measured.length > 0) {
    const keys = [...new Set(measured.flatMap((run) => Object.keys(run.evaluation.measures)))];
    const heads = measured.flatMap((run) => [{number: nameOf(run)}, {number: "real images"}]);
    const rows = keys.map((key) => [key, ...measured.flatMap((run) => measureCells(run, key))]);
    place.append(wide("h-measures", makeTable(["measure", ...heads], rows)));
  }
  for (const run of measured) {
    const {findings} = run.evaluation;
    for (const finding of Array.isArray(findings) ? findings : []) {
      place.append(make("p", {class: "note"}, `${run.name}: ${finding.text}`));
    }
  }
  for (const run of runs.filter((one) => one.evaluation === null)) {
    const folder = /^[\w./-]+$/.test(run.folder) ? run.folder : `'${run.folder}'`;
    const command = `dcgan evaluate --ckpt ${folder} --json > ${folder}/evaluation.json`;
    place.append(make("p", {class: "note"}, `${run.name} has no evaluation.json; this makes it: `,
                      make("code", {}, command)));
  }
}

function showConfig() {
  const place = byId("config");
  const names = runs.length === 1 ? [nameOf(runs[0]), "default"] : runs.map(nameOf);
  const single = runs.length === 1;
  if (DATA.differences.length === 0) {
    place.append(make("p", {}, single ? "All keys have their defaults."
                                      : "The configurations are equal."));
    return;
  }
  const others = single ? "from the defaults" : "between the runs";
  place.append(make("p", {class: "note"}, `The keys that differ ${others}.`));
  const rows = DATA.differences.map(({key, meaning, values}) =>
      [make("span", {}, make("code", {}, key), make("div", {class: "meaning"}, meaning)),
       ...values.map((value) => make("code", {}, value))]);
  place.append(wide("h-config", makeTable(["key", ...names], rows)));
}

function showWatching() {
  if (!DATA.watching) return;
  byId("watching").hidden = false;
  const button = byId("pause");
  const showButton = () => {
    button.textContent = state.paused ? "Go on" : "Pause";
    button.setAttribute("aria-pressed", String(state.paused));
  };
  button.addEventListener("click", () => {
    state.paused = !state.paused;
    showButton();
    keep();
  });
  showButton();
  setInterval(() => {
    if (!state.paused) location.reload();
  }, 1000 * RELOAD_SECONDS);
}

/** What depends on the choices. */
function update() {
  view.axis = state.axis;
  view.runs = runs.filter((run) => !state.hidden.includes(run.name));
  for (const chart of charts) chart.draw();
  showSamples();
  keep();
}

byId("title").textContent = runs.map((run) => run.name).join(", ");
document.title = `${runs.map((run) => run.name).join(", ")} – dcgan report`;
byId("subtitle").textContent =
    runs.length === 1 ? "A run of dcgan" : `${runs.length} runs of dcgan, laid over each other`;
showRuns();
showCurves();
showControls();
showSlider();
showWarnings();
showMeasures();
showConfig();
showWatching();
update();
