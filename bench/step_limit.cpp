// What a training step costs beside what its convolutions alone would cost.
//
//   step_limit [SIZE [CHANNELS [BASE_CHANNELS [BATCH [THREADS [ROUNDS [PRECISION]]]]]]]
//              28    1         64             64     0        5       fp32 (or bf16)
//
// Times in turns, ROUNDS times: every product of the step's convolutions by itself, each in every
// way that there is (LibTorch's operators on contiguous and on channels-last tensors, the kernels
// of dcgan/kernels), and train_step() on one fixed batch, without R1 and with it. The limit is the
// sum of each product's fastest way, operators_limit that of the fastest operators of LibTorch.
// Prints one JSON line with each round's milliseconds.
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/fields.h"
#include "dcgan/config.h"
#include "gan/train_step.h"
#include "kernels/convolution.h"
#include "model/forward.h"
#include "model/plan.h"
#include "runtime/device.h"

namespace {

using namespace dcgan;

/// Something of each product of a convolution; kernels/convolution.h names them.
template <typename T>
struct OfEachProduct {
  T forward{};
  T data{};
  T weight{};
};

/// A layer's convolution (a transposed one read from its images' side) and how often a step takes
/// each of its products over a batch.
struct Convolution {
  std::string name;
  ImageShape image{};  ///< the larger maps
  ImageShape map{};    ///< the smaller ones
  Window window;
  OfEachProduct<int> times;
  bool in_discriminator = false;  ///< R1 takes all three once more
};

/// G's forward is a data product, its gradient in its input a forward one. D judges real, fake and,
/// moved, fake again; only the last of these asks for the images' gradient, and for none in the
/// weights. R1 takes D's gradient in the real images (data) and differentiates that (forward in the
/// gradient, weight in the weights).
std::vector<Convolution> convolutions_of(const Config& config) {
  std::vector<Convolution> all;
  const auto add = [&all](const std::string& network, const LayerPlan& layer,
                          OfEachProduct<int> times) {
    const bool up = layer.kind == LayerKind::transposed_convolution;
    all.push_back({network + " " + layer.name,
                   up ? layer.output : layer.input,
                   up ? layer.input : layer.output,
                   {layer.kernel, layer.stride, layer.padding},
                   times,
                   !up});
  };
  const NetworkPlan discriminator = plan_discriminator(config);
  const NetworkPlan generator = plan_generator(config);
  for (const LayerPlan& layer : discriminator.layers) {
    const bool first = &layer == &discriminator.layers.front();
    add("D", layer, {.forward = 3, .data = first ? 1 : 3, .weight = 2});
  }
  for (const LayerPlan& layer : generator.layers) {
    const bool first = &layer == &generator.layers.front();
    add("G", layer, {.forward = first ? 0 : 1, .data = 1, .weight = 1});
  }
  return all;
}

double milliseconds(const std::function<void()>& function, int times) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) function();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / times;
}

/// Milliseconds of a product.
struct Cost {
  double best;
  double of_operators;  ///< the faster of LibTorch's two
};

/// The fastest of the ways, each the median of three stretches. The first two are LibTorch's.
Cost cost(const std::vector<std::function<torch::Tensor()>>& ways) {
  std::vector<double> costs;
  for (const auto& way : ways) {
    const auto run = [&way] { way(); };
    milliseconds(run, 2);
    std::vector<double> stretches;
    for (int i = 0; i < 3; ++i) stretches.push_back(milliseconds(run, 5));
    std::sort(stretches.begin(), stretches.end());
    costs.push_back(stretches[1]);
  }
  return {*std::min_element(costs.begin(), costs.end()), std::min(costs.at(0), costs.at(1))};
}

