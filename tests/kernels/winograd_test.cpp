#include "kernels/winograd/winograd.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/reference.h"
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

/// Calls `test` with the loops for each kind of CPU that this one can be.
template <typename Number, typename Test>
void on_every_kind_of_cpu(const Test& test) {
  const WinogradTile<Number>* const fastest = winograd_tile<Number>();
  const auto kinds = usable_winograd_tiles<Number>();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    SCOPED_TRACE("kind " + std::to_string(kind));
    winograd_tile<Number>() = kinds[kind];
    test();
  }
  winograd_tile<Number>() = fastest;
}

/// Root of the mean square of the differences over that of `exact`.
double relative_norm(const torch::Tensor& ours, const torch::Tensor& exact) {
  return ((ours - exact).norm() / exact.norm()).item<double>();
}

class WinogradOf : public ::testing::TestWithParam<ConvolutionCase> {
 protected:
  std::array<std::int64_t, 2> map() const {
    const auto places = [&](std::size_t d) {
      return (shape_.size[d] + 2 * window_.padding[d] - window_.kernel[d]) / 2 + 1;
    };
    return {places(0), places(1)};
  }

  /// All three products beside those of the same numbers by the reference, in float64.
  template <typename Number>
  void expect_the_reference(at::ScalarType type, double norm, double distance) const {
    const torch::Tensor images = x_.to(type);
    const torch::Tensor kernel = weight_.to(type);
    const torch::Tensor grad = grad_.to(type);
    const torch::Tensor x = images.to(torch::kFloat64).requires_grad_();
    const torch::Tensor weight = kernel.to(torch::kFloat64).requires_grad_();
    const torch::Tensor y = reference::convolution(x, weight, window_);
    const auto grads = torch::autograd::grad({y}, {x, weight}, {grad.to(torch::kFloat64)});
    const auto expect_close = [&](const torch::Tensor& ours, const torch::Tensor& exact) {
      EXPECT_EQ(ours.scalar_type(), type);
      EXPECT_TRUE(ours.is_contiguous(kLast));
      EXPECT_LT(relative_norm(ours, exact), norm);
      EXPECT_LT(relative_distance(ours, exact), distance);
    };
    on_every_kind_of_cpu<Number>([&] {
      expect_close(winograd_forward(images, kernel, window_, map()), y);
      expect_close(winograd_data(grad, kernel, window_, shape_.size), grads[0]);
      expect_close(winograd_weight(images, grad, window_, type), grads[1]);
    });
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

TEST_P(WinogradOf, IsTheReferenceOnEveryKindOfCpu) {
  expect_the_reference<float>(at::kFloat, kTolerance, kTolerance);
}

// The reference's are exact products; those of the transformed numbers, rounded to bfloat16 once
// more, are not.
TEST_P(WinogradOf, InBfloat16IsTheReferenceWithinItsRounding) {
  expect_the_reference<at::BFloat16>(at::kBFloat16, 1e-2, 2e-2);
}

TEST_P(WinogradOf, HasTheSameBitsWithAnyNumberOfThreadsAndForAnImageAlone) {
  expect_the_same_bits(at::kFloat);
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

INSTANTIATE_TEST_SUITE_P(Shapes, WinogradOf, ::testing::ValuesIn(kShapes),
                         [](const auto& entry) { return std::string(entry.param.name); });

/// Channels decide how much is one product: a number that divides nothing must not be left out.
void expect_any_number_of_channels(at::ScalarType type, double tolerance) {
  const Window window{{4, 4}, {2, 2}, {1, 1}};
  const std::array<std::int64_t, 2> size{8, 8};
  const std::array<std::int64_t, 2> map{4, 4};
  const auto random = [type](at::IntArrayRef sizes, std::int64_t seed) {
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

}  // namespace
}  // namespace dcgan
