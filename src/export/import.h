// Generators from the files of other programs.
#pragma once

#include <filesystem>
#include <optional>

#include "dcgan/config.h"

namespace dcgan {

/// Writes a g.pt from a .pth or a .safetensors file: a state_dict of the generator in PyTorch's
/// DCGAN example, for images of 16 x 16, 32 x 32 and so on, whose shapes say its size; or of one of
/// ours, which names its configuration where `dcgan export` wrote it, and else needs `config`.
/// Names may have a prefix, such as DataParallel's "module.". Returns the configuration. Throws
/// `failure` naming the file and the tensor.
Config import_generator(const std::filesystem::path& from, const std::filesystem::path& to,
                        const std::optional<Config>& config);

}  // namespace dcgan
