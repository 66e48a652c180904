#include "model/forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <future>

#include "config/fields.h"
#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;

Network some_generator(const Config& config) {
  Network network = make_network(plan_generator(config), torch::kCPU);
  initialise(network, 1, Purpose::generator_init, 0.1);
  return network;
}

Network some_discriminator(const Config& config) {
  Network network = make_network(plan_discriminator(config), torch::kCPU);
  initialise(network, 1, Purpose::discriminator_init, 0.1);
  return network;
}

TEST(Forward, InEvalModeAnImageDoesNotDependOnItsBatchMates) {
  Config config;
  config.model.base_channels = 8;
  Network network = some_generator(config);
  const torch::NoGradGuard no_grad;
  const auto latents = noise({6, 100}, 4);
  const auto together = forward(network, latents, Mode::eval);
  const auto alone = forward(network, latents.narrow(0, 2, 1), Mode::eval);
  EXPECT_TRUE(torch::allclose(together[2], alone[0], 1e-5, 1e-6));
}

TEST(Forward, OnlyTrainModeMovesTheRunningStatistics) {
  Config config;
  config.model.base_channels = 8;
  Network network = some_generator(config);
  const torch::NoGradGuard no_grad;
  const auto before = network.layers[0].running_mean.clone();
  forward(network, noise({6, 100}, 4), Mode::eval);
  EXPECT_TRUE(torch::equal(network.layers[0].running_mean, before));
  forward(network, noise({6, 100}, 4), Mode::train);
  EXPECT_FALSE(torch::equal(network.layers[0].running_mean, before));
}

TEST(Forward, OfOneModeDiffersOnlyByTheOtherLatents) {
  Config config;
  config.model.base_channels = 8;
  config.model.latent_dim = 6;
  config.model.latent_modes = 4;
  Network network = some_generator(config);
  const torch::NoGradGuard no_grad;
  torch::Tensor latents = noise({1, 6}, 4);
  const torch::Tensor image = forward(network, latents, Mode::eval);
  const std::int64_t mode = latents[0].narrow(0, 0, 4).argmax().item<std::int64_t>();
  latents[0][mode] += 1.0;  // the same mode
  EXPECT_TRUE(torch::equal(forward(network, latents, Mode::eval), image));
  latents[0][(mode + 1) % 4] = latents[0][mode] + 1.0;  // another
  EXPECT_FALSE(torch::allclose(forward(network, latents, Mode::eval), image));
}

TEST(Forward, ADiscriminatorWithClassesAddsTheLogitOfTheClass) {
  Config config;
  config.model.base_channels = 4;
  config.model.latent_modes = 6;
  config.model.classes = 3;
  Network network = some_discriminator(config);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = noise({4, 1, 28, 28}, 4);
  const torch::Tensor classes = torch::tensor({2, 0, 1, 2});
  const torch::Tensor all = forward(network, images, Mode::eval).flatten(1);  // [4, 1 + 3]
  const torch::Tensor logits = forward(network, images, Mode::eval, {.classes = classes});
  ASSERT_EQ(all.sizes(), (std::vector<std::int64_t>{4, 4}));
  ASSERT_EQ(logits.sizes(), (std::vector<std::int64_t>{4}));
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::int64_t of_class = classes[i].item<std::int64_t>();
    EXPECT_EQ(logits[i].item<float>(),
              all[i][0].item<float>() + all[i][1 + of_class].item<float>());
  }
}

TEST(Forward, OfTwoBatchesIsThatOfEach) {
  for (const auto& [kind, norm] :
       {std::pair(ModelKind::dcgan, Norm::batch), std::pair(ModelKind::dense, Norm::batch),
        std::pair(ModelKind::dcgan, Norm::spectral)}) {
    Config config;
    config.model.kind = kind;
    config.discriminator.norm = norm;
    config.model.base_channels = 8;
    Network together = some_discriminator(config);
    Network alone = copy_to(together, torch::kCPU);
    const torch::NoGradGuard no_grad;
    const torch::Tensor images = noise({10, 1, 28, 28}, 4);
    const torch::Tensor logits = forward(together, images, Mode::train, {.batches = 2});
    const torch::Tensor first = forward(alone, images.narrow(0, 0, 5), Mode::train);
    const torch::Tensor second = forward(alone, images.narrow(0, 5, 5), Mode::train);
    EXPECT_TRUE(torch::allclose(logits, torch::cat({first, second}), 1e-5, 1e-5));
    const auto ours = named_tensors(together);
    const auto theirs = named_tensors(alone);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(torch::allclose(ours[i].second, theirs[i].second, 1e-5, 1e-6)) << ours[i].first;
    }
  }
}

