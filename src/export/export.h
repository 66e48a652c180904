// Networks in the files of other programs.
#pragma once

#include <filesystem>

#include "dcgan/sampler.h"

namespace dcgan {

struct ExportOptions {
  Weights weights = Weights::averaged;
  bool discriminator = false;  ///< instead of the generator; a g.pt has none
  bool uint8 = false;          ///< .onnx of a generator: images as bytes, [N, H, W, C]
};

/// Writes a network of `checkpoint` (a g.pt, a checkpoint or a run directory) to `file`, whose
/// ending says the format (formats.h); atomically. Throws `failure` naming the file at fault.
void export_network(const std::filesystem::path& checkpoint, const std::filesystem::path& file,
                    const ExportOptions& options);

}  // namespace dcgan
