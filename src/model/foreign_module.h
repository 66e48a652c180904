// A TorchScript that another program wrote.
#pragma once

#include <torch/script.h>

#include <filesystem>
#include <string>

namespace dcgan {

/// Opens `bytes`, a TorchScript archive, on `device`, in eval mode. Weights of another type become
/// float32, as the inputs are. Throws as parse_archive().
torch::jit::Module load_foreign_module(const std::string& bytes, const std::filesystem::path& path,
                                       torch::Device device);

}  // namespace dcgan