/// D's logits, the gradient in its images and those in its parameters.
std::vector<torch::Tensor> judged(const Network& network, const torch::Tensor& images,
                                  bool bfloat16) {
  const torch::Tensor x = images.clone().requires_grad_();
  const torch::Tensor logits = forward(network, x, Mode::train, {.bfloat16 = bfloat16});
  std::vector<torch::Tensor> wanted = parameters(network);
  wanted.push_back(x);
  std::vector<torch::Tensor> results =
      torch::autograd::grad({torch::softplus(logits).mean()}, wanted);
  results.push_back(logits);
  return results;
}

TEST(Forward, InBfloat16IsNearFloat32AndGivesFloat32) {
  for (const ModelKind kind : {ModelKind::dcgan, ModelKind::dense}) {
    for (const Norm norm : {Norm::batch, Norm::none, Norm::layer, Norm::spectral}) {
      Config config;
      config.model.kind = kind;
      config.model.base_channels = 8;
      config.data.channels = 3;
      config.discriminator.norm = norm;
      const torch::Tensor images = noise({64, 3, 28, 28}, 4);
      const auto exact = judged(some_discriminator(config), images, false);
      const auto rounded = judged(some_discriminator(config), images, true);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        EXPECT_EQ(rounded[i].scalar_type(), torch::kFloat32) << i;
        const bool is_logits = i + 1 == exact.size();
        const double distance = ((rounded[i] - exact[i]).norm() / exact[i].norm()).item<double>();
        // A unit that the rounding moves over a ReLU's kink has another gradient altogether.
        EXPECT_LT(distance, is_logits ? 0.02 : 0.1) << to_string(kind) << to_string(norm) << i;
        EXPECT_GT(distance, 1e-5) << to_string(kind) << to_string(norm) << i;
      }
    }
  }
}

TEST(Forward, OfAGeneratorInBfloat16IsNearFloat32) {
  for (const Upsampling upsampling :
       {Upsampling::transposed, Upsampling::nearest, Upsampling::bilinear}) {
    Config config;
    config.model.base_channels = 8;
    config.model.latent_modes = 10;
    config.model.upsampling = upsampling;
    Network network = some_generator(config);
    const torch::NoGradGuard no_grad;
    const torch::Tensor latents = noise({10, 100}, 4);
    const torch::Tensor exact = forward(network, latents, Mode::train);
    const torch::Tensor rounded = forward(network, latents, Mode::train, {.bfloat16 = true});
    EXPECT_EQ(rounded.scalar_type(), torch::kFloat32);
    EXPECT_LT(((rounded - exact).norm() / exact.norm()).item<double>(), 0.03);
    EXPECT_FALSE(torch::equal(rounded, exact));
  }
}

TEST(Forward, InBfloat16PoolsAndEnlargesBothWays) {
  const torch::Tensor images = noise({8, 1, 21, 13}, 4);
  for (const auto& [downsampling, upsampling] :
       {std::pair(Downsampling::max_pool, Upsampling::nearest),
        std::pair(Downsampling::avg_pool, Upsampling::bilinear)}) {
    Config config;
    config.model.base_channels = 8;
    config.data.image_size = {21, 13};
    config.model.downsampling = downsampling;
    config.model.upsampling = upsampling;
    const auto exact = judged(some_discriminator(config), images, false);
    const auto rounded = judged(some_discriminator(config), images, true);
    EXPECT_LT(((rounded.back() - exact.back()).norm() / exact.back().norm()).item<double>(), 0.05);
    const Network generator = some_generator(config);
    forward(generator, noise({8, 100}, 5), Mode::train, {.bfloat16 = true}).sum().backward();
    EXPECT_TRUE(generator.layers.front().weight.grad().isfinite().all().item<bool>());
  }
}

