// A TorchScript that another program wrote.
#pragma once

#include <torch/script.h>

#include <string>

namespace dcgan {

struct ForeignModule {
  torch::jit::Module module;            ///< in eval mode
  torch::Dtype type = torch::kFloat32;  ///< of its weights, which its inputs must share
};

/// Opens `bytes`, a TorchScript archive, on `device`. Weights in half precision become float32,
/// which holds every value of theirs: a CPU lacks half's convolutions.
ForeignModule load_foreign_module(const std::string& bytes, torch::Device device);

}  // namespace dcgan
