// A labelled set in MNIST's files that a classifier learns in a second.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"

namespace dcgan::testing {

/// `count` images of 8 x 8 pixels: stripes across (label 0) and down (label 1) in turn. split:
/// "train" or "t10k"; not `labelled`: all labels are 0.
inline void put_striped_set(const std::filesystem::path& folder, const std::string& split,
                            int count, bool labelled) {
  const auto header = [](char dimensions) { return std::string{'\0', '\0', '\x08', dimensions}; };
  const auto size = [](int n) {
    return std::string{'\0', '\0', static_cast<char>(n >> 8), static_cast<char>(n & 255)};
  };
  std::string pixels;
  std::string labels;
  for (int i = 0; i < count; ++i) {
    const int label = i % 2;
    labels += static_cast<char>(labelled ? label : 0);
    for (int pixel = 0; pixel < 64; ++pixel) {
      const int stripe = (label == 0 ? pixel / 8 : pixel % 8) % 2;
      pixels += static_cast<char>(stripe * 100 + (i * 31 + pixel * 17) % 50);
    }
  }
  const std::string stem = (folder / split).string();
  write_file_atomically(stem + "-images-idx3-ubyte",
                        header('\x03') + size(count) + size(8) + size(8) + pixels);
  write_file_atomically(stem + "-labels-idx1-ubyte", header('\x01') + size(count) + labels);
}

}  // namespace dcgan::testing
