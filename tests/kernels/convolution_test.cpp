#include "kernels/convolution.h"

#include <gtest/gtest.h>

#include "kernels/reference.h"
#include "runtime/torch.h"
#include "support/convolution_case.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::ConvolutionCase;
using testing::noise;
using testing::relative_distance;
using Tensors = std::vector<torch::Tensor>;

constexpr double kTolerance = 1e-5;

/// A function of (x, weight) and its derivatives: y, dx, dw, and of |dx|^2 again dx, dw.
template <typename Function>
Tensors derivatives(const Function& function, const torch::Tensor& x, const torch::Tensor& weight) {
  const auto leaf_x = x.clone().requires_grad_();
  const auto leaf_weight = weight.clone().requires_grad_();
  const torch::Tensor y = function(leaf_x, leaf_weight);
  const torch::Tensor loss = y.pow(3).sum();
  const Tensors first = torch::autograd::grad({loss}, {leaf_x, leaf_weight}, {}, true);
  const Tensors again = torch::autograd::grad({loss}, {leaf_x}, {}, true, /*create_graph=*/true);
  const Tensors second = torch::autograd::grad({again[0].square().sum()}, {leaf_x, leaf_weight});
  return {y.detach(), first[0], first[1], second[0], second[1]};
}

void expect_equal(const Tensors& ours, const Tensors& theirs) {
  const char* const names[] = {"y", "dx", "dw", "second dx", "second dw"};
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LT(relative_distance(ours[i], theirs[i]), kTolerance) << names[i];
  }
}

class ConvolutionOf : public ::testing::TestWithParam<ConvolutionCase> {
 protected:
  const ConvolutionCase shape_ = GetParam();
  const Window window_ = shape_.window;
  const torch::Tensor weight_ =
      noise({shape_.out, shape_.in, window_.kernel[0], window_.kernel[1]}, 1);
  const torch::Tensor x_ = noise({shape_.images, shape_.in, shape_.size[0], shape_.size[1]}, 2);

  torch::Tensor stock(const torch::Tensor& x, const torch::Tensor& weight) const {
    return reference::convolution(x, weight, window_);
  }
};

TEST_P(ConvolutionOf, IsTheOperatorTwiceDifferentiated) {
  const auto last = torch::MemoryFormat::ChannelsLast;
  const Tensors theirs = derivatives([&](const auto& x, const auto& w) { return stock(x, w); },
                                     x_.to(torch::kFloat64), weight_.to(torch::kFloat64));
  const auto ours = [&](const auto& x, const auto& w) { return convolution(x, w, window_); };
  expect_equal(derivatives(ours, x_, weight_), theirs);
  expect_equal(derivatives(ours, x_.contiguous(last), weight_.contiguous(last)), theirs);
}

TEST_P(ConvolutionOf, TransposedIsTheOperatorTwiceDifferentiated) {
  const torch::Tensor map = noise(stock(x_, weight_).sizes(), 3);
  const auto size = shape_.size;
  const Tensors theirs = derivatives(
      [&](const auto& x, const auto& w) {
        return reference::transposed_convolution(x, w, window_, size);
      },
      map.to(torch::kFloat64), weight_.to(torch::kFloat64));
  const auto ours = [&](const auto& x, const auto& w) {
    return transposed_convolution(x, w, window_, size);
  };
  const auto last = torch::MemoryFormat::ChannelsLast;
  expect_equal(derivatives(ours, map, weight_), theirs);
  expect_equal(derivatives(ours, map.contiguous(last), weight_.contiguous(last)), theirs);
}

/// y, dx and dw in bfloat16, of a weight of `weight_type`, beside float64's of the same numbers.
void expect_rounded(const torch::Tensor& x, const torch::Tensor& weight, const Window& window,
                    at::ScalarType weight_type) {
  const auto derive = [&](at::ScalarType type, at::ScalarType type_of_weight,
                          const auto& function) {
    const torch::Tensor leaf_x = x.to(torch::kBFloat16).to(type).requires_grad_();
    const torch::Tensor leaf_weight =
        weight.to(torch::kBFloat16).to(type_of_weight).requires_grad_();
    const torch::Tensor y = function(leaf_x, leaf_weight);
    const torch::Tensor grad = noise(y.sizes(), 4).to(torch::kBFloat16).to(type);
    const Tensors first = torch::autograd::grad({y}, {leaf_x, leaf_weight}, {grad});
    return Tensors{y.detach(), first[0], first[1]};
  };
  const Tensors ours =
      derive(torch::kBFloat16, weight_type, [&](const auto& of_x, const auto& of_weight) {
        return convolution(of_x, of_weight, window);
      });
  const Tensors theirs =
      derive(torch::kFloat64, torch::kFloat64, [&](const auto& of_x, const auto& of_weight) {
        return reference::convolution(of_x, of_weight, window);
      });
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].scalar_type(), i == 2 ? weight_type : torch::kBFloat16);
    // Not 1/256: LibTorch 1.13 adds up products as small as these in bfloat16.
    EXPECT_LT(relative_distance(ours[i].to(torch::kFloat64), theirs[i]), 1.0 / 64) << i;
  }
}

