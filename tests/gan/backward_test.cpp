#include "gan/backward.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// The other half of the batch has thrice this one's numbers.
class OneOfTwo : public Reducer {
 public:
  std::int64_t parts() const override { return 2; }
  void sum(const torch::Tensor& numbers) override {
    counts.push_back(numbers.numel());
    numbers.mul_(4);
  }
  void once(const std::function<void()>& work) override { work(); }

  std::vector<std::int64_t> counts;
};

struct Chain {
  std::vector<torch::Tensor> weights;
  torch::Tensor objective;
};

/// Matrices of 360,000 numbers each, multiplied one after another; one of them is used twice.
Chain make_chain() {
  torch::manual_seed(1);
  Chain chain;
  for (int i = 0; i < 3; ++i) {
    chain.weights.push_back(torch::randn({600, 600}).mul_(0.05).requires_grad_());
  }
  torch::Tensor x = torch::randn({2, 600});
  for (const std::size_t i : {0, 1, 1, 2}) x = x.matmul(chain.weights[i]);
  chain.objective = x.square().mean();
  return chain;
}

TEST(Backward, MakesMeansOfAllPartsInBucketsFromTheLastLayerOn) {
  const Chain expected = make_chain();
  backward(expected.objective, expected.weights, {}, nullptr);
  const Chain chain = make_chain();
  const torch::Tensor loss = torch::full({}, 3.F);
  const torch::Tensor statistics = torch::tensor({1.F, 2.F});
  OneOfTwo reducer;
  backward(chain.objective, chain.weights, {loss, statistics}, &reducer);
  for (std::size_t i = 0; i < chain.weights.size(); ++i) {
    EXPECT_TRUE(torch::equal(chain.weights[i].grad(), expected.weights[i].grad() * 2));
  }
  EXPECT_EQ(loss.item<float>(), 6);
  EXPECT_TRUE(torch::equal(statistics, torch::tensor({2.F, 4.F})));
  EXPECT_EQ(reducer.counts, (std::vector<std::int64_t>{360'000, 360'000, 360'003}));
}

TEST(Backward, RefusesAParameterWithoutAGradient) {
  const Chain chain = make_chain();
  OneOfTwo reducer;
  std::vector<torch::Tensor> parameters = chain.weights;
  parameters.push_back(torch::zeros({1}).requires_grad_());
  EXPECT_THROW(backward(chain.objective, parameters, {}, &reducer), c10::Error);
}

}  // namespace
}  // namespace dcgan
