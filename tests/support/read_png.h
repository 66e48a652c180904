// A PNG that the program wrote.
#pragma once

#include <filesystem>

#include "dcgan/image.h"
#include "image/decode.h"
#include "image/fit.h"

namespace dcgan {

/// As 1 or 3 channels: what is transparent shows the background.
inline Image read_png(const std::filesystem::path& path,
                      const Color& background = {255, 255, 255}) {
  return composite(read_image(path), background);
}

}  // namespace dcgan