TEST(Forward, UnderLayerAndInstanceNormAnImageDoesNotDependOnItsBatchMates) {
  for (const Norm norm : {Norm::layer, Norm::instance}) {
    Config config;
    config.model.base_channels = 8;
    config.discriminator.norm = norm;
    const Network network = some_discriminator(config);
    const torch::NoGradGuard no_grad;
    const torch::Tensor images = noise({6, 1, 28, 28}, 4);
    const torch::Tensor together = forward(network, images, Mode::train);
    const torch::Tensor alone = forward(network, images.narrow(0, 2, 1), Mode::eval);
    EXPECT_TRUE(torch::allclose(together[2], alone[0], 1e-5, 1e-6)) << to_string(norm);
  }
}

TEST(Forward, UnderSpectralNormEachWeightComesToHaveNormOne) {
  for (const ModelKind kind : {ModelKind::dcgan, ModelKind::dense}) {
    Config config;
    config.model.kind = kind;
    config.model.base_channels = 4;
    config.generator.norm = Norm::spectral;
    Network network = some_generator(config);
    const torch::NoGradGuard no_grad;
    for (int i = 0; i < 100; ++i) forward(network, noise({2, 100}, 4), Mode::train);
    for (const Layer& layer : network.layers) {
      const bool transposed = layer.plan.kind == LayerKind::transposed_convolution;
      const torch::Tensor matrix =
          (transposed ? layer.weight.transpose(0, 1) : layer.weight).flatten(1);
      const double largest = at::linalg_matrix_norm(matrix, 2).item<double>();
      const torch::Tensor followed = matrix.t().mv(layer.spectral_u);
      EXPECT_NEAR(followed.norm().item<double>(), largest, 2e-3 * largest) << layer.plan.name;
    }
    const torch::Tensor u = network.layers.front().spectral_u.clone();
    forward(network, noise({2, 100}, 4), Mode::eval);
    EXPECT_TRUE(torch::equal(network.layers.front().spectral_u, u));
  }
}

TEST(Forward, SaysWhatLibTorchsOperatorsCompute) {
  Config config;
  EXPECT_THAT(stock_operations(plan_generator(config)), ::testing::IsEmpty());
  config.model.upsampling = Upsampling::nearest;
  config.generator.norm = Norm::spectral;
  EXPECT_THAT(stock_operations(plan_generator(config)),
              ::testing::ElementsAre("spectral norm", "nearest"));
}

struct PlainCase {
  ModelKind kind;
  std::int64_t height;
  std::int64_t width;
  std::int64_t channels;
  Activation activation;
  Norm norm;
  Downsampling downsampling = Downsampling::stride;
  Upsampling upsampling = Upsampling::transposed;
};

void PrintTo(const PlainCase& plain, std::ostream* out) {
  *out << to_string(plain.kind) << '_' << plain.height << 'x' << plain.width << 'x'
       << plain.channels << '_' << to_string(plain.activation) << '_' << to_string(plain.norm)
       << '_' << to_string(plain.downsampling);
}

/// A float64 network takes LibTorch's operators, with which the kernels must agree.
class ForwardAgainstOperators : public ::testing::TestWithParam<PlainCase> {};

