// Each kernel of dcgan/kernels beside LibTorch's operators for the same, and the training step.
//
//   cmake --preset apt -DDCGAN_BUILD_BENCHMARKS=ON
//   cmake --build --preset apt --target kernel_benchmarks
//   OMP_NUM_THREADS=2 GOMP_SPINCOUNT=30000 build/apt/bin/kernel_benchmarks
//
// Needs Google Benchmark (Debian: libbenchmark-dev). The machine should have nothing else to do.
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "dcgan/config.h"
#include "gan/train_step.h"
#include "kernels/convolution.h"
#include "kernels/gelu.h"
#include "kernels/multi_tensor.h"
#include "kernels/norm_activation.h"
#include "kernels/winograd/tile.h"
#include "runtime/device.h"

namespace {

using benchmark::State;
using namespace dcgan;

constexpr auto kLast = torch::MemoryFormat::ChannelsLast;

/// A layer of the discriminator of 28x28 images with 64 base channels, batch 64, and two of that of
/// 64x64.
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
    {1, 28, 64, {{4, 4}, {2, 2}, {1, 1}}},   {64, 14, 128, {{4, 4}, {2, 2}, {1, 1}}},
    {128, 7, 256, {{3, 3}, {2, 2}, {1, 1}}}, {256, 4, 1, {{4, 4}, {1, 1}, {0, 0}}},
    {64, 32, 128, {{4, 4}, {2, 2}, {1, 1}}}, {128, 16, 256, {{4, 4}, {2, 2}, {1, 1}}},
};

struct ConvolutionTensors {
  torch::Tensor x;
  torch::Tensor weight;
  torch::Tensor map;
};

void count_flops(State& state, const LayerShape& layer) {
  state.counters["FLOPS"] =
      benchmark::Counter(layer.flops(), benchmark::Counter::kIsIterationInvariantRate);
}

torch::Tensor random(at::IntArrayRef sizes, bool channels_last, bool bfloat16) {
  return torch::randn(sizes)
      .to(bfloat16 ? at::kBFloat16 : at::kFloat)
      .contiguous(channels_last ? kLast : torch::MemoryFormat::Contiguous);
}

/// Times `product` (of a layer and its tensors) on the layer that range(0) numbers, in bfloat16
/// where range(1).
template <typename Product>
void time_product(State& state, bool channels_last, const Product& product) {
  const torch::NoGradGuard no_grad;
  const LayerShape& layer = kLayers[state.range(0)];
  const Window& window = layer.window;
  const auto make = [&](at::IntArrayRef sizes) {
    return random(sizes, channels_last, state.range(1) != 0);
  };
  const ConvolutionTensors tensors{make({64, layer.in, layer.size, layer.size}),
                                   make({layer.out, layer.in, window.kernel[0], window.kernel[1]}),
                                   make({64, layer.out, layer.map(), layer.map()})};
  for (auto _ : state) benchmark::DoNotOptimize(product(layer, tensors));
  count_flops(state, layer);
}

void each_layer_and_type(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgsProduct({{0, 1, 2, 3, 4, 5}, {0, 1}})->ArgNames({"layer", "bf16"});
}

void BM_Convolution(State& state) {
  time_product(state, true, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return convolution(of.x, of.weight, layer.window);
  });
}
BENCHMARK(BM_Convolution)->Apply(each_layer_and_type)->UseRealTime();

void BM_ConvolutionOfLibTorch(State& state) {
  time_product(state, false, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return torch::conv2d(of.x, of.weight, {}, layer.window.stride, layer.window.padding);
  });
}
BENCHMARK(BM_ConvolutionOfLibTorch)->Apply(each_layer_and_type)->UseRealTime();

void BM_TransposedConvolution(State& state) {
  time_product(state, true, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return transposed_convolution(of.map, of.weight, layer.window, {layer.size, layer.size});
  });
}
BENCHMARK(BM_TransposedConvolution)->Apply(each_layer_and_type)->UseRealTime();

void BM_TransposedConvolutionOfLibTorch(State& state) {
  time_product(state, false, [](const LayerShape& layer, const ConvolutionTensors& of) {
    return torch::conv_transpose2d(of.map, of.weight, {}, layer.window.stride,
                                   layer.window.padding);
  });
}
// LibTorch 1.13 knows no transposed convolution in bfloat16.
BENCHMARK(BM_TransposedConvolutionOfLibTorch)
    ->ArgsProduct({{0, 1, 2, 3, 4, 5}, {0}})
    ->ArgNames({"layer", "bf16"})
    ->UseRealTime();

