// Pictures for tests, written as files.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/file.h"
#include "dcgan/image.h"

namespace dcgan::testing {

/// A PNG of 8 x 8 pixels in one colour: red `value`, green value + 1, blue value + 2.
inline void put_picture(const std::filesystem::path& path, int value) {
  Image image{8, 8, 3, {}};
  for (int i = 0; i < 8 * 8 * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(value + i % 3));
  }
  std::filesystem::create_directories(path.parent_path());
  write_file_atomically(path, encode_png(image), Flush::no);
}

}  // namespace dcgan::testing
