// Each kernel of dcgan/kernels beside LibTorch's operators for the same, and the training step.
//
//   cmake --preset apt -DDCGAN_BUILD_BENCHMARKS=ON
//   cmake --build --preset apt --target kernel_benchmarks
//   OMP_NUM_THREADS=2 GOMP_SPINCOUNT=10000 build/apt/bin/kernel_benchmarks
//
// Needs Google Benchmark (Debian: libbenchmark-dev). The machine should have nothing else to do.
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "dcgan/config/config.h"
#include "dcgan/kernels/convolution.h"
#include "dcgan/kernels/multi_tensor.h"
#include "dcgan/kernels/norm_activation.h"
#include "dcgan/train/device.h"
#include "dcgan/train/train_step.h"

namespace {

using benchmark::State;
using namespace dcgan;

constexpr auto kLast = torch::MemoryFormat::ChannelsLast;

/// A layer of the discriminator of 28x28 images with 64 base channels, batch 64.
struct LayerShape {
  std::int64_t in;
  std::int64_t size;
  std::int64_t out;
  Window window;

  /// Height and width of the map that it makes.
  std::int64_t map() const {
    return (size + 2 * window.padding[0] - window.kernel[0]) / window.stride[0] + 1;
  }
  double flops() const {
    return 2.0 * 64 *
           static_cast<double>(map() * map() * out * in * window.kernel[0] * window.kernel[1]);
  }
};

const LayerShape kLayers[] = {
    {1, 28, 64, {{4, 4}, {2, 2}, {1, 1}}},
    {64, 14, 128, {{4, 4}, {2, 2}, {1, 1}}},
    {128, 7, 256, {{3, 3}, {2, 2}, {1, 1}}},
    {256, 4, 1, {{4, 4}, {1, 1}, {0, 0}}},
};

struct ConvolutionTensors {
  torch::Tensor x;
  torch::Tensor weight;
  torch::Tensor map;
};

ConvolutionTensors make(const LayerShape& layer, bool channels_last) {
  const auto format = channels_last ? kLast : torch::MemoryFormat::Contiguous;
  return {torch::randn({64, layer.in, layer.size, layer.size}).contiguous(format),
          torch::randn({layer.out, layer.in, layer.window.kernel[0], layer.window.kernel[1]})
              .contiguous(format),
          torch::randn({64, layer.out, layer.map(), layer.map()}).contiguous(format)};
}

/// Times `product` (of a layer and its tensors) on the layer that range(0) numbers.
template <typename Product>
void time_product(State& state, bool channels_last, const Product& product) {
  const torch::NoGradGuard no_grad;
  const LayerShape& layer = kLayers[state.range(0)];
  const ConvolutionTensors tensors = make(layer, channels_last);
  for (auto _ : state) benchmark::DoNotOptimize(product(layer, tensors));
  state.counters["FLOPS"] =
      benchmark::Counter(layer.flops(), benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Convolution(State& state) {
  time_product(state, true, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return convolution(of.x, of.weight, layer.window);
  });
}
BENCHMARK(BM_Convolution)->DenseRange(0, 3)->UseRealTime();

void BM_ConvolutionOfLibTorch(State& state) {
  time_product(state, false, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return torch::conv2d(of.x, of.weight, {}, layer.window.stride, layer.window.padding);
  });
}
BENCHMARK(BM_ConvolutionOfLibTorch)->DenseRange(0, 3)->UseRealTime();

void BM_TransposedConvolution(State& state) {
  time_product(state, true, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return transposed_convolution(of.map, of.weight, layer.window, {layer.size, layer.size});
  });
}
BENCHMARK(BM_TransposedConvolution)->DenseRange(0, 3)->UseRealTime();

void BM_TransposedConvolutionOfLibTorch(State& state) {
  time_product(state, false, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return torch::conv_transpose2d(of.map, of.weight, {}, layer.window.stride,
                                   layer.window.padding);
  });
}
BENCHMARK(BM_TransposedConvolutionOfLibTorch)->DenseRange(0, 3)->UseRealTime();

NormTensors make_norm(std::int64_t channels) {
  return {torch::ones({channels}).requires_grad_(), torch::zeros({channels}).requires_grad_(),
          torch::zeros({channels}), torch::ones({channels})};
}

/// Forward and backward of BatchNorm with a LeakyReLU on [range(0), 128, 7, 7].
template <typename Function>
void norm_and_back(State& state, bool channels_last, const Function& function) {
  const auto format = channels_last ? kLast : torch::MemoryFormat::Contiguous;
  const torch::Tensor x =
      torch::randn({state.range(0), 128, 7, 7}).contiguous(format).requires_grad_();
  const torch::Tensor grad = torch::randn(x.sizes()).contiguous(format);
  const NormTensors norm = make_norm(128);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        torch::autograd::grad({function(x, norm)}, {x, norm.scale, norm.shift}, {grad}));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(x.nbytes()));
}

void BM_NormActivation(State& state) {
  norm_and_back(state, true, [](const torch::Tensor& x, const NormTensors& norm) {
    return norm_activation(x, norm, 0.2, 1);
  });
}
BENCHMARK(BM_NormActivation)->Arg(64)->Arg(512)->UseRealTime();

void BM_NormActivationOfLibTorch(State& state) {
  norm_and_back(state, false, [](const torch::Tensor& x, const NormTensors& norm) {
    return torch::leaky_relu(
        torch::batch_norm(x, norm.scale, norm.shift, norm.running_mean, norm.running_var, true,
                          norm.momentum, norm.eps, false),
        0.2);
  });
}
BENCHMARK(BM_NormActivationOfLibTorch)->Arg(64)->Arg(512)->UseRealTime();

void BM_AdamUpdate(State& state) {
  const auto make_all = [] {
    return std::vector<torch::Tensor>{torch::rand({128, 64, 4, 4}), torch::rand({256, 128, 3, 3}),
                                      torch::rand({256})};
  };
  const auto parameters = make_all();
  const auto gradients = make_all();
  const auto exp_avg = make_all();
  const auto exp_avg_sq = make_all();
  for (auto _ : state) {
    adam_update(parameters, gradients, exp_avg, exp_avg_sq, {0.5, 0.999, 1e-8, 2e-4, 1.0});
  }
}
BENCHMARK(BM_AdamUpdate)->UseRealTime();

/// A whole step at 28x28, batch range(1), range(0) base channels; R1 on every 8th where range(2).
void BM_TrainStep(State& state) {
  Config config;
  config.model.base_channels = state.range(0);
  config.train.batch_size = state.range(1);
  config.train.r1_gamma = state.range(2) != 0 ? 1.0 : 0.0;
  config.train.r1_every = 8;
  TrainState train_state = make_train_state(config, torch::kCPU);
  const std::int64_t batch = config.train.batch_size;
  const torch::Tensor real = torch::rand({batch, 1, 28, 28}) * 2 - 1;
  const torch::Tensor latents = torch::randn({batch, config.model.latent_dim});
  for (auto _ : state) benchmark::DoNotOptimize(read(train_step(train_state, real, latents)));
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(BM_TrainStep)
    ->ArgsProduct({{16, 32, 64}, {32, 64}, {0, 1}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

int main(int count, char** words) {
  set_threads(0);
  keep_freed_memory();
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