/// The gradient in the weights of a backward pass.
void weight_gradient(State& state, bool ours) {
  const LayerShape& layer = kLayers[state.range(0)];
  const Window& window = layer.window;
  const auto make = [&](at::IntArrayRef sizes) { return random(sizes, ours, state.range(1) != 0); };
  const torch::Tensor x = make({64, layer.in, layer.size, layer.size});
  const torch::Tensor weight =
      make({layer.out, layer.in, window.kernel[0], window.kernel[1]}).requires_grad_();
  const torch::Tensor y = ours ? convolution(x, weight, window)
                               : torch::conv2d(x, weight, {}, window.stride, window.padding);
  const torch::Tensor grad = make(y.sizes());
  for (auto _ : state) {
    benchmark::DoNotOptimize(torch::autograd::grad({y}, {weight}, {grad}, /*retain_graph=*/true));
  }
  count_flops(state, layer);
}
BENCHMARK_CAPTURE(weight_gradient, ours, true)->Apply(each_layer_and_type)->UseRealTime();
BENCHMARK_CAPTURE(weight_gradient, LibTorchs, false)->Apply(each_layer_and_type)->UseRealTime();

/// One point's product of Winograd's convolutions, on one thread and in its caches, by the loops
/// for the range(0)-th kind of CPU that this one can be.
template <typename Number>
void BM_WinogradProduct(State& state) {
  const auto tiles = usable_winograd_tiles<Number>();
  const auto kind = static_cast<std::size_t>(state.range(0));
  if (kind >= tiles.size()) {
    state.SkipWithError("this CPU has no more kinds of loops");
    return;
  }
  constexpr std::int64_t kRows = 128;
  constexpr std::int64_t kDepth = 256;  // floats of a row: numbers, or pairs
  const torch::Tensor a = torch::randn({kRows, kDepth + 16});
  const torch::Tensor b = torch::randn({kDepth, kPanel});
  const torch::Tensor c = torch::empty({kRows, kPanel});
  for (auto _ : state) {
    tiles[kind]->multiply({kRows, kDepth, kDepth + 16, 1, kPanel, kPanel}, a.data_ptr<float>(),
                          b.data_ptr<float>(), /*accumulate=*/false, c.data_ptr<float>());
    benchmark::ClobberMemory();
  }
  state.counters["FLOPS"] =
      benchmark::Counter(2.0 * kRows * kDepth * kPanel * kNumbersInFloat<Number>,
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_WinogradProduct<float>)->DenseRange(0, 2);
BENCHMARK(BM_WinogradProduct<at::BFloat16>)->DenseRange(0, 3);

NormTensors make_norm(std::int64_t channels) {
  return {torch::ones({channels}).requires_grad_(), torch::zeros({channels}).requires_grad_(),
          torch::zeros({channels}), torch::ones({channels})};
}

/// What differs between our way and LibTorch's: the function, and the order in memory it wants.
struct Way {
  std::function<torch::Tensor(const torch::Tensor& x, const NormTensors& norm)> function;
  bool channels_last;
};

const Way kNorm{[](const torch::Tensor& x, const NormTensors& norm) {
                  return norm_activation(x, norm, 0.2, 1);
                },
                true};
const Way kNormOfLibTorch{
    [](const torch::Tensor& x, const NormTensors& norm) {
      return torch::leaky_relu(
          torch::batch_norm(x, norm.scale, norm.shift, norm.running_mean, norm.running_var, true,
                            norm.momentum, norm.eps, false),
          0.2);
    },
    false};
const Way kGelu{[](const torch::Tensor& x, const NormTensors&) { return dcgan::gelu(x); }, true};
const Way kGeluOfLibTorch{[](const torch::Tensor& x, const NormTensors&) { return torch::gelu(x); },
                          false};

/// Forward and backward on [range(0), 128, 7, 7], in bfloat16 where range(1).
void there_and_back(State& state, const Way& way) {
  const torch::Tensor x =
      random({state.range(0), 128, 7, 7}, way.channels_last, state.range(1) != 0).requires_grad_();
  const torch::Tensor grad = torch::randn_like(x);
  const NormTensors norm = make_norm(128);
  for (auto _ : state) {
    benchmark::DoNotOptimize(torch::autograd::grad({way.function(x, norm)}, {x}, {grad}));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(x.nbytes()));
}

/// The derivative of the gradient in x, as R1 needs it: of [range(0), 128, 7, 7], float32.
void second_derivative(State& state, const Way& way) {
  const torch::Tensor x =
      random({state.range(0), 128, 7, 7}, way.channels_last, false).requires_grad_();
  const torch::Tensor grad = torch::randn_like(x).requires_grad_();
  const torch::Tensor direction = torch::randn_like(x);
  const NormTensors norm = make_norm(128);
  for (auto _ : state) {
    const torch::Tensor first = torch::autograd::grad({way.function(x, norm)}, {x}, {grad},
                                                      /*retain_graph=*/true,
                                                      /*create_graph=*/true)[0];
    benchmark::DoNotOptimize(torch::autograd::grad({first}, {x, grad}, {direction}));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(x.nbytes()));
}

void each_size_and_type(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgsProduct({{64, 512}, {0, 1}})->ArgNames({"images", "bf16"})->UseRealTime();
}

void each_size(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(64)->Arg(512)->ArgNames({"images"})->UseRealTime();
}

BENCHMARK_CAPTURE(there_and_back, norm_activation, kNorm)->Apply(each_size_and_type);
BENCHMARK_CAPTURE(there_and_back, LibTorchs_norm_activation, kNormOfLibTorch)
    ->Apply(each_size_and_type);
BENCHMARK_CAPTURE(there_and_back, gelu, kGelu)->Apply(each_size_and_type);
BENCHMARK_CAPTURE(there_and_back, LibTorchs_gelu, kGeluOfLibTorch)->Apply(each_size_and_type);
BENCHMARK_CAPTURE(second_derivative, norm_activation, kNorm)->Apply(each_size);
BENCHMARK_CAPTURE(second_derivative, LibTorchs_norm_activation, kNormOfLibTorch)->Apply(each_size);
BENCHMARK_CAPTURE(second_derivative, gelu, kGelu)->Apply(each_size);
BENCHMARK_CAPTURE(second_derivative, LibTorchs_gelu, kGeluOfLibTorch)->Apply(each_size);

void BM_UnfoldPatches(State& state) {
  const torch::Tensor images = random({64, 64, 14, 14}, true, true);
  for (auto _ : state) {
    benchmark::DoNotOptimize(unfold_patches(images, {{4, 4}, {2, 2}, {1, 1}}, {7, 7}));
  }
}
BENCHMARK(BM_UnfoldPatches)->UseRealTime();

void BM_FoldPatches(State& state) {
  const torch::Tensor patches = torch::rand({64, 14, 14, 4, 4, 1});
  for (auto _ : state) {
    benchmark::DoNotOptimize(fold_patches(patches, {{4, 4}, {2, 2}, {1, 1}}, {28, 28}));
  }
}
BENCHMARK(BM_FoldPatches)->UseRealTime();

std::vector<torch::Tensor> tensors_of_a_discriminator() {
  return {torch::rand({128, 64, 4, 4}), torch::rand({256, 128, 3, 3}), torch::rand({256})};
}

void BM_AdamUpdate(State& state) {
  const auto parameters = tensors_of_a_discriminator();
  const auto gradients = tensors_of_a_discriminator();
  const auto exp_avg = tensors_of_a_discriminator();
  const auto exp_avg_sq = tensors_of_a_discriminator();
  for (auto _ : state) {
    adam_update(parameters, gradients, exp_avg, exp_avg_sq, {0.5, 0.999, 1e-8, 2e-4, 1.0});
  }
}
BENCHMARK(BM_AdamUpdate)->UseRealTime();

void BM_UpdateAverages(State& state) {
  const auto averages = tensors_of_a_discriminator();
  const auto tensors = tensors_of_a_discriminator();
  for (auto _ : state) update_averages(averages, tensors, 0.001F);
}
BENCHMARK(BM_UpdateAverages)->UseRealTime();

/// A whole step at 28x28, batch range(1), range(0) base channels; R1 on every range(2)-th, on none
/// for 0; bfloat16 where range(3).
void BM_TrainStep(State& state) {
  Config config;
  config.model.base_channels = state.range(0);
  config.train.batch_size = state.range(1);
  config.train.r1_gamma = state.range(2) != 0 ? 1.0 : 0.0;
  config.train.r1_every = std::max<std::int64_t>(1, state.range(2));
  config.train.precision = state.range(3) != 0 ? Precision::bf16 : Precision::fp32;
  TrainState train_state = make_train_state(config, torch::kCPU);
  const std::int64_t batch = config.train.batch_size;
  const torch::Tensor real = torch::rand({batch, 1, 28, 28}) * 2 - 1;
  const torch::Tensor latents = torch::randn({batch, config.model.latent_dim});
  for (auto _ : state) benchmark::DoNotOptimize(read(train_step(train_state, real, {}, latents)));
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(BM_TrainStep)
    ->ArgsProduct({{16, 32, 64}, {32, 64}, {0, 1, 8}, {0, 1}})
    ->ArgNames({"channels", "batch", "r1", "bf16"})
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
