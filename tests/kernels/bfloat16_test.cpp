#include "kernels/bfloat16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace dcgan {
namespace {

TEST(Bfloat16, NarrowsAsPyTorchDoes) {
  // Every upper half, each with lower halves below, at and above a tie.
  std::vector<float> numbers;
  for (std::uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const std::uint32_t lower : {0x0000U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
      const std::uint32_t bits = upper << 16 | lower;
      numbers.push_back(std::bit_cast<float>(bits));
    }
  }
  std::vector<at::BFloat16> narrowed(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) narrow_to(narrowed[i], numbers[i]);
  std::int64_t different = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const at::BFloat16 expected(numbers[i]);
    const bool same = std::isnan(numbers[i]) ? std::isnan(static_cast<float>(narrowed[i]))
                                             : narrowed[i].x == expected.x;
    if (!same) ++different;
  }
  EXPECT_EQ(different, 0);
}

TEST(Bfloat16, WidensExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const at::BFloat16 number(static_cast<unsigned short>(bits), at::BFloat16::from_bits());
    ASSERT_EQ(std::bit_cast<std::uint32_t>(widened(number)), bits << 16);
  }
}

}  // namespace
}  // namespace dcgan
