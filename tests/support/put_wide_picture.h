// PNGs of 16 bits for tests: what write_png() does not write.
#pragma once

#include <gtest/gtest.h>
#include <png.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace dcgan::testing {

/// Grey, height x width, of these values, row by row.
inline void put_wide_picture(const std::filesystem::path& path, int height, int width,
                             const std::vector<std::uint16_t>& values) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(height);
  image.width = static_cast<png_uint_32>(width);
  image.format = PNG_FORMAT_LINEAR_Y;
  std::filesystem::create_directories(path.parent_path());
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, values.data(), 0, nullptr), 0)
      << image.message;
}

}  // namespace dcgan::testing
