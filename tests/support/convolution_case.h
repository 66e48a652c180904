// The shapes of a convolution, as a parameter of tests.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>

#include "kernels/convolution.h"

namespace dcgan::testing {

struct ConvolutionCase {
  const char* name;
  std::int64_t images;
  std::int64_t in;
  std::array<std::int64_t, 2> size;
  std::int64_t out;
  Window window;
};

inline void PrintTo(const ConvolutionCase& shape, std::ostream* out) { *out << shape.name; }

}  // namespace dcgan::testing
