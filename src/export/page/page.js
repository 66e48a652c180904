// What the page shows and what its buttons do.
'use strict';

const kGridImages = 24;

/** `edited`: the latents are no longer those of image `number` of `dcgan sample --seed seed`. */
const state = {seed: 1, number: 0, wanted: null, latents: null, edited: false, walk: null};

const className = (index) => plan.names[index] ?? String(index);

/** Image `number`'s latents, of the class that is wanted. */
function drawn(number) {
  const latents = drawLatents(state.seed, number, plan.latents);
  return state.wanted === null ? latents : chooseClass(network, latents, state.wanted);
}

/** Shows `latents`, in the image, the sliders and the words. */
function show(latents, edited) {
  state.latents = latents;
  state.edited = edited;
  queue.image = {canvas: byId('image'), latents};
  nextJob();
  for (const [i, input] of document.querySelectorAll('.list input').entries()) {
    const value = along(network, latents, network.directions[i]);
    input.value = value;
    input.nextElementSibling.value = value.toFixed(1);
  }
  const drawnImage = `image ${state.number} of seed ${state.seed}`;
  const words = [!edited ? drawnImage : state.walk ? 'on a walk' : `changed from ${drawnImage}`];
  if (plan.classes > 0) {
    const shown = classOf(network, latents);
    words.unshift(`class ${className(shown)}`);
    for (const [i, chip] of document.querySelectorAll('#classes span').entries()) {
      chip.classList.toggle('shown', i - 1 === shown);
    }
  }
  const text = words.join(' · ');
  if (byId('caption').textContent !== text) byId('caption').textContent = text;
  byId('image').setAttribute('aria-label', `Generated image: ${text}`);
}

function showNumber(number) {
  stopWalk();
  state.number = Math.max(0, Math.min(number, 2 ** 32 - 1));
  byId('number').value = state.number;
  show(drawn(state.number), false);
  fillGrid();
}

function fillGrid() {
  const varied = document.querySelector('[name=sheet]:checked').value === 'variations';
  const first = state.number - state.number % kGridImages;
  queue.cells = [];
  for (const [i, button] of [...byId('grid').children].entries()) {
    const random = drawLatents(state.seed + 1, first + i, plan.latents);
    const latents = varied ? slerp(network, state.latents, random, 0.3) : drawn(first + i);
    queue.cells.push({canvas: button.firstChild, latents});
    button.setAttribute('aria-label', varied ? `Variation ${i + 1}` : `Image ${first + i}`);
    button.setAttribute('aria-current', !varied && first + i === state.number);
    button.onclick = () => {
      if (!varied) return showNumber(first + i);
      stopWalk();
      show(latents, true);
      fillGrid();
    };
  }
  nextJob();
}

