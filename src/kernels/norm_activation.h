// BatchNorm and a ReLU after it, as one pass over memory each way.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "runtime/reducer.h"

namespace dcgan {

/// BatchNorm's parameters and what it keeps, [C] each, float32.
struct NormTensors {
  torch::Tensor scale;
  torch::Tensor shift;
  torch::Tensor running_mean;
  torch::Tensor running_var;
  double momentum = 0.1;
  double eps = 1e-5;
};

/// x: float32 or bfloat16 on a CPU, [N, C] or [N, C, H, W]; the result has x's shape and type,
/// channels last in memory. All sums and statistics are in float32 or better.
///
///   y = a(scale * (x - mean) / sqrt(var + eps) + shift),  a(t) = t for t > 0, slope * t elsewhere
///
/// with the mean and the (biased) variance of each channel over the batch, N, H and W (Ioffe,
/// Szegedy, "Batch normalization", 2015, algorithm 1). slope 1 is BatchNorm alone, 0 a ReLU after
/// it.
///
/// x may hold several batches of N / batches images one after another: each is normalised by its
/// own statistics, as if it had come alone, and updates the running ones in its turn.
///
/// With a `reducer` x is one part of each batch: the statistics are those of all parts, and x's
/// gradients are of the sum of what all parts make of them. It must live as long as the graph.
///
/// Differentiable twice in x, scale and shift; with a reducer not in the gradients of these two.
torch::Tensor norm_activation(const torch::Tensor& x, const NormTensors& norm, double slope,
                              std::int64_t batches, Reducer* reducer = nullptr);

/// The same with the running statistics in place of the batch's, which stay. No gradients.
torch::Tensor norm_activation_eval(const torch::Tensor& x, const NormTensors& norm, double slope);

}  // namespace dcgan
