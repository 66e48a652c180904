#include "kernels/winograd/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/winograd/points.h"
#include "kernels/winograd/tile.h"
#include "runtime/cpu.h"
#include "runtime/torch.h"
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

  /// With any number of threads, and for an image alone.
  void expect_the_same_bits(at::ScalarType type) const {
    const torch::Tensor images = x_.to(type);
    const torch::Tensor kernel = weight_.to(type);
    const torch::Tensor grad = grad_.to(type);
    const int threads = at::get_num_threads();
    const torch::Tensor y = winograd_forward(images, kernel, window_, map());
    const torch::Tensor x = winograd_data(grad, kernel, window_, shape_.size);
    const torch::Tensor weight = winograd_weight(images, grad, window_, type);
    for (const int other : {2, 5}) {
      at::set_num_threads(other);
      EXPECT_TRUE(torch::equal(winograd_forward(images, kernel, window_, map()), y)) << other;
      EXPECT_TRUE(torch::equal(winograd_data(grad, kernel, window_, shape_.size), x)) << other;
      EXPECT_TRUE(torch::equal(winograd_weight(images, grad, window_, type), weight)) << other;
    }
    at::set_num_threads(threads);
    const std::int64_t last = shape_.images - 1;
    const auto alone = [&](const torch::Tensor& of) {
      return of.narrow(0, last, 1).contiguous(kLast);
    };
    EXPECT_TRUE(torch::equal(winograd_forward(alone(images), kernel, window_, map())[0], y[last]));
    EXPECT_TRUE(torch::equal(winograd_data(alone(grad), kernel, window_, shape_.size)[0], x[last]));
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
  const torch::Tensor weight = winograd_weight(x_, grad_, window_, at::kFloat);
  EXPECT_TRUE(weight.is_contiguous(kLast));
  EXPECT_LT(relative_distance(weight, stock_gradient(/*of_weight=*/true)), kTolerance);
}

TEST_P(WinogradOf, HasTheSameBitsWithAnyNumberOfThreadsAndForAnImageAlone) {
  expect_the_same_bits(at::kFloat);
}

/// Root of the mean square of the differences over that of `exact`.
double relative_norm(const torch::Tensor& ours, const torch::Tensor& exact) {
  return ((ours - exact).norm() / exact.norm()).item<double>();
}