OfEachProduct<Cost> cost_of(const Convolution& layer, std::int64_t batch, at::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const Window& window = layer.window;
  const auto make = [&](torch::MemoryFormat format) {
    const auto random = [&](at::IntArrayRef sizes) {
      return torch::randn(sizes).to(type).contiguous(format);
    };
    return std::array<torch::Tensor, 3>{
        random({batch, layer.image[0], layer.image[1], layer.image[2]}),
        random({layer.map[0], layer.image[0], window.kernel[0], window.kernel[1]}),
        random({batch, layer.map[0], layer.map[1], layer.map[2]})};
  };
  OfEachProduct<std::vector<std::function<torch::Tensor()>>> ways;
  for (const auto format : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
    const auto [x, w, y] = make(format);
    const auto backward = [x = x, w = w, y = y, window](bool in_x) {
      const auto gradients =
          at::convolution_backward(y, x, w, c10::nullopt, window.stride, window.padding, {1, 1},
                                   /*transposed=*/false, {0, 0},
                                   /*groups=*/1, {in_x, !in_x, false});
      return in_x ? std::get<0>(gradients) : std::get<1>(gradients);
    };
    ways.forward.push_back(
        [x = x, w = w, window] { return torch::conv2d(x, w, {}, window.stride, window.padding); });
    ways.data.push_back([backward] { return backward(true); });
    ways.weight.push_back([backward] { return backward(false); });
  }
  const auto [x, w, y] = make(torch::MemoryFormat::ChannelsLast);
  ways.forward.push_back([x = x, w = w, window] { return convolution(x, w, window); });
  ways.data.push_back([y = y, w = w, window, size = Extent{layer.image[1], layer.image[2]}] {
    return transposed_convolution(y, w, window, size);
  });
  const torch::AutoGradMode with_graph(true);
  const torch::Tensor leaf = w.detach().requires_grad_();
  ways.weight.push_back([z = convolution(x, leaf, window), leaf, y = y] {
    return torch::autograd::grad({z}, {leaf}, {y}, /*retain_graph=*/true)[0];
  });
  return {cost(ways.forward), cost(ways.data), cost(ways.weight)};
}

}  // namespace

int main(int count, char** words) {
  const auto number = [&](int index, std::int64_t otherwise) {
    return count > index ? std::atoll(words[index]) : otherwise;
  };
  Config config;
  const std::int64_t size = number(1, 28);
  config.data.image_size = {size, size};
  config.data.channels = number(2, 1);
  config.model.base_channels = number(3, 64);
  config.train.batch_size = number(4, 64);
  const std::int64_t batch = config.train.batch_size;
  const bool half = count > 7 && std::string(words[7]) == "bf16";
  config.train.precision = half ? Precision::bf16 : Precision::fp32;
  const std::int64_t threads = set_threads(number(5, 0));
  keep_freed_memory();

  const torch::Tensor real = torch::rand({batch, config.data.channels, size, size}) * 2 - 1;
  const torch::Tensor latents = torch::randn({batch, config.model.latent_dim});
  TrainState plain = make_train_state(config, torch::kCPU);
  config.train.r1_gamma = 1;
  config.train.r1_every = 1;
  TrainState penalised = make_train_state(config, torch::kCPU);
  const auto step = [&](TrainState& state) {
    return milliseconds([&] { read(train_step(state, real, {}, latents)); }, 16);
  };
  const auto generate = [&] {
    const torch::NoGradGuard no_grad;
    return milliseconds([&] { forward(plain.generator, latents, Mode::eval, {.bfloat16 = half}); },
                        16);
  };
  step(plain);
  step(penalised);
  generate();

  const std::vector<Convolution> convolutions = convolutions_of(config);
  nlohmann::json rounds = nlohmann::json::array();
  nlohmann::json layers = nlohmann::json::array();
  for (std::int64_t round = 0; round < number(6, 5); ++round) {
    Cost whole{};
    Cost penalty{};
    Cost generation{};
    layers.clear();
    for (const Convolution& layer : convolutions) {
      const auto& [forward, data, weight] = layer.times;
      const OfEachProduct<Cost> cost = cost_of(layer, batch, half ? at::kBFloat16 : at::kFloat);
      const auto add = [&cost](Cost& sum, double forwards, double datas, double weights) {
        for (double Cost::*const of : {&Cost::best, &Cost::of_operators}) {
          sum.*of +=
              forwards * (cost.forward.*of) + datas * (cost.data.*of) + weights * (cost.weight.*of);
        }
      };
      add(whole, forward, data, weight);
      if (layer.in_discriminator) {
        add(penalty, 1, 1, 1);
      } else {
        add(generation, 0, 1, 0);
      }
      layers.push_back({{"layer", layer.name},
                        {"forward_ms", cost.forward.best},
                        {"data_ms", cost.data.best},
                        {"weight_ms", cost.weight.best},
                        {"times", {forward, data, weight}}});
    }
    rounds.push_back({{"limit_ms", whole.best},
                      {"operators_limit_ms", whole.of_operators},
                      {"r1_limit_ms", penalty.best},
                      {"r1_operators_limit_ms", penalty.of_operators},
                      {"generate_limit_ms", generation.best},
                      {"generate_operators_limit_ms", generation.of_operators},
                      {"step_ms", step(plain)},
                      {"r1_step_ms", step(penalised)},
                      {"generate_ms", generate()}});
  }
  std::cout << nlohmann::json({{"libtorch", TORCH_VERSION},
                               {"threads", threads},
                               {"precision", to_string(config.train.precision)},
                               {"rounds", rounds},
                               {"layers_of_the_last_round", layers}})
            << '\n';
  return 0;
}