/** A way through random latents, one after another, 3 seconds from each to the next. */
function startWalk() {
  const target = () => Float32Array.from(
      drawLatents(Math.floor(Math.random() * 2 ** 32), 0, plan.latents));
  state.walk = {from: state.latents, to: target(), start: performance.now()};
  const step = (now) => {
    const {walk} = state;
    if (!walk) return;
    const t = Math.min(1, Math.max(0, (now - walk.start) / 3000));
    const latents = slerp(network, walk.from, walk.to, t * t * (3 - 2 * t));
    if (!queue.image) show(latents, true);
    if (t === 1) Object.assign(walk, {from: latents, to: target(), start: now});
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
  showWalking(true);
}

function stopWalk() {
  if (!state.walk) return;
  state.walk = null;
  show(state.latents, true);
  fillGrid();
  showWalking(false);
}

function showWalking(walking) {
  byId('walk').textContent = walking ? 'Pause' : 'Walk';
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

function saveGrid() {
  const kPadding = 2;
  const kColumns = 6;
  const canvas = document.createElement('canvas');
  canvas.width = kColumns * (imageWidth + kPadding) + kPadding;
  canvas.height = kGridImages / kColumns * (imageHeight + kPadding) + kPadding;
  const context = canvas.getContext('2d');
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const [i, cell] of document.querySelectorAll('#grid canvas').entries()) {
    context.drawImage(cell, kPadding + i % kColumns * (imageWidth + kPadding),
                      kPadding + Math.floor(i / kColumns) * (imageHeight + kPadding));
  }
  save(canvas, `${plan.title}-grid`);
}

function addClasses() {
  byId('classes').hidden = plan.classes === 0;
  const chips = byId('classes').querySelector('.chips');
  for (let i = -1; i < plan.classes; ++i) {
    const label = document.createElement('label');
    const input = Object.assign(document.createElement('input'), {type: 'radio', name: 'class'});
    input.checked = i < 0;
    input.onchange = () => {
      stopWalk();
      state.wanted = i < 0 ? null : i;
      const latents = drawn(state.number);
      if (state.edited) latents.set(state.latents.subarray(plan.modes), plan.modes);
      show(latents, state.edited);
      fillGrid();
    };
    const text = document.createElement('span');
    text.textContent = i < 0 ? 'any' : className(i);
    label.append(input, text);
    chips.append(label);
  }
}

function addSliders() {
  const kShown = 8;
  for (let i = 0; i < network.directions.length; ++i) {
    const label = document.createElement('label');
    label.hidden = i >= kShown;
    const input = Object.assign(document.createElement('input'),
                                {type: 'range', min: -4, max: 4, step: 'any'});
    input.setAttribute('aria-label', `Direction ${i + 1}`);
    input.oninput = () => {
      const value = Number(input.value);
      if (state.walk) stopWalk();
      show(moveTo(network, state.latents, network.directions[i], value), true);
    };
    input.onchange = fillGrid;
    label.append(String(i + 1), input, document.createElement('output'));
    byId('sliders').querySelector('.list').append(label);
  }
  byId('sliders').hidden = network.directions.length === 0;
  byId('more').hidden = network.directions.length <= kShown;
  byId('more').onclick = () => {
    const open = byId('more').getAttribute('aria-expanded') === 'false';
    document.querySelectorAll('.list label').forEach((label, i) => {
      label.hidden = !open && i >= kShown;
    });
    byId('more').setAttribute('aria-expanded', open);
    byId('more').textContent = open ? 'Fewer' : 'More';
  };
}

/** Dragging over the image is the first two sliders. */
function addDragging() {
  const image = byId('image');
  let last = null;
  image.onpointerdown = (event) => {
    stopWalk();
    image.setPointerCapture(event.pointerId);
    last = [event.clientX, event.clientY];
  };
  image.onpointermove = (event) => {
    if (!last) return;
    let latents = state.latents;
    for (const [i, direction] of network.directions.slice(0, 2).entries()) {
      const moved = [event.clientX, event.clientY][i] - last[i];
      const value = along(network, latents, direction) + 6 * moved / image.clientWidth;
      latents = moveTo(network, latents, direction, Math.max(-4, Math.min(4, value)));
    }
    last = [event.clientX, event.clientY];
    show(latents, true);
  };
  image.onlostpointercapture = () => {
    last = null;
    fillGrid();
  };
}

function addActions() {
  const fileName = () => `${plan.title}-seed${state.seed}-image${state.number}`;
  const actions = {
    another: () => showNumber(state.number + 1),
    walk: () => state.walk ? stopWalk() : startWalk(),
    save: () => save(byId('image'), state.edited ? `${fileName()}-changed` : fileName()),
    'save-grid': saveGrid,
  };
  for (const [id, action] of Object.entries(actions)) byId(id).onclick = action;
  const keys = {ArrowRight: actions.another, ArrowLeft: () => showNumber(state.number - 1),
                w: actions.walk, s: actions.save};
  document.addEventListener('keydown', (event) => {
    if (event.target.matches('input') || event.ctrlKey || event.metaKey || event.altKey) return;
    keys[event.key]?.();
  });
  for (const name of ['seed', 'number']) {
    byId(name).onchange = () => {
      if (!byId(name).reportValidity()) return;
      state[name] = Number(byId(name).value);
      showNumber(state.number);
    };
  }
  document.querySelectorAll('[name=sheet]').forEach((input) => { input.onchange = fillGrid; });
}

function start() {
  document.title = byId('title').textContent = plan.title;
  byId('about').textContent =
      `${imageWidth} × ${imageHeight} pixels from ${plan.latents} random numbers, ` +
      `${plan.step.toLocaleString('en')} training steps`;
  prepareCanvas(byId('image')).classList.toggle('coarse', Math.max(imageWidth, imageHeight) <= 48);
  byId('image').style.setProperty('--ratio', imageWidth / imageHeight);
  for (let i = 0; i < kGridImages; ++i) {
    const button = document.createElement('button');
    button.append(prepareCanvas(document.createElement('canvas')));
    byId('grid').append(button);
  }
  addClasses();
  addSliders();
  addDragging();
  addActions();
  showNumber(0);
}

start();
