// Where Fashion-MNIST lies, for the tests that need it; it is not part of this repository.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace dcgan::testing {

/// The folder in $DCGAN_FASHION_MNIST, or that of Debian's dataset-fashion-mnist; "" for none.
inline std::string fashion_mnist_folder() {
  const char* const given = std::getenv("DCGAN_FASHION_MNIST");
  if (given != nullptr) return given;
  const std::string debian = "/usr/share/datasets/fashion-mnist";
  return std::filesystem::exists(debian) ? debian : "";
}

}  // namespace dcgan::testing
