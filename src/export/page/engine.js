// The generator's forward pass. Feature maps are [height, width, channels], the channels filled up
// to a multiple of 4.
'use strict';

/** Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 7.1.26: within 1.5e-7. */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const polynomial =
      ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - polynomial * Math.exp(-x * x));
}

/** IEEE 754's binary16 as a number; the file has neither infinities nor NaN. */
function fromHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent > 0 ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits >> 15 ? -size : size;
}

const fillUp = (channels) => Math.ceil(channels / 4) * 4;

/**
 * What the file holds behind its plan, float32 first: each layer's bias, with the norm's scale
 * and shift where it has `groups`, and the bias of the modes. Then float16: each layer's weight [kernel height, kernel width, in, out] and the directions
 * [n, latents - modes].
 */
function readNetwork(plan, buffer) {
  let at = 0;
  const take = (Type, count) => {
    at += count * Type.BYTES_PER_ELEMENT;
    return new Type(buffer, at - count * Type.BYTES_PER_ELEMENT, count);
  };
  const layers = plan.layers.map((layer) => {
    const [bias, scale, shift] = [true, layer.groups > 0, layer.groups > 0].map(
        (has) => take(Float32Array, has ? layer.output[2] : 0));
    return {...layer, bias, scale, shift};
  });
  const modeBias = take(Float32Array, plan.classes > 0 ? plan.modes : 0);
  for (const layer of layers) {
    const [height, width] = layer.kernel;
    layer.halves = take(Uint16Array, height * width * layer.input[2] * layer.output[2]);
  }
  const directions = [];
  for (let i = 0; i < plan.directions; ++i) {
    const halves = take(Uint16Array, plan.latents - plan.modes);
    directions.push(Float32Array.from(halves, fromHalf));
  }
  return {...plan, layers, modeBias, directions};
}

/** The mode that latents choose: src/model/modes.h. */
function modeOf(network, latents) {
  const height = (mode) => Math.fround(latents[mode] + (network.modeBias[mode] ?? 0));
  let best = 0;
  for (let mode = 1; mode < network.modes; ++mode) {
    if (height(mode) > height(best)) best = mode;
  }
  return best;
}

/** float32 [kernel height, kernel width, out / 4, in, 4]: what convolve() reads lies together. */
function packWeight({halves, kernel, input, output}) {
  const blocks = fillUp(output[2]) / 4;
  const packed = new Float32Array(kernel[0] * kernel[1] * blocks * input[2] * 4);
  let from = 0;
  for (let tap = 0; tap < kernel[0] * kernel[1]; ++tap) {
    for (let i = 0; i < input[2]; ++i) {
      for (let o = 0; o < output[2]; ++o) {
        packed[((tap * blocks + (o >> 2)) * input[2] + i) * 4 + (o & 3)] = fromHalf(halves[from++]);
      }
    }
  }
  return packed;
}

/** Adds what one tap of the kernel makes of map x to 4 channels of map y, two pixels at a time. */
function addTap(layer, x, y, ky, kx, block) {
  const [height, width, channels] = layer.input;
  const [outHeight, outWidth, outChannels] = layer.output;
  const stride = layer.stride;
  const step = fillUp(channels);
  const outStep = fillUp(outChannels);
  const weight = layer.weight;
  const tap = ky * layer.kernel[1] + kx;
  const firstWeight = (tap * outStep + block * 4) * channels;
  const shift = kx - layer.padding[1];
  const first = Math.max(0, Math.ceil(-shift / stride[1]));
  const end = Math.min(width, Math.floor((outWidth - 1 - shift) / stride[1]) + 1);
  for (let row = 0; row < height; ++row) {
    const outRow = row * stride[0] + ky - layer.padding[0];
    if (outRow < 0 || outRow >= outHeight) continue;
    for (let column = first; column < end; column += 2) {
      const both = column + 1 < end;
      const a = (row * width + column) * step;
      const b = both ? a + step : a;
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let i = 0, at = firstWeight; i < channels; ++i, at += 4) {
        const w0 = weight[at], w1 = weight[at + 1], w2 = weight[at + 2], w3 = weight[at + 3];
        const xa = x[a + i], xb = x[b + i];
        a0 += xa * w0, a1 += xa * w1, a2 += xa * w2, a3 += xa * w3;
        b0 += xb * w0, b1 += xb * w1, b2 += xb * w2, b3 += xb * w3;
      }
      let to = (outRow * outWidth + column * stride[1] + shift) * outStep + block * 4;
      y[to] += a0, y[to + 1] += a1, y[to + 2] += a2, y[to + 3] += a3;
      if (!both) continue;
      to += stride[1] * outStep;
      y[to] += b0, y[to + 1] += b1, y[to + 2] += b2, y[to + 3] += b3;
    }
  }
}

