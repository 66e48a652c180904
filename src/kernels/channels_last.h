// The order in memory that the kernels work in.
#pragma once

#include <torch/torch.h>

namespace dcgan {

/// x itself where its channels are last in memory, else a copy; [N, C] or [N, C, H, W].
inline torch::Tensor channels_last(const torch::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(torch::MemoryFormat::ChannelsLast) : x.contiguous();
}

}  // namespace dcgan
