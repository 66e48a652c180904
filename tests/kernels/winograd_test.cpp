#include "kernels/winograd.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "kernels/winograd_tile.h"
#include "support/convolution_case.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::ConvolutionCase;
using testing::noise;
using testing::relative_distance;

constexpr auto kLast = torch::MemoryFormat::ChannelsLast;
constexpr double kTolerance = 1e-5;

class WinogradOf : public ::testing::TestWithParam<ConvolutionCase> {
 protected:
  std::array<std::int64_t, 2> map() const {
    const auto places = [&](std::size_t d) {
      return (shape_.size[d] + 2 * window_.padding[d] - window_.kernel[d]) / 2 + 1;
    };
    return {places(0), places(1)};
  }
  /// The gradient in x, or that in the weight, by LibTorch in float64.
  torch::Tensor stock_gradient(bool of_weight) const {
    const torch::Tensor x = x_.to(torch::kFloat64).requires_grad_();
    const torch::Tensor weight = weight_.to(torch::kFloat64).requires_grad_();
    const torch::Tensor y = torch::conv2d(x, weight, {}, window_.stride, window_.padding);
    return torch::autograd::grad({y}, {of_weight ? weight : x}, {grad_.to(torch::kFloat64)})[0];
  }

  const ConvolutionCase shape_ = GetParam();
  const Window window_ = shape_.window;
  const torch::Tensor x_ =
      noise({shape_.images, shape_.in, shape_.size[0], shape_.size[1]}, 1).contiguous(kLast);
  const torch::Tensor weight_ =
      noise({shape_.out, shape_.in, window_.kernel[0], window_.kernel[1]}, 2).contiguous(kLast);
  const torch::Tensor grad_ =
      noise({shape_.images, shape_.out, map()[0], map()[1]}, 3).contiguous(kLast);
};

TEST_P(WinogradOf, ForwardIsTheOperator) {
  const torch::Tensor y = winograd_forward(x_, weight_, window_, map());
  EXPECT_TRUE(y.is_contiguous(kLast));
  EXPECT_LT(relative_distance(y, torch::conv2d(x_.to(torch::kFloat64), weight_.to(torch::kFloat64),
                                               {}, window_.stride, window_.padding)),
            kTolerance);
}

TEST_P(WinogradOf, DataIsTheOperatorsGradientInTheImages) {
  const torch::Tensor x = winograd_data(grad_, weight_, window_, shape_.size);
  EXPECT_TRUE(x.is_contiguous(kLast));
  EXPECT_LT(relative_distance(x, stock_gradient(/*of_weight=*/false)), kTolerance);
}

TEST_P(WinogradOf, WeightIsTheOperatorsGradientInTheWeights) {
  const torch::Tensor weight = winograd_weight(x_, grad_, window_);
  EXPECT_TRUE(weight.is_contiguous(kLast));
  EXPECT_LT(relative_distance(weight, stock_gradient(/*of_weight=*/true)), kTolerance);
}