/** A transposed convolution of map x with its bias; a linear layer is one of a single pixel. */
function convolve(layer, x) {
  const [height, width, channels] = layer.output;
  const step = fillUp(channels);
  const y = new Float32Array(height * width * step);
  for (let pixel = 0; pixel < height * width; ++pixel) y.set(layer.bias, pixel * step);
  for (let ky = 0; ky < layer.kernel[0]; ++ky) {
    for (let kx = 0; kx < layer.kernel[1]; ++kx) {
      for (let block = 0; block < step / 4; ++block) addTap(layer, x, y, ky, kx, block);
    }
  }
  return y;
}

/** Layer normalisation of map y, of one group, or instance normalisation, a group a channel. */
function normalise({output, groups, scale, shift}, y) {
  const [height, width, channels] = output;
  const step = fillUp(channels);
  const count = height * width * channels / groups;
  for (let first = 0; first < channels; first += channels / groups) {
    const visit = (use) => {
      for (let pixel = 0; pixel < height * width; ++pixel) {
        for (let c = first; c < first + channels / groups; ++c) use(pixel * step + c, c);
      }
    };
    let mean = 0, variance = 0;
    visit((at) => { mean += y[at] / count; });
    visit((at) => { variance += (y[at] - mean) ** 2 / count; });
    const factor = 1 / Math.sqrt(variance + 1e-5);
    visit((at, c) => { y[at] = (y[at] - mean) * factor * scale[c] + shift[c]; });
  }
}

/** For each of `to` pixels of a side the two of `from` that it lies between, and how far. */
function placesBetween(from, to, kind) {
  return Array.from({length: to}, (_, i) => {
    const at = kind === 'bilinear' ? Math.max((i + 0.5) * from / to - 0.5, 0)
                                   : Math.floor(i * from / to);
    const low = Math.floor(at);
    return [low, Math.min(low + 1, from - 1), at - low];
  });
}

/** Map x in the size of the layer's input, as PyTorch's interpolate() makes it. */
function enlarge({from, input, enlarge: kind}, x) {
  const [height, width, channels] = input;
  const step = fillUp(channels);
  const y = new Float32Array(height * width * step);
  const columns = placesBetween(from[1], width, kind);
  placesBetween(from[0], height, kind).forEach(([top, bottom, down], row) => {
    columns.forEach(([left, right, across], column) => {
      for (let c = 0; c < channels; ++c) {
        const pixel = (i, j) => x[(i * from[1] + j) * step + c];
        const upper = pixel(top, left) * (1 - across) + pixel(top, right) * across;
        const lower = pixel(bottom, left) * (1 - across) + pixel(bottom, right) * across;
        y[(row * width + column) * step + c] = upper * (1 - down) + lower * down;
      }
    });
  });
  return y;
}

/** The function latents -> the image's pixels, RGBA, row by row. */
function makeGenerator(network) {
  const layers = network.layers.map(
      (layer, i) => ({...layer, weight: packWeight(layer), activate: kNonlinearities[i]}));
  const [height, width, channels] = network.image;
  // A dense network's last map is one pixel that holds the image.
  const step = layers.at(-1).output[2] === channels ? fillUp(channels) : channels;
  return (latents) => {
    let map = Float32Array.from(latents);
    if (network.modes > 0) {
      map.fill(0, 0, network.modes);
      map[modeOf(network, latents)] = Math.sqrt(network.modes);
    }
    for (const layer of layers) {
      if (layer.enlarge) map = enlarge(layer, map);
      map = convolve(layer, map);
      if (layer.groups > 0) normalise(layer, map);
      for (let i = 0; i < map.length; ++i) map[i] = layer.activate(map[i]);
    }
    const pixels = new Uint8ClampedArray(height * width * 4).fill(255);
    for (let pixel = 0; pixel < height * width; ++pixel) {
      for (let c = 0; c < 3; ++c) {
        pixels[pixel * 4 + c] = (map[pixel * step + c % channels] + 1) * 127.5;
      }
    }
    return pixels;
  };
}

// In a worker: the first message is the plan and the numbers, each one after it latents. Back
// come pixels and milliseconds.
if (typeof document === 'undefined') {
  let generate = null;
  self.onmessage = ({data}) => {
    if (generate) {
      const start = performance.now();
      self.postMessage({pixels: generate(data), time: performance.now() - start});
    } else {
      generate = makeGenerator(readNetwork(data.plan, data.buffer));
    }
  };
}
