#include <cstddef>

#include "evaluate/features.h"

// DCGAN_FEATURES_DIR: data/features of the sources, from CMake, which builds this file again when
// one of the networks has changed.
// clang-format off
#define DCGAN_EMBED(symbol, file)                          \
  asm(".section .rodata\n"                                 \
      ".balign 16\n"                                       \
      #symbol "_begin:\n"                                  \
      ".incbin \"" DCGAN_FEATURES_DIR "/" file "\"\n"      \
      #symbol "_end:\n"                                    \
      ".previous\n");                                      \
  extern "C" {                                             \
  __attribute__((visibility("hidden"))) extern const char symbol##_begin[]; \
  __attribute__((visibility("hidden"))) extern const char symbol##_end[];   \
  }
// clang-format on

DCGAN_EMBED(dcgan_features_mnist, "mnist.pt")
DCGAN_EMBED(dcgan_features_fashion_mnist, "fashion-mnist.pt")

namespace dcgan {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view shipped_features(std::string_view set) {
  if (set == "mnist") return between(dcgan_features_mnist_begin, dcgan_features_mnist_end);
  if (set == "fashion-mnist") {
    return between(dcgan_features_fashion_mnist_begin, dcgan_features_fashion_mnist_end);
  }
  return {};
}

}  // namespace dcgan