TEST_P(WinogradOf, HasTheSameBitsWithAnyNumberOfThreadsAndForAnImageAlone) {
  const int threads = at::get_num_threads();
  const torch::Tensor y = winograd_forward(x_, weight_, window_, map());
  const torch::Tensor x = winograd_data(grad_, weight_, window_, shape_.size);
  const torch::Tensor weight = winograd_weight(x_, grad_, window_);
  for (const int other : {2, 5}) {
    at::set_num_threads(other);
    EXPECT_TRUE(torch::equal(winograd_forward(x_, weight_, window_, map()), y)) << other;
    EXPECT_TRUE(torch::equal(winograd_data(grad_, weight_, window_, shape_.size), x)) << other;
    EXPECT_TRUE(torch::equal(winograd_weight(x_, grad_, window_), weight)) << other;
  }
  at::set_num_threads(threads);
  const torch::Tensor last_x = x_.narrow(0, shape_.images - 1, 1).contiguous(kLast);
  const torch::Tensor last_grad = grad_.narrow(0, shape_.images - 1, 1).contiguous(kLast);
  EXPECT_TRUE(
      torch::equal(winograd_forward(last_x, weight_, window_, map())[0], y[shape_.images - 1]));
  EXPECT_TRUE(torch::equal(winograd_data(last_grad, weight_, window_, shape_.size)[0],
                           x[shape_.images - 1]));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WinogradOf,
    ::testing::Values(ConvolutionCase{"mnist", 3, 32, {14, 14}, 64, {{4, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"mnist_odd", 5, 64, {7, 7}, 32, {{3, 3}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"whole_tiles", 4, 32, {16, 8}, 32, {{4, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"many_tiles", 37, 32, {16, 16}, 32, {{4, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"half_panels", 2, 48, {10, 6}, 80, {{4, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{
                          "half_panels_odd", 2, 16, {9, 13}, 48, {{3, 3}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"three_by_four", 3, 32, {7, 8}, 32, {{3, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"four_by_three", 3, 32, {6, 9}, 64, {{4, 3}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"rounded_size", 2, 32, {9, 11}, 32, {{4, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"no_padding", 2, 32, {11, 12}, 32, {{4, 3}, {2, 2}, {0, 0}}},
                      ConvolutionCase{"wide_padding", 2, 32, {8, 7}, 32, {{4, 3}, {2, 2}, {2, 2}}},
                      ConvolutionCase{"deep", 2, 144, {8, 8}, 160, {{4, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"deep_odd", 2, 272, {5, 5}, 144, {{3, 3}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"one_place", 1, 32, {3, 2}, 32, {{3, 4}, {2, 2}, {1, 1}}}),
    [](const auto& entry) { return std::string(entry.param.name); });

TEST(TakesWinograd, WhereItIsFaster) {
  const torch::Tensor weight = torch::zeros({128, 64, 4, 4});
  const Window even{{4, 4}, {2, 2}, {1, 1}};
  EXPECT_TRUE(takes_winograd(weight, even, {7, 7}, 64));
  EXPECT_TRUE(takes_winograd(torch::zeros({256, 128, 3, 3}), {{3, 3}, {2, 2}, {1, 1}}, {4, 4}, 64));
  EXPECT_FALSE(takes_winograd(weight, even, {7, 7}, 8)) << "few tiles";
  EXPECT_FALSE(takes_winograd(weight, even, {5, 5}, 64)) << "tiles with few results";
  EXPECT_FALSE(takes_winograd(weight.to(torch::kBFloat16), even, {7, 7}, 64));
  EXPECT_FALSE(takes_winograd(torch::zeros({32, 16, 4, 4}), even, {8, 8}, 64)) << "few channels";
  EXPECT_FALSE(takes_winograd(torch::zeros({72, 40, 4, 4}), even, {8, 8}, 64)) << "odd channels";
  EXPECT_FALSE(takes_winograd(weight, {{4, 4}, {1, 1}, {0, 0}}, {8, 8}, 64)) << "stride";
  EXPECT_FALSE(takes_winograd(torch::zeros({64, 64, 5, 5}), {{5, 5}, {2, 2}, {1, 1}}, {8, 8}, 64));
}

TEST(WinogradTile, IsTheSameOnEveryKindOfCpu) {
  constexpr std::int64_t kRows = 16;
  constexpr std::int64_t kDepth = 23;
  const torch::Tensor a = noise({kRows, kDepth}, 1);
  const torch::Tensor b = noise({kDepth, kPanel}, 2);
  const torch::Tensor c = noise({kRows, kPanel}, 3);
  const auto tiles = usable_winograd_tiles();
  ASSERT_FALSE(tiles.empty());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    torch::Tensor product = c.clone();
    tiles[i]->multiply({kRows, kDepth, kDepth, 1, kPanel, kPanel}, a.data_ptr<float>(),
                       b.data_ptr<float>(), /*accumulate=*/true, product.data_ptr<float>());
    EXPECT_LT(relative_distance(product, c + torch::mm(a, b)), 1e-6) << i;
    // The same of a transposed a.
    const torch::Tensor columns = a.t().contiguous();
    tiles[i]->multiply({kRows, kDepth, 1, kRows, kPanel, kPanel}, columns.data_ptr<float>(),
                       b.data_ptr<float>(), /*accumulate=*/false, product.data_ptr<float>());
    EXPECT_LT(relative_distance(product, torch::mm(a, b)), 1e-6) << i;
  }
}

/// `transform` of places [count][32] to points [25][32].
template <typename Transform>
torch::Tensor to_points(const Transform& transform, const torch::Tensor& places) {
  std::vector<const float*> rows;
  for (std::int64_t i = 0; i < places.size(0); ++i) rows.push_back(places[i].data_ptr<float>());
  torch::Tensor points = torch::empty({kPoints, kPanel});
  transform(rows.data(), points.data_ptr<float>());
  return points;
}

TEST(WinogradTile, TransformsAreOneCorrelationOnEveryKindOfCpu) {
  const torch::Tensor d = noise({kPoints, kPanel}, 1);           // [5 x 5, channels]
  const torch::Tensor g = noise({kTaps * kTaps, 1, kPanel}, 2);  // [2 x 2, 1, channels]
  const torch::Tensor grad = noise({kTileOutputs * kTileOutputs, kPanel}, 3);
  const torch::Tensor image = d.view({5, 5, kPanel});
  const torch::Tensor map_gradient = grad.view({4, 4, kPanel});
  torch::Tensor y = torch::zeros({4, 4, kPanel});
  torch::Tensor taps = torch::zeros({kTaps * kTaps, kPanel});
  for (std::int64_t tap = 0; tap < 4; ++tap) {
    const torch::Tensor seen = image.narrow(0, tap / 2, 4).narrow(1, tap % 2, 4);
    y += seen * g[tap];
    taps[tap] = (seen * map_gradient).flatten(0, 1).sum(0);
  }
  for (const WinogradTile* tile : usable_winograd_tiles()) {
    const torch::Tensor inputs =
        to_points([&](const float* const* places,
                      float* to) { tile->transform_input(places, places, kPanel, to, kPanel); },
                  d);
    const torch::Tensor gradients =
        to_points([&](const float* const* places,
                      float* to) { tile->transform_gradient(places, kPanel, to, kPanel); },
                  grad);
    torch::Tensor kernel = torch::empty({kPoints, kPanel});
    torch::Tensor rows = torch::empty({kTaps, kPanel});
    for (std::int64_t p = 0; p < kPoints; ++p) {
      const auto combine = [&](const torch::Tensor& left, const torch::Tensor& right,
                               std::int64_t i, const torch::Tensor& to) {
        tile->combine_rows({left.data_ptr<float>(), kKernelToPoints[i][0], right.data_ptr<float>(),
                            kKernelToPoints[i][1]},
                           1, kPanel, kPanel, to.data_ptr<float>());
      };
      combine(g[0], g[2], p / kTilePoints, rows[0]);
      combine(g[1], g[3], p / kTilePoints, rows[1]);
      combine(rows[0], rows[1], p % kTilePoints, kernel[p]);
    }
    torch::Tensor results = torch::empty({4, 4, kPanel});
    std::vector<float*> places;
    for (std::int64_t i = 0; i < 16; ++i) places.push_back(results.data_ptr<float>() + i * kPanel);
    tile->transform_output((inputs * kernel).contiguous().data_ptr<float>(), kPanel, kPanel,
                           places.data());
    EXPECT_LT(relative_distance(results, y), 1e-6);
    torch::Tensor sums = torch::empty({kTaps * kTaps, kPanel});
    std::vector<float*> sum_places;
    for (std::int64_t i = 0; i < 4; ++i) sum_places.push_back(sums.data_ptr<float>() + i * kPanel);
    tile->transform_sums((inputs * gradients).contiguous().data_ptr<float>(), kPanel, kPanel,
                         sum_places.data());
    EXPECT_LT(relative_distance(sums, taps), 1e-6);
  }
}

}  // namespace
}  // namespace dcgan
