#include "kernels/norm_activation.h"

#include <gtest/gtest.h>

#include "kernels/reference.h"
#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;
using testing::relative_distance;

constexpr double kTolerance = 1e-5;

struct NormCase {
  const char* name;
  std::vector<std::int64_t> sizes;
  double slope;
  std::int64_t batches;
};

void PrintTo(const NormCase& norm_case, std::ostream* out) { *out << norm_case.name; }

NormTensors make_norm(std::int64_t channels) {
  return {noise({channels}, 2) * 0.2 + 1.0, noise({channels}, 3) * 0.2, noise({channels}, 4),
          noise({channels}, 5).square() + 0.5};
}

NormTensors to_double(const NormTensors& norm) {
  return {norm.scale.to(torch::kFloat64), norm.shift.to(torch::kFloat64),
          norm.running_mean.to(torch::kFloat64), norm.running_var.to(torch::kFloat64)};
}

class NormActivation : public ::testing::TestWithParam<NormCase> {
 protected:
  const NormCase case_ = GetParam();
  // A mean far from 0 beside its deviation: where a naive variance loses its digits.
  const torch::Tensor x_ = noise(case_.sizes, 1) * 0.5 + 3.0;
  const NormTensors norm_ = make_norm(case_.sizes[1]);
  const NormTensors exact_ = to_double(norm_);

  /// By the reference in float64; updates the running statistics of `exact_`.
  torch::Tensor exactly(const torch::Tensor& x, bool train) const {
    return reference::norm_activation(x.to(torch::kFloat64), exact_, case_.slope, case_.batches,
                                      train);
  }
};

TEST_P(NormActivation, IsBatchNormAndTheActivation) {
  const torch::Tensor y = norm_activation(x_, norm_, case_.slope, case_.batches);
  EXPECT_LT(relative_distance(y, exactly(x_, true)), kTolerance);
}

TEST_P(NormActivation, MovesTheRunningStatisticsBatchAfterBatch) {
  norm_activation(x_, norm_, case_.slope, case_.batches);
  exactly(x_, true);
  EXPECT_LT(relative_distance(norm_.running_mean, exact_.running_mean), kTolerance);
  EXPECT_LT(relative_distance(norm_.running_var, exact_.running_var), kTolerance);
}

TEST_P(NormActivation, HasTheGradientsOfTheOperators) {
  const auto x = x_.clone().requires_grad_();
  const auto exact_x = x_.to(torch::kFloat64).requires_grad_();
  for (const NormTensors* norm : {&norm_, &exact_}) {
    norm->scale.requires_grad_();
    norm->shift.requires_grad_();
  }
  const auto weights = noise(case_.sizes, 6);
  const auto ours = torch::autograd::grad(
      {(norm_activation(x, norm_, case_.slope, case_.batches) * weights).sum()},
      {x, norm_.scale, norm_.shift});
  const auto theirs = torch::autograd::grad({(exactly(exact_x, true) * weights).sum()},
                                            {exact_x, exact_.scale, exact_.shift});
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LT(relative_distance(ours[i], theirs[i]), kTolerance) << i;
  }
}

TEST_P(NormActivation, HasTheirSecondDerivatives) {
  const auto weights = noise(case_.sizes, 6);
  const auto second = [&](const torch::Tensor& x, const NormTensors& norm, const auto& function) {
    const auto y = function(x);
    const auto first = torch::autograd::grad({(y * weights * y.detach()).sum()}, {x}, {}, true,
                                             /*create_graph=*/true)[0];
    return torch::autograd::grad({first.square().sum()}, {x, norm.scale});
  };
  const auto x = x_.clone().requires_grad_();
  const auto exact_x = x_.to(torch::kFloat64).requires_grad_();
  norm_.scale.requires_grad_();
  exact_.scale.requires_grad_();
  const auto ours = second(x, norm_, [&](const torch::Tensor& in) {
    return norm_activation(in, norm_, case_.slope, case_.batches);
  });
  const auto theirs =
      second(exact_x, exact_, [&](const torch::Tensor& in) { return exactly(in, true); });
  EXPECT_LT(relative_distance(ours[0], theirs[0]), 10 * kTolerance);
  EXPECT_LT(relative_distance(ours[1], theirs[1]), 10 * kTolerance);
}