TEST_P(ForwardAgainstOperators, HasItsResultGradientsAndSecondDerivatives) {
  const PlainCase plain = GetParam();
  Config config;
  config.model.kind = plain.kind;
  config.model.base_channels = 8;
  config.model.dense_widths = {24, 16};
  config.data.image_size = {plain.height, plain.width};
  config.data.channels = plain.channels;
  config.generator.activation = config.discriminator.activation = plain.activation;
  config.generator.norm = config.discriminator.norm = plain.norm;
  config.model.downsampling = plain.downsampling;
  config.model.upsampling = plain.upsampling;
  const auto compare = [](const NetworkPlan& plan, const torch::Tensor& input) {
    Network network = make_network(plan, torch::kCPU);
    initialise(network, 1, Purpose::generator_init, 0.1);
    Network exact = copy_to(network, torch::kCPU);
    for (Layer& layer : exact.layers) {
      for (torch::Tensor* tensor :
           {&layer.weight, &layer.bias, &layer.norm_scale, &layer.norm_shift, &layer.running_mean,
            &layer.running_var, &layer.spectral_u}) {
        if (tensor->defined()) *tensor = tensor->detach().to(torch::kFloat64);
      }
    }
    set_requires_grad(exact, true);
    const auto derive = [&](const Network& of, const torch::Tensor& leaf) {
      const torch::Tensor x = leaf.detach().clone().requires_grad_();
      const torch::Tensor y = forward(of, x, Mode::train);
      std::vector<torch::Tensor> wanted = parameters(of);
      wanted.push_back(x);
      std::vector<torch::Tensor> all = torch::autograd::grad({y.square().sum()}, wanted, {}, true);
      const auto slope = torch::autograd::grad({y.sum()}, {x}, {}, true, /*create_graph=*/true)[0];
      wanted.pop_back();
      const auto second = torch::autograd::grad({slope.square().sum()}, wanted, {}, true, false,
                                                /*allow_unused=*/true);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        all.push_back(second[i].defined() ? second[i] : torch::zeros_like(wanted[i]));
      }
      all.push_back(y.detach());
      return all;
    };
    const auto ours = derive(network, input);
    const auto theirs = derive(exact, input.to(torch::kFloat64));
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_LT(testing::relative_distance(ours[i], theirs[i]), 5e-5) << plan.name << ", " << i;
    }
  };
  compare(plan_generator(config), noise({6, config.model.latent_dim}, 4));
  compare(plan_discriminator(config), noise({6, plain.channels, plain.height, plain.width}, 5));
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ForwardAgainstOperators,
    ::testing::Values(PlainCase{ModelKind::dcgan, 28, 28, 1, Activation::relu, Norm::batch},
                      PlainCase{ModelKind::dcgan, 28, 28, 1, Activation::leaky_relu, Norm::batch},
                      PlainCase{ModelKind::dcgan, 28, 28, 3, Activation::leaky_relu, Norm::none},
                      PlainCase{ModelKind::dcgan, 32, 32, 3, Activation::elu, Norm::batch},
                      PlainCase{ModelKind::dcgan, 21, 13, 1, Activation::selu, Norm::batch},
                      PlainCase{ModelKind::dcgan, 26, 11, 3, Activation::gelu, Norm::batch},
                      PlainCase{ModelKind::dcgan, 64, 64, 3, Activation::swish, Norm::batch},
                      PlainCase{ModelKind::dcgan, 17, 40, 1, Activation::relu, Norm::none},
                      PlainCase{ModelKind::dense, 28, 28, 1, Activation::leaky_relu, Norm::batch},
                      PlainCase{ModelKind::dense, 13, 9, 3, Activation::gelu, Norm::none},
                      PlainCase{ModelKind::dcgan, 28, 28, 3, Activation::gelu, Norm::layer},
                      PlainCase{ModelKind::dcgan, 28, 28, 3, Activation::gelu, Norm::instance},
                      PlainCase{ModelKind::dcgan, 28, 28, 3, Activation::gelu, Norm::spectral},
                      PlainCase{ModelKind::dense, 13, 9, 3, Activation::gelu, Norm::spectral},
                      PlainCase{ModelKind::dcgan, 28, 28, 3, Activation::gelu, Norm::batch,
                                Downsampling::max_pool, Upsampling::nearest},
                      PlainCase{ModelKind::dcgan, 21, 13, 1, Activation::gelu, Norm::batch,
                                Downsampling::avg_pool, Upsampling::bilinear}),
    [](const auto& entry) { return ::testing::PrintToString(entry.param); });

struct ActivationCase {
  Activation activation;
  double at_minus_one;  ///< its value there, slope 0.3
};

void PrintTo(const ActivationCase& activation, std::ostream* out) {
  *out << to_string(activation.activation);
}

class ForwardWithActivation : public ::testing::TestWithParam<ActivationCase> {};

