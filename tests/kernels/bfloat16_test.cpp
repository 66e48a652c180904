#include "dcgan/kernels/bfloat16.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace dcgan {
namespace {

TEST(Bfloat16, NarrowsAsPyTorchDoes) {
  // Every upper half, each with lower halves below, at and above a tie.
  std::vector<float> numbers;
  for (std::uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const std::uint32_t lower : {0x0000U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
      const std::uint32_t bits = upper << 16 | lower;
      float number = 0;
      std::memcpy(&number, &bits, sizeof number);
      numbers.push_back(number);
    }
  }
  std::vector<at::BFloat16> narrowed(numbers.size());
  narrow(numbers.data(), static_cast<std::int64_t>(numbers.size()), narrowed.data());
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
  std::vector<at::BFloat16> numbers;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    numbers.emplace_back(static_cast<unsigned short>(bits), at::BFloat16::from_bits());
  }
  std::vector<float> widened(numbers.size());
  widen(numbers.data(), static_cast<std::int64_t>(numbers.size()), widened.data());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &widened[i], sizeof bits);
    ASSERT_EQ(bits, static_cast<std::uint32_t>(i) << 16);
  }
}

TEST(Bfloat16, ReadersAndWritersOfFloat32UseTheTensorItself) {
  const torch::Tensor tensor = torch::zeros({10});
  std::vector<float> buffer;
  EXPECT_EQ(FloatReader(tensor).read(3, 4, buffer), tensor.data_ptr<float>() + 3);
  FloatWriter(tensor).write(3, 4, buffer,
                            [&](float* to) { EXPECT_EQ(to, tensor.data_ptr<float>() + 3); });
  EXPECT_TRUE(buffer.empty());
}

TEST(Bfloat16, ReadsAndWritesAPieceOfATensor) {
  const torch::Tensor tensor = torch::arange(10).to(torch::kBFloat16);
  std::vector<float> buffer;
  const float* const read = FloatReader(tensor).read(3, 4, buffer);
  EXPECT_EQ(std::vector<float>(read, read + 4), (std::vector<float>{3, 4, 5, 6}));
  FloatWriter(tensor).write(3, 2, buffer, [](float* to) { to[0] = to[1] = 1.5F; });
  const torch::Tensor expected = torch::tensor({0.0, 1.0, 2.0, 1.5, 1.5, 5.0, 6.0, 7.0, 8.0, 9.0});
  EXPECT_TRUE(torch::equal(tensor.to(torch::kFloat64), expected.to(torch::kFloat64)));
}

}  // namespace
}  // namespace dcgan
