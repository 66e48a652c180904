// Images that another program made: a folder of pictures, or a .npy file.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

struct LoadedImages {
  torch::Tensor images;               ///< uint8 [N, C, H, W]
  std::vector<std::string> warnings;  ///< what was left out, and what moves the numbers
};

/// Reads at most `max_count` images, evenly spaced over all there are.
/// - A folder: the files that `list_images` finds, decoded on every core, all of one size. Those
///   that are no images or can't be read are left out. Grey ones count as RGB where there are
///   others of RGB. What is transparent shows `background`.
/// - A .npy file: uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3].
/// Throws `failure` that names the file when there is no image or two differ in size.
LoadedImages load_images(const std::filesystem::path& path, std::int64_t max_count,
                         const Color& background = DataConfig().background);

}  // namespace dcgan