class WinogradInBfloat16Of : public WinogradOf {
 protected:
  static torch::Tensor half(const torch::Tensor& x) { return x.to(at::kBFloat16); }
  /// `exact` of the same bfloat16 numbers. Theirs are exact products; those of the transformed
  /// ones, rounded to bfloat16 once more, are not.
  static void expect_close(const torch::Tensor& ours, const torch::Tensor& exact) {
    ASSERT_EQ(ours.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(ours.is_contiguous(kLast));
    EXPECT_LT(relative_norm(ours, exact), 1e-2);
    EXPECT_LT(relative_distance(ours, exact), 2e-2);
  }
  void SetUp() override {
    for (torch::Tensor x : {x_, weight_, grad_}) x.copy_(half(x));
  }
};

TEST_P(WinogradInBfloat16Of, EachProductIsTheOperatorWithinItsRounding) {
  expect_close(winograd_forward(half(x_), half(weight_), window_, map()),
               torch::conv2d(x_.to(torch::kFloat64), weight_.to(torch::kFloat64), {},
                             window_.stride, window_.padding));
  expect_close(winograd_data(half(grad_), half(weight_), window_, shape_.size),
               stock_gradient(/*of_weight=*/false));
  expect_close(winograd_weight(half(x_), half(grad_), window_, at::kBFloat16),
               stock_gradient(/*of_weight=*/true));
}

TEST_P(WinogradInBfloat16Of, HasTheSameBitsWithAnyNumberOfThreadsAndForAnImageAlone) {
  expect_the_same_bits(at::kBFloat16);
}

const std::vector<ConvolutionCase> kShapes{

    ConvolutionCase{"mnist", 3, 32, {14, 14}, 64, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"mnist_odd", 5, 64, {7, 7}, 32, {{3, 3}, {2, 2}, {1, 1}}},
    ConvolutionCase{"whole_tiles", 4, 32, {16, 8}, 32, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"many_tiles", 37, 32, {16, 16}, 32, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"half_panels", 2, 48, {10, 6}, 80, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"half_panels_odd", 2, 16, {9, 13}, 48, {{3, 3}, {2, 2}, {1, 1}}},
    ConvolutionCase{"three_by_four", 3, 32, {7, 8}, 32, {{3, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"four_by_three", 3, 32, {6, 9}, 64, {{4, 3}, {2, 2}, {1, 1}}},
    ConvolutionCase{"rounded_size", 2, 32, {9, 11}, 32, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"no_padding", 2, 32, {11, 12}, 32, {{4, 3}, {2, 2}, {0, 0}}},
    ConvolutionCase{"wide_padding", 2, 32, {8, 7}, 32, {{4, 3}, {2, 2}, {2, 2}}},
    ConvolutionCase{"cut_tiles", 9, 32, {22, 29}, 64, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"cut_tiles_odd", 3, 64, {13, 21}, 32, {{3, 3}, {2, 2}, {1, 1}}},
    ConvolutionCase{"cut_rows", 5, 32, {6, 8}, 32, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"deep", 2, 144, {8, 8}, 160, {{4, 4}, {2, 2}, {1, 1}}},
    ConvolutionCase{"deep_odd", 2, 272, {5, 5}, 144, {{3, 3}, {2, 2}, {1, 1}}},
    ConvolutionCase{"one_place", 1, 32, {3, 2}, 32, {{3, 4}, {2, 2}, {1, 1}}}};

std::string name_of(const ::testing::TestParamInfo<ConvolutionCase>& entry) {
  return entry.param.name;
}

INSTANTIATE_TEST_SUITE_P(Shapes, WinogradOf, ::testing::ValuesIn(kShapes), name_of);
INSTANTIATE_TEST_SUITE_P(Shapes, WinogradInBfloat16Of, ::testing::ValuesIn(kShapes), name_of);

/// Channels decide how much is one product: a number that divides nothing must not be left out.
void expect_any_number_of_channels(at::ScalarType type, double tolerance) {
  const Window window{{4, 4}, {2, 2}, {1, 1}};
  const std::array<std::int64_t, 2> size{8, 8};
  const std::array<std::int64_t, 2> map{4, 4};
  const auto random = [type](at::IntArrayRef sizes, std::uint64_t seed) {
    return noise(sizes, seed).to(type).contiguous(kLast);
  };
  for (std::int64_t channels = kPanel; channels <= 20 * kLanes; channels += kLanes) {
    const torch::Tensor x = random({2, channels, 8, 8}, 1);
    const torch::Tensor weight = random({kPanel, channels, 4, 4}, 2);
    const torch::Tensor grad = random({2, kPanel, 4, 4}, 3);
    const torch::Tensor exact_x = x.to(torch::kFloat64).requires_grad_();
    const torch::Tensor exact_weight = weight.to(torch::kFloat64).requires_grad_();
    const torch::Tensor y = torch::conv2d(exact_x, exact_weight, {}, 2, 1);
    const auto exact =
        torch::autograd::grad({y}, {exact_x, exact_weight}, {grad.to(torch::kFloat64)});
    EXPECT_LT(relative_distance(winograd_forward(x, weight, window, map), y), tolerance)
        << channels;
    EXPECT_LT(relative_distance(winograd_data(grad, weight, window, size), exact[0]), tolerance)
        << channels;
    EXPECT_LT(relative_distance(winograd_weight(x, grad, window, type), exact[1]), tolerance)
        << channels;
  }
}

TEST(Winograd, TakesAnyNumberOfChannels) {
  expect_any_number_of_channels(at::kFloat, kTolerance);
  expect_any_number_of_channels(at::kBFloat16, 2e-2);
}

TEST(TakesWinograd, WhereItIsFaster) {
  const auto takes = [](at::IntArrayRef weight, std::array<std::int64_t, 2> map,
                        std::int64_t images, std::int64_t stride = 2) {
    return takes_winograd(Product::forward, torch::zeros(weight),
                          {{weight[2], weight[3]}, {stride, stride}, {1, 1}}, map, images);
  };
  EXPECT_TRUE(takes({128, 64, 4, 4}, {7, 7}, 64));
  EXPECT_TRUE(takes({256, 128, 3, 3}, {4, 4}, 64));
  EXPECT_FALSE(takes({128, 64, 4, 4}, {7, 7}, 8)) << "few tiles";
  EXPECT_FALSE(takes({128, 64, 4, 4}, {5, 5}, 64)) << "tiles with few results";
  EXPECT_FALSE(takes({32, 16, 4, 4}, {8, 8}, 64)) << "few channels";
  EXPECT_FALSE(takes({72, 40, 4, 4}, {8, 8}, 64)) << "odd channels";
  EXPECT_FALSE(takes({128, 64, 4, 4}, {8, 8}, 64, 1)) << "stride";
  EXPECT_FALSE(takes({64, 64, 5, 5}, {8, 8}, 64));
}

TEST(TakesWinograd, InBfloat16WhereTheCpuHasAnInstruction) {
  const auto takes = [](Product product, at::IntArrayRef weight, std::array<std::int64_t, 2> map) {
    return takes_winograd(product, torch::zeros(weight, at::kBFloat16),
                          {{weight[2], weight[3]}, {2, 2}, {1, 1}}, map, 64);
  };
  for (const Product product : {Product::forward, Product::data, Product::weight}) {
    EXPECT_EQ(takes(product, {128, 64, 4, 4}, {7, 7}), multiplies_only_vectors_of_bfloat16());
    EXPECT_EQ(takes(product, {128, 48, 4, 4}, {7, 7}), multiplies_only_vectors_of_bfloat16());
    EXPECT_FALSE(takes(product, {128, 40, 4, 4}, {7, 7})) << "odd channels";
  }
  EXPECT_EQ(takes(Product::data, {256, 128, 3, 3}, {4, 4}), multiplies_only_vectors_of_bfloat16());
  EXPECT_FALSE(takes(Product::forward, {256, 128, 3, 3}, {4, 4}));
  EXPECT_FALSE(takes(Product::weight, {256, 128, 3, 3}, {4, 4}));
}

// The tiles and their numbers
// ----------------------------------------------------------------------

TEST(TileRows, HaveThoseWithAPointSideBySide) {
  const Tiles tiles = tiles_over(3, 7, 11);  // 2x3 in an image, the last of each direction cut
  const TileRows rows(tiles, {1, 17}, 2);
  std::vector<int> seen(17);
  for (std::int64_t row = 0; row < rows.size(); ++row) {
    if (!rows[row]) continue;
    const Tiles::Place& tile = *rows[row];
    ++seen[static_cast<std::size_t>((tile.image * 2 + tile.row / 4) * 3 + tile.column / 4)];
    EXPECT_EQ(tile.cut.rows, tile.row == 4);
    EXPECT_EQ(tile.cut.columns, tile.column == 8);
  }
  EXPECT_EQ(seen[0], 0);
  EXPECT_EQ(std::count(seen.begin() + 1, seen.end(), 1), 16);
  for (std::int64_t point = 0; point < kPoints; ++point) {
    const Range having = rows.having(point);
    EXPECT_EQ(having.first % 2, 0);
    for (std::int64_t row = 0; row < rows.size(); ++row) {
      if (!rows[row]) continue;
      const Cut& cut = rows[row]->cut;
      const bool has = !(cut.rows && point / kTilePoints == kCutPoint) &&
                       !(cut.columns && point % kTilePoints == kCutPoint);
      EXPECT_EQ(row >= having.first && row < having.last, has) << point << ' ' << row;
    }
  }
}

template <typename Number>
class WinogradTileOf : public ::testing::Test {
 protected:
  static constexpr auto kType = std::is_same_v<Number, float> ? at::kFloat : at::kBFloat16;
  static constexpr bool kPairs = kNumbersInFloat<Number> == 2;
  /// Of what is rounded to bfloat16 on the way.
  static constexpr double kTolerance = kPairs ? 2e-2 : 1e-6;
};
using Numbers = ::testing::Types<float, at::BFloat16>;
TYPED_TEST_SUITE(WinogradTileOf, Numbers);

/// What a product reads of a matrix [rows, columns]: in bfloat16, every two rows in one of pairs.
torch::Tensor as_read(const torch::Tensor& rows, bool pairs) {
  if (!pairs) return rows.contiguous();
  return rows.view({-1, 2, rows.size(1)})
      .transpose(1, 2)
      .to(torch::kBFloat16)
      .contiguous()
      .view({rows.size(0) / 2, rows.size(1) * 2});
}

float* floats_of(const torch::Tensor& tensor) { return static_cast<float*>(tensor.data_ptr()); }

TYPED_TEST(WinogradTileOf, MultipliesOnEveryKindOfCpu) {
  constexpr std::int64_t kRows = 16;
  constexpr std::int64_t kDepth = 96;
  const auto rounded = [](const torch::Tensor& x) {
    return x.to(TestFixture::kType).to(at::kFloat);
  };
  const torch::Tensor a = rounded(noise({kRows, kDepth}, 1));
  const torch::Tensor b = rounded(noise({kDepth, kPanel}, 2));
  const torch::Tensor c = noise({kRows, kPanel}, 3);
  const torch::Tensor panel = as_read(b, TestFixture::kPairs);
  const torch::Tensor columns = as_read(a.t(), TestFixture::kPairs);
  const torch::Tensor rows =
      TestFixture::kPairs
          ? columns.view({-1, kRows, 2}).transpose(0, 1).contiguous().view({kRows, -1})
          : a;
  const std::int64_t depth = kDepth / kNumbersInFloat<TypeParam>;
  const auto tiles = usable_winograd_tiles<TypeParam>();
  ASSERT_FALSE(tiles.empty());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    torch::Tensor product = c.clone();
    tiles[i]->multiply({kRows, depth, depth, 1, kPanel, kPanel}, floats_of(rows), floats_of(panel),
                       /*accumulate=*/true, floats_of(product));
    EXPECT_LT(relative_distance(product, c + torch::mm(a, b)), 1e-6) << i;
    // The same of a transposed a.
    tiles[i]->multiply({kRows, depth, 1, kRows, kPanel, kPanel}, floats_of(columns),
                       floats_of(panel), /*accumulate=*/false, floats_of(product));
    EXPECT_LT(relative_distance(product, torch::mm(a, b)), 1e-6) << i;
  }
}

TYPED_TEST(WinogradTileOf, TransformsAreOneCorrelationOnEveryKindOfCpu) {
  constexpr bool pairs = TestFixture::kPairs;
  const auto random = [](at::IntArrayRef sizes, std::uint64_t seed) {
    return noise(sizes, seed).to(TestFixture::kType);
  };
  const auto tile_of = [&](std::int64_t places, std::uint64_t seed) {
    return random({places * places, kPanel}, seed);
  };
  const torch::Tensor d = tile_of(5, 1);
  const torch::Tensor g = random({kTaps * kTaps, kPanel, kPanel}, 2);  // [2 x 2, depth, out]
  const torch::Tensor grad = tile_of(4, 3);
  const torch::Tensor image = d.to(at::kDouble).view({5, 5, kPanel});
  const torch::Tensor map_gradient = grad.to(at::kDouble).view({4, 4, kPanel});
  for (const Cut cut : {Cut{false, false}, Cut{true, false}, Cut{false, true}, Cut{true, true}}) {
    const std::int64_t height = cut.rows ? 3 : 4;
    const std::int64_t width = cut.columns ? 3 : 4;
    torch::Tensor y = torch::zeros({height, width, kPanel}, at::kDouble);
    torch::Tensor taps = torch::zeros({kTaps * kTaps, kPanel}, at::kDouble);
    for (std::int64_t tap = 0; tap < 4; ++tap) {
      const torch::Tensor seen = image.narrow(0, tap / 2, height).narrow(1, tap % 2, width);
      y += torch::matmul(seen, g[tap].to(at::kDouble));
      taps[tap] =
          (seen * map_gradient.narrow(0, 0, height).narrow(1, 0, width)).flatten(0, 1).sum(0);
    }
    for (const auto* tile : usable_winograd_tiles<TypeParam>()) {
      const auto places_of = [&](const torch::Tensor& of) {
        std::vector<const TypeParam*> places;
        for (std::int64_t i = 0; i < of.size(0); ++i) {
          places.push_back(of[i].template data_ptr<TypeParam>());
        }
        return places;
      };
      // With pairs: a row of 32 channels is 16 pairs, and two tiles, the second 0, are 32.
      const auto input_places = places_of(d);
      const torch::Tensor inputs = torch::zeros({kPoints, kPanel});
      tile->transform_input[cut](input_places.data(), input_places.data(), kPanel,
                                 pairs ? Pairing::channels : Pairing::none, floats_of(inputs),
                                 kPanel);
      const auto over_tiles = [&](const auto& transform) {
        const torch::Tensor points = torch::zeros({kPoints, kPanel});
        transform(pairs ? Pairing::first_tile : Pairing::none, floats_of(points));
        return pairs ? points.view(at::kInt).bitwise_left_shift(16).view(at::kFloat) : points;
      };
      const torch::Tensor inputs_of_tile = over_tiles([&](Pairing pairing, float* to) {
        tile->transform_input[cut](input_places.data(), input_places.data(), kPanel, pairing, to,
                                   kPanel);
      });
      const torch::Tensor gradients = over_tiles([&](Pairing pairing, float* to) {
        tile->transform_gradient[cut](places_of(grad).data(), kPanel, pairing, to, kPanel);
      });
      torch::Tensor products = torch::zeros({kPoints, kRowStep, kPanel});
      torch::Tensor rows = torch::empty({kTaps, kPanel, kPanel});
      const torch::Tensor kernel =
          torch::empty({kPanel / (pairs ? 2 : 1), kPanel * (pairs ? 2 : 1)}, TestFixture::kType);
      for (std::int64_t p = 0; p < kPoints; ++p) {
        for (std::int64_t column = 0; column < kTaps; ++column) {
          tile->combine_rows(
              {g[column].template data_ptr<TypeParam>(),
               g[column + 2].template data_ptr<TypeParam>(), kKernelToPoints[p / kTilePoints]},
              kPanel, kPanel, kPanel, floats_of(rows[column]));
        }
        tile->combine_kernel(
            {floats_of(rows[0]), floats_of(rows[1]), kKernelToPoints[p % kTilePoints]}, kPanel,
            floats_of(kernel));
        tile->multiply({kRowStep, kPanel / kNumbersInFloat<TypeParam>, 0, 1, kPanel, kPanel},
                       floats_of(inputs[p]), floats_of(kernel), /*accumulate=*/false,
                       floats_of(products[p]));
      }
      torch::Tensor results = torch::zeros({4, 4, kPanel}, TestFixture::kType);
      std::vector<TypeParam*> places;
      for (std::int64_t i = 0; i < 16; ++i) {
        places.push_back(results.template data_ptr<TypeParam>() + i * kPanel);
      }
      tile->transform_output[cut](floats_of(products), kRowStep * kPanel, kPanel, places.data());
      EXPECT_LT(relative_distance(results.narrow(0, 0, height).narrow(1, 0, width), y),
                TestFixture::kTolerance);
      const torch::Tensor sums = torch::empty({kTaps * kTaps, kPanel});
      std::vector<float*> sum_places;
      for (std::int64_t i = 0; i < 4; ++i) sum_places.push_back(floats_of(sums) + i * kPanel);
      tile->transform_sums(floats_of((inputs_of_tile * gradients).contiguous()), kPanel, kPanel,
                           sum_places.data());
      EXPECT_LT(relative_distance(sums, taps), TestFixture::kTolerance);
    }
  }
}

TEST(WinogradTile, ASecondTileIsTheUpperHalfOfItsPair) {
  const torch::Tensor places = noise({kPoints, kPanel}, 1).to(at::kBFloat16);
  std::vector<const at::BFloat16*> rows;
  for (std::int64_t i = 0; i < kPoints; ++i) rows.push_back(places[i].data_ptr<at::BFloat16>());
  for (const auto* tile : usable_winograd_tiles<at::BFloat16>()) {
    const torch::Tensor points = torch::zeros({kPoints, kPanel});
    const torch::Tensor first = torch::zeros({kPoints, kPanel});
    for (const Pairing pairing : {Pairing::first_tile, Pairing::second_tile}) {
      tile->transform_input[Cut{}](rows.data(), rows.data(), kPanel, pairing, floats_of(points),
                                   kPanel);
      if (pairing == Pairing::first_tile) first.copy_(points);
    }
    const torch::Tensor lower = first.view(at::kInt);
    EXPECT_TRUE(torch::equal(points.view(at::kInt), lower + lower.bitwise_left_shift(16)));
  }
}

}  // namespace
}  // namespace dcgan
