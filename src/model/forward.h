// The forward pass, layer by layer: on a CPU with the kernels of dcgan/kernels, elsewhere with
// LibTorch's operators.
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "model/network.h"
#include "runtime/reducer.h"

namespace dcgan {

/// Which statistics BatchNorm uses, and whether spectral normalisation goes on estimating.
enum class Mode {
  train,  ///< the batch's; the running ones follow them (momentum 0.1)
  eval,   ///< the running ones: an image does not depend on its batch-mates
};

constexpr double kBatchNormMomentum = 0.1;
constexpr double kNormEps = 1e-5;  ///< of BatchNorm, layer and instance normalisation

struct ForwardOptions {
  /// `input` may hold so many batches of N / batches images one after another: BatchNorm sees each
  /// by itself, so that the result is that of a call for each, by larger products. Under spectral
  /// normalisation it is a call for each.
  std::int64_t batches = 1;
  /// Weights and what goes between the layers are rounded to bfloat16 (8 bits of precision), which
  /// halves the memory and, where the CPU multiplies it, the time. Parameters, their gradients,
  /// BatchNorm's sums and the result stay float32 (Micikevicius et al., "Mixed precision training",
  /// 2018, section 3.1).
  bool bfloat16 = false;
  /// int64 [N], for a discriminator with classes alone: what it takes each image for.
  torch::Tensor classes;
  /// Where `input` is a part of the batch: BatchNorm's statistics are of all parts.
  Reducer* reducer = nullptr;
};

/// Generator: [N, latent_dim] -> [N, C, H, W]. Discriminator: [N, C, H, W] -> logits [N]; with
/// classes but no `options.classes`, the numbers that they are made of, [N, 1 + classes, 1, 1].
/// Differentiable twice in every parameter, and in every input that is not choose_mode()'s.
///
/// Layer normalisation (Ba, Kiros, Hinton 2016) is over an image's channels, height and width,
/// instance normalisation (Ulyanov et al. 2016) over height and width; both in float32. Spectral
/// normalisation (Miyato et al. 2018, algorithm 1) divides a weight by u^T W v, with W its matrix
/// [out, ...], v the direction of W^T u and u that of W v; in train mode the layer's spectral_u
/// becomes that u.
torch::Tensor forward(const Network& network, const torch::Tensor& input, Mode mode,
                      const ForwardOptions& options = {});

/// One layer alone, as forward() of a network of it.
torch::Tensor forward_layer(const Layer& layer, const torch::Tensor& input, Mode mode);

/// The numbers [N, 1 + K] that forward() gives of a discriminator with K classes, or
/// [N, 1 + K, 1, 1], and the classes, int64 [N], each in [0, K) -> the logit of each image as one
/// of its class, [N]: the first number plus the class's (see plan_discriminator()).
torch::Tensor logits_of_class(const torch::Tensor& numbers, const torch::Tensor& classes);

/// Likewise as one of each other class, in their order: [N, K - 1].
torch::Tensor logits_of_other_classes(const torch::Tensor& numbers, const torch::Tensor& classes);

/// What LibTorch's operators compute on a CPU, too, in words: "layer norm", "nearest", ...; the
/// rest of the plan is our kernels'.
std::vector<std::string> stock_operations(const NetworkPlan& plan);

}  // namespace dcgan
