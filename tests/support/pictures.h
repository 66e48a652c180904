// The pictures of tests/fixtures/images, and what they look like; make.py there says how.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "base/file.h"
#include "dcgan/image.h"

namespace dcgan::testing {

inline const std::filesystem::path kPictures = DCGAN_SOURCE_DIR "/tests/fixtures/images";

/// The records of expected.bin by name.
inline const std::map<std::string, Image>& expected_pictures() {
  static const std::map<std::string, Image> pictures = [] {
    std::map<std::string, Image> read;
    std::istringstream file(read_file(kPictures / "expected.bin"));
    std::string name;
    Image image;
    while (file >> name >> image.height >> image.width >> image.channels) {
      file.get();
      image.pixels.resize(static_cast<std::size_t>(image.height * image.width * image.channels));
      file.read(reinterpret_cast<char*>(image.pixels.data()),
                static_cast<std::streamsize>(image.pixels.size()));
      read[name] = image;
    }
    return read;
  }();
  return pictures;
}

inline const Image& expected_picture(std::string_view name) {
  return expected_pictures().at(std::string(name));
}

inline std::string shape_of(const Image& image) {
  return std::to_string(image.height) + " x " + std::to_string(image.width) + " x " +
         std::to_string(image.channels);
}

/// Same shape, and no value further off than `tolerance`.
inline ::testing::AssertionResult is_near(const Image& image, const Image& wanted, int tolerance) {
  if (shape_of(image) != shape_of(wanted)) {
    return ::testing::AssertionFailure() << shape_of(image) << ", not " << shape_of(wanted);
  }
  if (image.pixels.size() != wanted.pixels.size()) {
    return ::testing::AssertionFailure() << image.pixels.size() << " values in " << shape_of(image);
  }
  int furthest = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const int distance = std::abs(int{image.pixels[i]} - int{wanted.pixels[i]});
    if (distance <= furthest) continue;
    furthest = distance;
    at = i;
  }
  if (furthest <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "value " << at << " is " << int{image.pixels[at]} << ", not " << int{wanted.pixels[at]};
}

}  // namespace dcgan::testing
