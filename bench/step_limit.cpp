// What a training step costs beside what its convolutions alone would cost.
//
//   step_limit [SIZE [CHANNELS [BASE_CHANNELS [BATCH [THREADS [ROUNDS]]]]]]     28 1 64 64 0 5
//
// Times in turns, ROUNDS times: every product of the step's convolutions by itself, each in every
// way that there is (LibTorch's operators on contiguous and on channels-last tensors, the kernels
// of dcgan/kernels), and train_step() on one fixed batch, without R1 and with it. The limit is the
// sum of each product's fastest way. Prints one JSON line with each round's milliseconds.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dcgan/config/config.h"
#include "dcgan/kernels/convolution.h"
#include "dcgan/model/plan.h"
#include "dcgan/train/device.h"
#include "dcgan/train/train_step.h"

namespace {

using namespace dcgan;

/// A layer's convolution (a transposed one read from its images' side) and how often a step takes
/// each of its products over a batch.
struct Product {
  std::string name;
  std::int64_t channels = 0;  ///< of the larger maps
  Extent size{};              ///< of the larger maps
  std::int64_t map_channels = 0;
  Extent map{};
  Window window;
  int forward = 0;
  int data = 0;
  int weight = 0;
  int penalty = 0;  ///< how often R1 takes all three on top
};

Extent extent(const ImageShape& shape) { return {shape[1], shape[2]}; }

/// G's forward is a data product, its gradient in its input a forward one. D judges real, fake and,
/// moved, fake again; only the last of these asks for the images' gradient, and for none in the
/// weights. R1 takes D's gradient in the real images (data) and differentiates that (forward in the
/// gradient, weight in the weights).
std::vector<Product> products_of(const Config& config) {
  std::vector<Product> products;
  for (const LayerPlan& layer : plan_discriminator(config).layers) {
    const bool first = products.empty();
    products.push_back({"D " + layer.name,
                        layer.input[0],
                        extent(layer.input),
                        layer.output[0],
                        extent(layer.output),
                        {layer.kernel, layer.stride, layer.padding},
                        3,
                        first ? 1 : 3,
                        2,
                        1});
  }
  bool first = true;
  for (const LayerPlan& layer : plan_generator(config).layers) {
    products.push_back({"G " + layer.name,
                        layer.output[0],
                        extent(layer.output),
                        layer.input[0],
                        extent(layer.input),
                        {layer.kernel, layer.stride, layer.padding},
                        first ? 0 : 1,
                        1,
                        1,
                        0});
    first = false;
  }
  return products;
}

double milliseconds(const std::function<void()>& function, int times) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) function();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / times;
}

/// The fastest of the ways, each the median of three stretches.
double fastest(const std::vector<std::function<torch::Tensor()>>& ways) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& way : ways) {
    const auto run = [&way] { way(); };
    milliseconds(run, 2);
    std::vector<double> stretches;
    for (int i = 0; i < 3; ++i) stretches.push_back(milliseconds(run, 5));
    std::sort(stretches.begin(), stretches.end());
    best = std::min(best, stretches[1]);
  }
  return best;
}

struct Cost {
  double forward = 0;
  double data = 0;
  double weight = 0;
};

Cost cost_of(const Product& product, std::int64_t batch) {
  const torch::NoGradGuard no_grad;
  const Window& window = product.window;
  const auto make = [&](torch::MemoryFormat format) {
    return std::vector<torch::Tensor>{
        torch::randn({batch, product.channels, product.size[0], product.size[1]})
            .contiguous(format),
        torch::randn({product.map_channels, product.channels, window.kernel[0], window.kernel[1]})
            .contiguous(format),
        torch::randn({batch, product.map_channels, product.map[0], product.map[1]})
            .contiguous(format)};
  };
  std::vector<std::function<torch::Tensor()>> forward;
  std::vector<std::function<torch::Tensor()>> data;
  std::vector<std::function<torch::Tensor()>> weight;
  for (const auto format : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
    const auto tensors = make(format);
    const torch::Tensor x = tensors[0];
    const torch::Tensor w = tensors[1];
    const torch::Tensor y = tensors[2];
    const auto backward = [=](bool in_x) {
      const auto gradients =
          at::convolution_backward(y, x, w, c10::nullopt, window.stride, window.padding, {1, 1},
                                   /*transposed=*/false, {0, 0},
                                   /*groups=*/1, {in_x, !in_x, false});
      return in_x ? std::get<0>(gradients) : std::get<1>(gradients);
    };
    forward.push_back([=] { return torch::conv2d(x, w, {}, window.stride, window.padding); });
    data.push_back([=] { return backward(true); });
    weight.push_back([=] { return backward(false); });
  }
  const auto tensors = make(torch::MemoryFormat::ChannelsLast);
  forward.push_back([=] { return convolution(tensors[0], tensors[1], window); });
  data.push_back([=, size = product.size] {
    return transposed_convolution(tensors[2], tensors[1], window, size);
  });
  return {fastest(forward), fastest(data), fastest(weight)};
}

}  // namespace

int main(int count, char** words) {
  const auto number = [&](int index, std::int64_t otherwise) {
    return count > index ? std::atoll(words[index]) : otherwise;
  };
  Config config;
  config.data.image_size = {number(1, 28), number(1, 28)};
  config.data.channels = number(2, 1);
  config.model.base_channels = number(3, 64);
  config.train.batch_size = number(4, 64);
  const std::int64_t batch = config.train.batch_size;
  const std::int64_t threads = set_threads(number(5, 0));
  keep_freed_memory();

  const torch::Tensor real =
      torch::rand({batch, config.data.channels, number(1, 28), number(1, 28)}) * 2 - 1;
  const torch::Tensor latents = torch::randn({batch, config.model.latent_dim});
  TrainState plain = make_train_state(config, torch::kCPU);
  config.train.r1_gamma = 1;
  config.train.r1_every = 8;
  TrainState penalised = make_train_state(config, torch::kCPU);
  const auto step = [&](TrainState& state) {
    return milliseconds([&] { read(train_step(state, real, latents)); }, 16);
  };
  step(plain);
  step(penalised);

  const std::vector<Product> products = products_of(config);
  nlohmann::json rounds = nlohmann::json::array();
  nlohmann::json layers = nlohmann::json::array();
  for (std::int64_t round = 0; round < number(6, 5); ++round) {
    double limit = 0;
    double penalty_limit = 0;
    layers.clear();
    for (const Product& product : products) {
      const Cost cost = cost_of(product, batch);
      limit +=
          product.forward * cost.forward + product.data * cost.data + product.weight * cost.weight;
      penalty_limit += product.penalty * (cost.forward + cost.data + cost.weight);
      layers.push_back({{"layer", product.name},
                        {"forward_ms", cost.forward},
                        {"data_ms", cost.data},
                        {"weight_ms", cost.weight},
                        {"times", {product.forward, product.data, product.weight}}});
    }
    rounds.push_back({{"limit_ms", limit},
                      {"r1_limit_ms", penalty_limit},
                      {"step_ms", step(plain)},
                      {"r1_step_ms", step(penalised)}});
  }
  std::cout << nlohmann::json({{"libtorch", TORCH_VERSION},
                               {"threads", threads},
                               {"rounds", rounds},
                               {"layers_of_the_last_round", layers}})
            << '\n';
  return 0;
}
