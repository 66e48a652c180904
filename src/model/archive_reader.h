// What a TorchScript archive holds, read without compiling its code: torch::jit::load compiles it,
// and LibTorch's own helpers with it, which takes longer than all the rest of reading a generator.
//
// Both throw std::exceptions, LibTorch's among them, where the bytes are no archive or a damaged
// one.
#pragma once

#include <string>

#include "model/network.h"

namespace dcgan {

/// A text beside the module, as torch::jit::load's ExtraFilesMap names them; "" if there is none.
std::string read_extra_file(const std::string& bytes, const std::string& name);

/// The tensors of the module and of those inside it, by dotted names ("3.weight"), layer by layer.
/// Each lies within what its storage holds, which LibTorch doesn't check.
NamedTensors read_tensors(const std::string& bytes);

}  // namespace dcgan