TEST_P(ForwardWithActivation, AppliesTheFormula) {
  // One hidden linear unit with weight 1: G(z) = tanh(f(z)).
  Config config;
  config.model.kind = ModelKind::dense;
  config.model.latent_dim = 1;
  config.model.dense_widths = {1};
  config.generator.norm = Norm::none;
  config.generator.activation = GetParam().activation;
  config.generator.slope = 0.3;
  Network network = make_network(plan_generator(config), torch::kCPU);
  const torch::NoGradGuard no_grad;
  for (Layer& layer : network.layers) layer.weight.fill_(1.0);
  const auto image = forward(network, torch::full({1, 1}, -1.0), Mode::eval);
  EXPECT_NEAR(image.flatten()[0].item<double>(), std::tanh(GetParam().at_minus_one), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Activations, ForwardWithActivation,
    ::testing::Values(ActivationCase{Activation::relu, 0.0},
                      ActivationCase{Activation::leaky_relu, -0.3},
                      ActivationCase{Activation::elu, 0.3 * (std::exp(-1.0) - 1.0)},
                      ActivationCase{Activation::selu, 1.0507009873554805 * 1.6732632423543772 *
                                                           (std::exp(-1.0) - 1.0)},
                      ActivationCase{Activation::gelu, -0.15865525393145707},
                      ActivationCase{Activation::swish, -1.0 / (1.0 + std::exp(0.3))}));

/// What the halves of a batch share, each in a thread.
struct Halves {
  std::barrier<> both{2};
  std::array<torch::Tensor, 2> numbers;
};

class HalfReducer : public Reducer {
 public:
  HalfReducer(Halves& halves, std::size_t half) : halves_(halves), half_(half) {}
  std::int64_t parts() const override { return 2; }
  void sum(const torch::Tensor& numbers) override {
    halves_.numbers[half_] = numbers.clone();
    halves_.both.arrive_and_wait();
    numbers.copy_(halves_.numbers[0] + halves_.numbers[1]);
    halves_.both.arrive_and_wait();
  }
  void once(const std::function<void()>& work) override { work(); }

 private:
  Halves& halves_;
  std::size_t half_;
};

/// As a GPU takes it: LibTorch's operators in place of our kernels, here in float64.
TEST(Forward, OfHalvesHasTheStatisticsAndSecondDerivativesOfTheWhole) {
  Config config;
  config.model.base_channels = 4;
  const torch::Tensor images = noise({6, 1, 28, 28}, 2).to(torch::kFloat64);
  const torch::Tensor weights = noise({6}, 3).to(torch::kFloat64);
  // The gradients of a penalty, then the running statistics.
  const auto compute = [&](const torch::Tensor& x, const torch::Tensor& factors, Reducer* reducer) {
    Network network = some_discriminator(config);
    for (Layer& layer : network.layers) {
      for (torch::Tensor* tensor : {&layer.weight, &layer.bias, &layer.norm_scale,
                                    &layer.norm_shift, &layer.running_mean, &layer.running_var}) {
        if (!tensor->defined()) continue;
        const bool is_trained = tensor->requires_grad();
        *tensor = tensor->detach().to(torch::kFloat64).set_requires_grad(is_trained);
      }
    }
    const torch::Tensor input = x.clone().requires_grad_();
    const torch::Tensor logits = forward(network, input, Mode::train, {.reducer = reducer});
    const torch::Tensor slope =
        torch::autograd::grad({(logits * factors).sum()}, {input}, {}, true, true)[0];
    std::vector<torch::Tensor> found =
        torch::autograd::grad({slope.square().sum()}, parameters(network), {}, false, false, true);
    for (torch::Tensor& one : found) one = one.defined() ? one : torch::zeros({1});
    found.push_back(network.layers[1].running_mean);
    found.push_back(network.layers[1].running_var);
    return found;
  };
  const auto whole = compute(images, weights, nullptr);
  Halves halves;
  const auto half = [&](std::int64_t index) {
    HalfReducer reducer(halves, static_cast<std::size_t>(index));
    return compute(images.narrow(0, 3 * index, 3), weights.narrow(0, 3 * index, 3), &reducer);
  };
  auto other = std::async(std::launch::async, half, 1);
  const auto first = half(0);
  const auto second = other.get();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const bool is_statistic = i + 2 >= whole.size();  // the same in both
    const torch::Tensor both = is_statistic ? first[i] : first[i] + second[i];
    EXPECT_TRUE(torch::allclose(both, whole[i], 1e-9, 1e-12)) << i;
  }
}

}  // namespace
}  // namespace dcgan
