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

std::string_view shipped_features(std::string_view set) {
  if (set == "mnist") return {dcgan_features_mnist_begin, dcgan_features_mnist_end};
  if (set != "fashion-mnist") return {};
  return {dcgan_features_fashion_mnist_begin, dcgan_features_fashion_mnist_end};
}

}  // namespace dcgan
