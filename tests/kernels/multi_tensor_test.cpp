#include "kernels/multi_tensor.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(AdamUpdate, IsTheFormula) {
  const Tensors parameters = make_tensors(1);
  Tensors gradients = make_tensors(11);
  gradients[0] = gradients[0].contiguous();  // in another order than its parameter
  const Tensors first = make_tensors(21);
  const Tensors second = make_tensors(31);
  for (const torch::Tensor& tensor : second) tensor.square_();
  const AdamCoefficients numbers{0.5, 0.99, 1e-3, 0.01, 1.0 / std::sqrt(0.3)};
  Tensors wanted_p;
  Tensors wanted_m;
  Tensors wanted_v;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto g = gradients[i].to(torch::kFloat64);
    wanted_m.push_back(0.5 * first[i].to(torch::kFloat64) + 0.5 * g);
    wanted_v.push_back(0.99 * second[i].to(torch::kFloat64) + 0.01 * g.square());
    wanted_p.push_back(parameters[i].to(torch::kFloat64) -
                       0.01 * wanted_m[i] / ((wanted_v[i] / 0.3).sqrt() + 1e-3));
  }
  adam_update(parameters, gradients, first, second, numbers);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_LT(relative_distance(first[i], wanted_m[i]), 1e-6) << i;
    EXPECT_LT(relative_distance(second[i], wanted_v[i]), 1e-6) << i;
    EXPECT_LT(relative_distance(parameters[i], wanted_p[i]), 1e-6) << i;
  }
}

TEST(AdamUpdate, RefusesMomentsInAnotherOrder) {
  const Tensors parameters = make_tensors(1);
  Tensors moments = make_tensors(2);
  moments[0] = moments[0].contiguous();
  EXPECT_THROW(adam_update(parameters, make_tensors(3), moments, make_tensors(4), {}), c10::Error);
}

TEST(MoveAverages, IsTheFormula) {
  const Tensors averages = make_tensors(1);
  const Tensors tensors = make_tensors(11);
  Tensors wanted;
  for (std::size_t i = 0; i < averages.size(); ++i) {
    wanted.push_back(0.9 * averages[i].to(torch::kFloat64) + 0.1 * tensors[i].to(torch::kFloat64));
  }
  move_averages(averages, tensors, 0.1F);
  for (std::size_t i = 0; i < averages.size(); ++i) {
    EXPECT_LT(relative_distance(averages[i], wanted[i]), 1e-6) << i;
  }
}

}  // namespace
}  // namespace dcgan
