// The Gaussian error linear unit as one pass over memory each way.
#pragma once

#include <torch/types.h>

namespace dcgan {

/// gelu(x) = x * Phi(x), Phi the standard normal's distribution function (Hendrycks, Gimpel,
/// "Gaussian error linear units", 2016, section 2). x: float32 or bfloat16 on a CPU, [N, C] or
/// [N, C, H, W]; the result has x's shape and type, channels last in memory. Phi is within 2e-7.
/// Differentiable twice.
torch::Tensor gelu(const torch::Tensor& x);

}  // namespace dcgan
