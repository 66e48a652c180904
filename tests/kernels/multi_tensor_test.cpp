#include "kernels/multi_tensor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/reference.h"
#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;
using testing::relative_distance;
using Tensors = std::vector<torch::Tensor>;

/// One tensor with its channels last in memory, one longer than a block, one of a single number.
Tensors make_tensors(std::int64_t seed) {
  return {noise({16, 8, 4, 4}, seed).contiguous(torch::MemoryFormat::ChannelsLast),
          noise({20001}, seed + 1), noise({1}, seed + 2)};
}

Tensors to_double(const Tensors& tensors) {
  Tensors exact;
  for (const torch::Tensor& tensor : tensors) {
    exact.push_back(tensor.to(torch::kFloat64).contiguous());
  }
  return exact;
}

void expect_near(const Tensors& ours, const Tensors& theirs) {
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LT(relative_distance(ours[i], theirs[i]), 1e-6) << i;
  }
}

TEST(AdamUpdate, IsTheReference) {
  const Tensors parameters = make_tensors(1);
  Tensors gradients = make_tensors(11);
  gradients[0] = gradients[0].contiguous();  // in another order than its parameter
  const Tensors first = make_tensors(21);
  const Tensors second = make_tensors(31);
  for (const torch::Tensor& tensor : second) tensor.square_();
  const AdamCoefficients numbers{0.5, 0.99, 1e-3, 0.01, 1.0 / std::sqrt(0.3)};
  const Tensors exact_parameters = to_double(parameters);
  const Tensors exact_gradients = to_double(gradients);
  const Tensors exact_first = to_double(first);
  const Tensors exact_second = to_double(second);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    reference::adam_update(exact_parameters[i], exact_gradients[i], exact_first[i], exact_second[i],
                           numbers);
  }
  adam_update(parameters, gradients, first, second, numbers);
  expect_near(parameters, exact_parameters);
  expect_near(first, exact_first);
  expect_near(second, exact_second);
}

TEST(AdamUpdate, RefusesMomentsInAnotherOrder) {
  const Tensors parameters = make_tensors(1);
  Tensors moments = make_tensors(2);
  moments[0] = moments[0].contiguous();
  EXPECT_THROW(adam_update(parameters, make_tensors(3), moments, make_tensors(4), {}), c10::Error);
}

TEST(UpdateAverages, IsTheReference) {
  const Tensors averages = make_tensors(1);
  const Tensors tensors = make_tensors(11);
  Tensors exact = to_double(averages);
  for (std::size_t i = 0; i < exact.size(); ++i) exact[i].lerp_(to_double(tensors)[i], 0.1);
  update_averages(averages, tensors, 0.1F);
  expect_near(averages, exact);
}

}  // namespace
}  // namespace dcgan
