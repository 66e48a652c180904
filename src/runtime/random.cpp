#include "runtime/random.h"

#include <ATen/ATen.h>
#include <ATen/core/PhiloxRNGEngine.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace dcgan {
namespace {

/// The output function of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014): a bijection of 64 bits in which every input bit moves every output bit.
std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// The numbers at one position: Philox with the key (seed, purpose), the position in the upper half
/// of its counter and the block in the lower.
at::Philox4_32 engine_at(std::int64_t seed, Purpose purpose, std::int64_t position) {
  const std::uint64_t key = splitmix64(splitmix64(static_cast<std::uint64_t>(seed)) +
                                       static_cast<std::uint64_t>(purpose));
  return at::Philox4_32(key, static_cast<std::uint64_t>(position), /*offset=*/0);
}

/// Two independent N(0, 1) numbers from two uniform integers (Box and Muller, 1958). In double and
/// rounded to float at the end: the tail then reaches to 6.8 deviations, and a last bit in which
/// two mathematics libraries differ is rounded away.
std::array<float, 2> box_muller(std::uint32_t first, std::uint32_t second) {
  constexpr double kScale = 1.0 / 4294967296.0;  // 2^-32
  const double radius = std::sqrt(-2.0 * std::log((first + 0.5) * kScale));
  const double angle = 2.0 * std::numbers::pi * (second * kScale);
  return {static_cast<float>(radius * std::cos(angle)),
          static_cast<float>(radius * std::sin(angle))};
}

std::uint64_t next_64(at::Philox4_32& engine) {
  const std::uint64_t low = engine();
  return low | static_cast<std::uint64_t>(engine()) << 32;
}

/// A uniform integer below `bound`, free of bias (Lemire, "Fast random integer generation in an
/// interval", 2019).
std::uint64_t uniform_below(at::Philox4_32& engine, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{next_64(engine)} * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;  // 2^64 mod bound
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = Wide{next_64(engine)} * bound;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

torch::Tensor normal_rows(std::int64_t seed, Purpose purpose, std::int64_t first_row,
                          std::int64_t count, std::int64_t width) {
  torch::Tensor rows = at::empty({count, width}, at::kFloat);
  float* out = rows.data_ptr<float>();
  for (std::int64_t row = 0; row < count; ++row, out += width) {
    at::Philox4_32 engine = engine_at(seed, purpose, first_row + row);
    for (std::int64_t column = 0; column < width; column += 2) {
      const std::uint32_t first = engine();
      const std::uint32_t second = engine();
      const std::array<float, 2> pair = box_muller(first, second);
      out[column] = pair[0];
      if (column + 1 < width) out[column + 1] = pair[1];
    }
  }
  return rows;
}

torch::Tensor uniform_rows(std::int64_t seed, Purpose purpose, std::int64_t first_row,
                           std::int64_t count, std::int64_t width) {
  torch::Tensor rows = at::empty({count, width}, at::kFloat);
  float* out = rows.data_ptr<float>();
  for (std::int64_t row = 0; row < count; ++row, out += width) {
    at::Philox4_32 engine = engine_at(seed, purpose, first_row + row);
    constexpr float kScale = 1.0F / 8388608.0F;  // 2^-23: 24 bits, which a float holds exactly
    for (std::int64_t column = 0; column < width; ++column) {
      out[column] = static_cast<float>(engine() >> 8) * kScale - 1.0F;
    }
  }
  return rows;
}

std::vector<std::int64_t> permutation(std::int64_t seed, Purpose purpose, std::int64_t position,
                                      std::int64_t size) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  at::Philox4_32 engine = engine_at(seed, purpose, position);
  for (std::size_t last = order.size(); last > 1; --last) {
    std::swap(order[last - 1], order[uniform_below(engine, last)]);
  }
  return order;
}

std::vector<std::int64_t> resample(std::int64_t seed, Purpose purpose, std::int64_t position,
                                   std::int64_t size) {
  std::vector<std::int64_t> draws(static_cast<std::size_t>(size));
  at::Philox4_32 engine = engine_at(seed, purpose, position);
  for (std::int64_t& draw : draws) {
    draw = static_cast<std::int64_t>(uniform_below(engine, static_cast<std::uint64_t>(size)));
  }
  return draws;
}

}  // namespace dcgan