TEST_P(ConvolutionOf, InBfloat16RoundsOnlyItsResults) {
  expect_rounded(x_, weight_, window_, torch::kBFloat16);
}

TEST_P(ConvolutionOf, InBfloat16GivesAFloat32WeightAFloat32Gradient) {
  expect_rounded(x_, weight_, window_, torch::kFloat32);
  // That of a gradient too.
  const auto second = [&](const torch::Tensor& weight) {
    const torch::Tensor x = x_.to(torch::kBFloat16).requires_grad_();
    const torch::Tensor leaf = weight.clone().requires_grad_();
    const torch::Tensor y = convolution(x, leaf, window_);
    const torch::Tensor first = torch::autograd::grad({y.sum()}, {x}, {}, true, true)[0];
    return torch::autograd::grad({first.to(torch::kFloat32).square().sum()}, {leaf})[0];
  };
  const torch::Tensor rounded = weight_.to(torch::kBFloat16);
  const torch::Tensor of_float = second(rounded.to(torch::kFloat32));
  EXPECT_EQ(of_float.scalar_type(), torch::kFloat32);
  EXPECT_LT(relative_distance(of_float, second(rounded).to(torch::kFloat64)), 1.0 / 64);
}

constexpr Window kEven{{4, 4}, {2, 2}, {1, 1}};
constexpr Window kOdd{{3, 3}, {2, 2}, {1, 1}};

INSTANTIATE_TEST_SUITE_P(
    Shapes, ConvolutionOf,
    ::testing::Values(ConvolutionCase{"middle", 3, 8, {14, 14}, 16, kEven},
                      ConvolutionCase{"odd", 3, 8, {7, 7}, 12, kOdd},
                      ConvolutionCase{"odd_by_even", 2, 5, {13, 6}, 7, {{3, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"grey", 4, 1, {28, 28}, 16, kEven},
                      ConvolutionCase{"grey_odd", 4, 1, {13, 21}, 8, kOdd},
                      ConvolutionCase{"colour", 3, 3, {12, 10}, 8, kEven},
                      ConvolutionCase{"four_channels", 2, 4, {5, 8}, 6, {{3, 4}, {2, 2}, {1, 1}}},
                      ConvolutionCase{"rounded", 2, 2, {9, 9}, 3, kEven},
                      ConvolutionCase{"whole", 5, 24, {4, 4}, 1, {{4, 4}, {1, 1}, {0, 0}}},
                      ConvolutionCase{"whole_oblong", 5, 24, {2, 3}, 10, {{2, 3}, {1, 1}, {0, 0}}},
                      ConvolutionCase{"one_image", 1, 6, {4, 4}, 9, {{4, 4}, {1, 1}, {0, 0}}}),
    [](const auto& entry) { return std::string(entry.param.name); });

TEST(Convolution, InBfloat16SumsTheWeightsGradientOverPartsOfALargeBatch) {
  expect_rounded(noise({20, 64, 32, 32}, 2), noise({8, 64, 4, 4}, 1), kEven, torch::kBFloat16);
}

TEST(UnfoldPatches, HasWhatEachPlaceSeesAndZerosOutside) {
  // The columns -1 0 1 and 1 2 3 of three, and the rows -1 0 of one.
  const torch::Tensor image = torch::tensor({1.0F, 2.0F, 3.0F}).view({1, 1, 1, 3});
  const torch::Tensor patches = unfold_patches(image, {{2, 3}, {1, 2}, {1, 1}}, {1, 2});
  EXPECT_EQ(patches.sizes(), torch::IntArrayRef({1, 1, 2, 2, 3, 1}));
  EXPECT_TRUE(torch::equal(patches.flatten(), torch::tensor({0.0F, 0.0F, 0.0F, 0.0F, 1.0F, 2.0F,  //
                                                             0.0F, 0.0F, 0.0F, 2.0F, 3.0F, 0.0F})));
}

TEST_P(ConvolutionOf, UnfoldsAndFoldsPatchesAsTheReference) {
  const torch::Tensor y = stock(x_, weight_);
  const std::array map{y.size(2), y.size(3)};
  const torch::Tensor patches = unfold_patches(x_, window_, map);
  EXPECT_TRUE(torch::equal(patches, reference::unfold_patches(x_, window_, map)));
  EXPECT_LT(relative_distance(fold_patches(patches, window_, shape_.size),
                              reference::fold_patches(patches, window_, shape_.size)),
            kTolerance);
}

TEST(FoldPatches, AddsWhatOverlapsAndDropsWhatIsOutside) {
  // One row of two places, kernel 1x3, stride 2, padding 1: columns -1 0 1 and 1 2 3 of three.
  const torch::Tensor patches =
      torch::tensor({1.0F, 2.0F, 3.0F, 10.0F, 20.0F, 30.0F}).view({1, 1, 2, 1, 3, 1});
  const torch::Tensor image = fold_patches(patches, {{1, 3}, {1, 2}, {0, 1}}, {1, 3});
  EXPECT_TRUE(torch::equal(image.flatten(), torch::tensor({2.0F, 13.0F, 20.0F})));
}

}  // namespace
}  // namespace dcgan
