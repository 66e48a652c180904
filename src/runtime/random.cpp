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

std::uint64_t key_of(std::int64_t seed, Purpose purpose) {
  return splitmix64(splitmix64(static_cast<std::uint64_t>(seed)) +
                    static_cast<std::uint64_t>(purpose));
}

/// The numbers at one position: Philox with the key (seed, purpose), the position in the upper half
/// of its counter and the block in the lower.
at::Philox4_32 engine_at(std::int64_t seed, Purpose purpose, std::int64_t position) {
  return at::Philox4_32(key_of(seed, purpose), static_cast<std::uint64_t>(position), /*offset=*/0);
}

/// The first 4 * blocks numbers of engine_at() for `count` positions from `first` on, by operators
/// on `device`: int64 [count, 4 * blocks], each in [0, 2^32).
torch::Tensor words_on(torch::Device device, std::uint64_t key, std::int64_t first,
                       std::int64_t count, std::int64_t blocks) {
  constexpr std::int64_t kWord = 0xffffffff;
  constexpr std::int64_t kFactorA = 0xD2511F53;
  constexpr std::int64_t kFactorB = 0xCD9E8D57;
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const torch::Tensor positions = at::arange(first, first + count, options).unsqueeze(1);
  const torch::Tensor zeros = at::zeros({count, blocks}, options);
  std::array<torch::Tensor, 4> counter{at::arange(blocks, options).expand({count, blocks}), zeros,
                                       positions.bitwise_and(kWord).expand({count, blocks}),
                                       positions.bitwise_right_shift(32).expand({count, blocks})};
  auto key_low = static_cast<std::int64_t>(key & kWord);
  auto key_high = static_cast<std::int64_t>(key >> 32);
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    // A product of two 32-bit numbers; beyond 2^63 it is negative, with the same bits.
    const torch::Tensor a = counter[0] * kFactorA;
    const torch::Tensor b = counter[2] * kFactorB;
    const auto high = [&](const torch::Tensor& product) {
      return product.bitwise_right_shift(32).bitwise_and(kWord);
    };
    counter = {high(b).bitwise_xor(counter[1]).bitwise_xor(key_low), b.bitwise_and(kWord),
               high(a).bitwise_xor(counter[3]).bitwise_xor(key_high), a.bitwise_and(kWord)};
    key_low = (key_low + 0x9E3779B9) & kWord;
    key_high = (key_high + 0xBB67AE85) & kWord;
  }
  return at::stack(counter, 2).flatten(1);
}

constexpr double kUnit = 1.0 / 4294967296.0;  // 2^-32

/// Two independent N(0, 1) numbers from two uniform integers (Box and Muller, 1958). In double and
/// rounded to float at the end: the tail then reaches to 6.8 deviations, and a last bit in which
/// two mathematics libraries differ is rounded away.
std::array<float, 2> box_muller(std::uint32_t first, std::uint32_t second) {
  const double radius = std::sqrt(-2.0 * std::log((first + 0.5) * kUnit));
  const double angle = 2.0 * std::numbers::pi * (second * kUnit);
  return {static_cast<float>(radius * std::cos(angle)),
          static_cast<float>(radius * std::sin(angle))};
}

/// box_muller() of each pair of `words` [N, 2 * pairs]: float32 of the same shape.
torch::Tensor box_muller_of_pairs(const torch::Tensor& words) {
  const torch::Tensor pairs = words.to(at::kDouble).view({words.size(0), -1, 2});
  const torch::Tensor radius = pairs.select(2, 0).add(0.5).mul(kUnit).log().mul(-2.0).sqrt();
  const torch::Tensor angle = pairs.select(2, 1).mul(kUnit).mul(2.0 * std::numbers::pi);
  return at::stack({radius * angle.cos(), radius * angle.sin()}, 2).flatten(1).to(at::kFloat);
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
                          std::int64_t count, std::int64_t width, torch::Device device) {
  if (!device.is_cpu()) {
    const std::int64_t blocks = (width + 3) / 4;
    const torch::Tensor words = words_on(device, key_of(seed, purpose), first_row, count, blocks);
    return box_muller_of_pairs(words).narrow(1, 0, width);
  }
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
