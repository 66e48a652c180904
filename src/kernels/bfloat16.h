// Between float32 and bfloat16, its upper half, for plain loops that the compiler turns into
// vectors.
#pragma once

#include <torch/types.h>

#include <bit>
#include <cstdint>

namespace dcgan {

inline float widened(float number) { return number; }
inline float widened(at::BFloat16 number) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(number.x) << 16);
}

/// Rounded to the nearest, ties to even; NaN stays NaN.
inline void narrow_to(float& to, float number) { to = number; }
inline void narrow_to(at::BFloat16& to, float number) {
  // Half a unit of the last place that stays, less one where that place is even, carries into it.
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFF) > 0x7F800000;
  to.x = static_cast<std::uint16_t>(is_nan ? 0x7FC0 : rounded);
}

}  // namespace dcgan
