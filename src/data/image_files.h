// Images that another program made: a folder of PNGs, or a .npy file.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>

#include "dcgan/config.h"

namespace dcgan {

/// Reads at most `most` images, evenly spaced over all there are, as uint8 [N, C, H, W].
/// - A folder: its PNGs and those of its folders, in the order of their paths, all of one size.
///   Grey ones count as RGB where there are others of RGB. What is transparent shows `background`.
/// - A .npy file: uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3].
/// Throws `failure` that names the file when there is no image, one can't be read, or two differ
/// in size.
torch::Tensor load_images(const std::filesystem::path& path, std::int64_t most,
                          const Color& background = DataConfig().background);

}  // namespace dcgan
