// What a user does with an exported page; html_test.cpp puts it at the page's end and reads the
// answers from #answers.
'use strict';

const answers = {};
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);
const click = (selector) => document.querySelector(selector).click();

const press = (key) => {
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
};

/** Lets the worker work: without this the browser's clock would run ahead of it. */
function untilDrawn() {
  return new Promise((done) => {
    const look = () => {
      for (let i = 0, x = 1; i < 3e6; ++i) x = Math.sin(x);
      if (queue.busy || queue.image || queue.cells.length > 0) return setTimeout(look, 1);
      done();
    };
    look();
  });
}

function shownIsGenerated() {
  const image = byId('image');
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, image.width, image.height);
  return same(data, window.dcgan.generate(state.latents));
}

/** What typing into a field does; its message where it is refused. */
async function type(id, text) {
  byId(id).value = text;
  byId(id).dispatchEvent(new Event('change'));
  await untilDrawn();
  return byId(id).validationMessage !== '';
}

async function act() {
  answers.latents = [...window.dcgan.latents(7, 3)];
  await untilDrawn();
  answers.first = shownIsGenerated() && same(state.latents, window.dcgan.latents(1, 0));
  answers.worker = worker !== null;

  click('#another');
  await untilDrawn();
  answers.another = shownIsGenerated() && same(state.latents, window.dcgan.latents(1, 1));

  const chips = document.querySelectorAll('#classes input');
  answers.classes = [...document.querySelectorAll('#classes span')].map((chip) => chip.textContent);
  chips[2].click();
  answers.chosen = classOf(network, state.latents);

  const slider = document.querySelector('.list input');
  slider.value = 1.5;
  slider.dispatchEvent(new Event('input'));
  await untilDrawn();
  const value = along(network, state.latents, network.directions[0]);
  answers.slider = shownIsGenerated() && Math.abs(value - 1.5) < 1e-2 &&
      classOf(network, state.latents) === 1;

  click('[value=variations]');
  await untilDrawn();
  click('#grid button:nth-child(3)');
  await untilDrawn();
  answers.variation = shownIsGenerated() && classOf(network, state.latents) === 1;

  const {seed, latents} = state;
  answers.refused = [];
  for (const odd of ['-1', '1.5', '', '1e300']) {
    answers.refused.push(await type('seed', odd) && state.seed === seed);
  }
  answers.taken = !await type('seed', '7') && state.seed === 7 &&
      same(drawn(state.number), state.latents);
  try {
    window.dcgan.generate([1, 2]);
  } catch (error) {
    answers.width = error.message;
  }
  state.seed = seed;
  show(latents, true);
  await untilDrawn();

  const before = state.latents;
  press('w');
  for (let i = 0; i < 20; ++i) await new Promise((done) => setTimeout(done, 50));
  press('w');
  await untilDrawn();
  answers.walk = shownIsGenerated() && !same(before, state.latents) &&
      classOf(network, state.latents) === 1 && state.walk === null;
}

document.addEventListener('securitypolicyviolation', (event) => console.error(event.violatedDirective));
act().catch((error) => { answers.error = String(error); }).finally(() => {
  const text = document.createElement('pre');
  text.id = 'answers';
  text.textContent = JSON.stringify(answers);
  document.body.append(text);
});
