// Which value of a picture is white, on a scale of 65535 whatever bits its file has.
#pragma once

#include <cstdint>

#include "dcgan/image.h"

namespace dcgan {

constexpr std::uint32_t kFullRange = 65535;

/// The largest of the picture's colour values; alpha is none.
std::uint32_t largest_value(const Image& image);

/// Scales the colours so that `white` becomes 255, and so does what is above it; alpha stays.
void scale_levels(Image& image, std::uint32_t white);

}  // namespace dcgan
