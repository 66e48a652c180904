// A matrix's transpose on all threads: LibTorch's copy takes one.
#include "runtime/torch.h"
#pragma once

namespace dcgan {

/// [m, n], float32 or bfloat16, rows side by side -> [n, m], rows side by side.
torch::Tensor transposed(const torch::Tensor& matrix);

}  // namespace dcgan
