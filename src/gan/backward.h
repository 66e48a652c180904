// The backward pass of a batch whose parts are computed side by side.
#pragma once

#include <torch/types.h>

#include <vector>

#include "runtime/reducer.h"

namespace dcgan {

/// Computes the gradients of `objective`, a scalar, in `parameters`, which have none yet. With a
/// reducer they become means over the parts of the batch, and so does each of `others`, in place.
/// Those of the last layers are summed while the pass computes the first ones': Li et al., "PyTorch
/// Distributed", 2020, section 3.2.
void backward(const torch::Tensor& objective, const std::vector<torch::Tensor>& parameters,
              const std::vector<torch::Tensor>& others, Reducer* reducer);

}  // namespace dcgan
