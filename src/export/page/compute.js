// The generator, and the worker in which it computes the page's images.
'use strict';

const byId = (id) => document.getElementById(id);
const plan = JSON.parse(byId('plan').textContent);
const buffer = decodeBase64(byId('numbers').textContent);
const network = readNetwork(plan, buffer);
const [imageHeight, imageWidth] = plan.image;

function decodeBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = characters.charCodeAt(i);
  return bytes.buffer;
}

// For scripts and tests: latents -> RGBA, computed here and now.
let generateHere = null;
window.dcgan = {
  plan,
  latents: (seed, number) => drawLatents(seed, number, plan.latents),
  generate: (latents) => {
    if (latents.length !== plan.latents) {
      throw new RangeError(`an image has ${plan.latents} latents, not ${latents.length}`);
    }
    return (generateHere ??= makeGenerator(network))(latents);
  },
};

// One image at a time is computed, in a worker: the large one before those of the grid.
const queue = {busy: null, image: null, cells: []};
let worker = startWorker();

/** Null where a page from a disk may have none. */
function startWorker() {
  try {
    const code = new Blob([byId('engine').textContent], {type: 'text/javascript'});
    const started = new Worker(URL.createObjectURL(code));
    started.onmessage = ({data}) => finishJob(data);
    started.onerror = () => {
      worker = null;
      if (queue.busy) computeHere();
    };
    started.postMessage({plan, buffer});
    return started;
  } catch {
    return null;
  }
}

function computeHere() {
  setTimeout(() => {
    const start = performance.now();
    const pixels = window.dcgan.generate(queue.busy.latents);
    finishJob({pixels, time: performance.now() - start});
  });
}

function nextJob() {
  if (queue.busy) return;
  queue.busy = queue.image ?? queue.cells.shift() ?? null;
  if (!queue.busy) return;
  if (queue.busy === queue.image) queue.image = null;
  if (worker) {
    worker.postMessage(queue.busy.latents);
  } else {
    computeHere();
  }
}

function finishJob({pixels, time}) {
  const {canvas} = queue.busy;
  queue.busy = null;
  canvas.getContext('2d').putImageData(new ImageData(pixels, imageWidth, imageHeight), 0, 0);
  if (canvas.id === 'image') {
    byId('time').textContent = `, this image in ${Math.ceil(time)} ms`;
    if (byId('icon').href === 'data:,') byId('icon').href = canvas.toDataURL();
  }
  nextJob();
}

function prepareCanvas(canvas) {
  canvas.width = imageWidth;
  canvas.height = imageHeight;
  return canvas;
}
