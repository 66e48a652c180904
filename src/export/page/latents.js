// Latents: those of `dcgan sample`, of a class, along directions and on the way between two.
'use strict';

/** Philox4x32-10 (Salmon et al., 2011) with a key of 64 bits: four integers of 32 bits. */
function philox(key, counter) {
  const high = (a, b) => Number((BigInt(a) * BigInt(b)) >> 32n);
  let [c0, c1, c2, c3] = counter;
  let k0 = Number(key & 0xffffffffn);
  let k1 = Number(key >> 32n);
  for (let round = 0; round < 10; ++round) {
    [c0, c1, c2, c3] = [
      (high(0xcd9e8d57, c2) ^ c1 ^ k0) >>> 0, Math.imul(0xcd9e8d57, c2) >>> 0,
      (high(0xd2511f53, c0) ^ c3 ^ k1) >>> 0, Math.imul(0xd2511f53, c0) >>> 0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

function splitmix64(x) {
  const wrap = (value) => BigInt.asUintN(64, value);
  x = wrap(x + 0x9e3779b97f4a7c15n);
  x = wrap((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
  x = wrap((x ^ (x >> 27n)) * 0x94d049bb133111ebn);
  return x ^ (x >> 31n);
}

/** Those of image `number`, from 0, of `dcgan sample --seed`: normal_rows() in src/runtime/random.h. */
function drawLatents(seed, number, count) {
  const kSampleLatents = 6n;
  const key = splitmix64(splitmix64(BigInt.asUintN(64, BigInt(seed))) + kSampleLatents);
  const latents = [];
  for (let block = 0; latents.length < count; ++block) {
    const [a, b, c, d] = philox(key, [block, 0, number, 0]);
    for (const [first, second] of [[a, b], [c, d]]) {  // Box and Muller (1958)
      const radius = Math.sqrt(-2 * Math.log((first + 0.5) / 2 ** 32));
      const angle = 2 * Math.PI * second / 2 ** 32;
      latents.push(radius * Math.cos(angle), radius * Math.sin(angle));
    }
  }
  return Float32Array.from(latents.slice(0, count));
}

function classOf(network, latents) {
  return modeOf(network, latents) % network.classes;
}

/** The latents with the best mode of a class: the others are out of the race. */
function chooseClass(network, latents, wanted) {
  return latents.map((value, i) =>
      i < network.modes && i % network.classes !== wanted ? -Infinity : value);
}

/** How far latents lie along a direction, which has length 1 and no part in the modes. */
function along(network, latents, direction) {
  return direction.reduce((sum, part, i) => sum + part * latents[network.modes + i], 0);
}

function moveTo(network, latents, direction, value) {
  const distance = value - along(network, latents, direction);
  const moved = latents.slice();
  direction.forEach((part, i) => { moved[network.modes + i] += distance * part; });
  return moved;
}

/** From a to b on a great circle (Shoemake, 1985), t from 0 to 1, in the mode of a. */
function slerp(network, a, b, t) {
  let aa = 0, bb = 0, ab = 0;
  for (let i = network.modes; i < a.length; ++i) {
    aa += a[i] * a[i], bb += b[i] * b[i], ab += a[i] * b[i];
  }
  const angle = Math.acos(Math.min(1, Math.max(-1, ab / Math.sqrt(aa * bb) || 0)));
  const share = (part) => angle < 1e-4 ? part : Math.sin(part * angle) / Math.sin(angle);
  const [ofA, ofB] = [share(1 - t), share(t)];
  return a.map((value, i) => i < network.modes ? value : ofA * value + ofB * b[i]);
}
