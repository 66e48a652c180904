#include "dcgan/kernels/bfloat16.h"

#include "dcgan/base/multiversion.h"

namespace dcgan {
namespace {

DCGAN_MULTIVERSION
void widen_bits(const std::uint16_t* __restrict from, std::int64_t count,
                std::uint32_t* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::uint32_t>(from[i]) << 16;
}

/// Half a unit of the last place that stays, less one where that place is even, carries into it.
DCGAN_MULTIVERSION
void narrow_bits(const std::uint32_t* __restrict from, std::int64_t count,
                 std::uint16_t* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t bits = from[i];
    const std::uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    const bool is_nan = (bits & 0x7FFFFFFF) > 0x7F800000;
    to[i] = static_cast<std::uint16_t>(is_nan ? 0x7FC0 : rounded);
  }
}

}  // namespace

void widen(const at::BFloat16* from, std::int64_t count, float* to) {
  widen_bits(reinterpret_cast<const std::uint16_t*>(from), count,
             reinterpret_cast<std::uint32_t*>(to));
}

void narrow(const float* from, std::int64_t count, at::BFloat16* to) {
  narrow_bits(reinterpret_cast<const std::uint32_t*>(from), count,
              reinterpret_cast<std::uint16_t*>(to));
}

}  // namespace dcgan
