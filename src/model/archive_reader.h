// What a TorchScript archive holds, read without compiling its code: torch::jit::load compiles it,
// and LibTorch's own helpers with it, which takes longer than all the rest of reading a generator.
#pragma once

#include <memory>
#include <sstream>
#include <string>

#include "model/network.h"

namespace caffe2::serialize {
class PyTorchStreamReader;
}

namespace dcgan {

/// Throws std::exceptions, LibTorch's among them, where the bytes are no archive or a damaged one.
class ArchiveReader {
 public:
  explicit ArchiveReader(const std::string& bytes);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  /// A text beside the module, as torch::jit::load's ExtraFilesMap names them; "" if there is none.
  std::string extra_file(const std::string& name);

  /// The tensors of the module and of those inside it, by dotted names ("3.weight"), layer by
  /// layer. Each lies within what its storage holds, which LibTorch doesn't check.
  NamedTensors tensors();

 private:
  std::istringstream stream_;
  std::unique_ptr<caffe2::serialize::PyTorchStreamReader> reader_;
};

}  // namespace dcgan