TEST_P(NormActivation, InBfloat16RoundsOnlyItsResults) {
  // What comes in is rounded already, so that only the last rounding of each result is apart.
  constexpr double kRounding = 1.0 / 256;
  const auto half = x_.to(torch::kBFloat16);
  const auto weights = noise(case_.sizes, 6).to(torch::kBFloat16);
  const auto x = half.clone().requires_grad_();
  const auto exact_x = half.to(torch::kFloat64).requires_grad_();
  for (const NormTensors* norm : {&norm_, &exact_}) {
    norm->scale.requires_grad_();
    norm->shift.requires_grad_();
  }
  const auto y = norm_activation(x, norm_, case_.slope, case_.batches);
  const auto exact_y = exactly(exact_x, true);
  EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
  EXPECT_LT(relative_distance(y.to(torch::kFloat64), exact_y), kRounding);
  EXPECT_LT(relative_distance(norm_.running_var, exact_.running_var), kTolerance);
  const auto ours = torch::autograd::grad({y}, {x, norm_.scale, norm_.shift}, {weights});
  const auto theirs = torch::autograd::grad({exact_y}, {exact_x, exact_.scale, exact_.shift},
                                            {weights.to(torch::kFloat64)});
  EXPECT_EQ(ours[0].scalar_type(), torch::kBFloat16);
  EXPECT_EQ(ours[1].scalar_type(), torch::kFloat32);
  EXPECT_LT(relative_distance(ours[0].to(torch::kFloat64), theirs[0]), kRounding);
  EXPECT_LT(relative_distance(ours[1], theirs[1]), kTolerance);
  EXPECT_LT(relative_distance(ours[2], theirs[2]), kTolerance);
}

TEST_P(NormActivation, InEvalModeUsesTheRunningStatisticsAndMovesNone) {
  const torch::Tensor mean = norm_.running_mean.clone();
  const torch::Tensor y = norm_activation_eval(x_, norm_, case_.slope);
  EXPECT_LT(relative_distance(y, exactly(x_, false)), kTolerance);
  EXPECT_TRUE(torch::equal(norm_.running_mean, mean));
}

TEST_P(NormActivation, IsTheSameWithAnyNumberOfThreads) {
  const int threads = at::get_num_threads();
  const auto run = [&](int count) {
    at::set_num_threads(count);
    const auto x = x_.clone().requires_grad_();
    const auto y = norm_activation(x, make_norm(case_.sizes[1]), case_.slope, case_.batches);
    const auto grad = torch::autograd::grad({(y * noise(case_.sizes, 6)).sum()}, {x})[0];
    return torch::stack({y.detach(), grad});
  };
  const torch::Tensor one = run(1);
  const torch::Tensor three = run(3);
  at::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(one, three));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, NormActivation,
    ::testing::Values(NormCase{"leaky", {8, 32, 7, 7}, 0.2, 1},
                      NormCase{"relu", {6, 16, 14, 14}, 0.0, 1},
                      NormCase{"two_batches", {10, 24, 5, 3}, 0.2, 2},
                      NormCase{"many_blocks", {6, 64, 28, 28}, 0.2, 2},
                      NormCase{"more_channels_than_a_block", {4, 9000, 1, 2}, 0.2, 2},
                      NormCase{"odd_channels", {5, 7, 3, 5}, 0.1, 1},
                      NormCase{"one_channel", {4, 1, 6, 6}, 0.0, 2},
                      NormCase{"no_activation", {4, 20, 4, 4}, 1.0, 1},
                      NormCase{"features", {12, 33}, 0.2, 3}),
    [](const auto& entry) { return std::string(entry.param.name); });

}  // namespace
}  // namespace dcgan
