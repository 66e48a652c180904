#include "evaluate/spectrum.h"

#include <gtest/gtest.h>

#include "runtime/torch.h"

namespace dcgan {
namespace {

torch::Tensor pattern(std::int64_t channels, std::int64_t height, std::int64_t width) {
  const auto along = [](std::int64_t axis, std::int64_t size) {
    std::vector<std::int64_t> shape(4, 1);
    shape[static_cast<std::size_t>(axis)] = size;
    return torch::arange(size).view(shape);
  };
  const torch::Tensor y = along(2, height);
  const torch::Tensor x = along(3, width);
  return (along(0, 2) * 31 + along(1, channels) * 53 + y * y * 7 + x * x * x * 5 + y * x * 11)
      .remainder(256)
      .to(torch::kUInt8);
}

void expect_shares(const torch::Tensor& images, const std::vector<double>& expected) {
  const torch::Tensor shares = period_two_shares(images);
  EXPECT_TRUE(torch::allclose(shares, torch::tensor(expected, torch::kFloat64), 1e-10, 0))
      << shares;
}

// What numpy says: p = abs(fft2(grey - grey.mean()))**2, of which p[h/2, :] and p[:, w/2].
TEST(PeriodTwoShares, AreThoseOfNumpy) {
  expect_shares(pattern(1, 6, 8), {0.17211772838068906, 0.29769861480855925});
  expect_shares(pattern(3, 6, 4), {0.22339560381308965, 0.2555469187299203});
}

TEST(PeriodTwoShares, LeaveOutTheLastRowAndColumnOfAnOddSide) {
  expect_shares(pattern(1, 7, 5), {0.2290195714661177, 0.30034759985498904});
  EXPECT_TRUE(period_two_shares(pattern(1, 7, 5))
                  .equal(period_two_shares(pattern(1, 7, 5).slice(2, 0, 6).slice(3, 0, 4))));
}

TEST(PeriodTwoShares, AreOneForACheckerboardAndZeroForOneColour) {
  const torch::Tensor line = torch::arange(8).remainder(2);
  const torch::Tensor board = (line.view({8, 1}) + line).remainder(2) * 200;
  const torch::Tensor plain = torch::full({8, 8}, 77, torch::kInt64);
  expect_shares(torch::stack({board, plain}).unsqueeze(1).to(torch::kUInt8), {1, 0});
}

TEST(PeriodTwoShares, OfImagesWithoutTwoRowsAreZero) {
  expect_shares(torch::arange(10).view({2, 1, 1, 5}).to(torch::kUInt8), {0, 0});
}

}  // namespace
}  // namespace dcgan
