#include "image/levels.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace dcgan {
namespace {

constexpr std::uint32_t kStep = kFullRange / 255;  ///< between two values of 8 bits

/// Calls `use` for each value but alpha's.
template <typename Pixels, typename Use>
void for_each_colour(Pixels& pixels, std::int64_t channels, Use use) {
  const std::size_t step = static_cast<std::size_t>(channels);
  const std::size_t colours = step - (step % 2 == 0 ? 1 : 0);
  for (std::size_t pixel = 0; pixel < pixels.size(); pixel += step) {
    for (std::size_t c = 0; c < colours; ++c) use(pixels[pixel + c]);
  }
}

}  // namespace

std::uint32_t largest_value(const Image& image) {
  if (image.largest > 0) return image.largest;
  std::uint8_t largest = 0;
  for_each_colour(image.pixels, image.channels,
                  [&](std::uint8_t value) { largest = std::max(largest, value); });
  return largest * kStep;
}

void scale_levels(Image& image, std::uint32_t white) {
  if (white == kFullRange) return;
  std::array<std::uint8_t, 256> scaled{};
  for (std::uint32_t value = 0; value < scaled.size(); ++value) {
    scaled[value] = static_cast<std::uint8_t>(
        std::min<std::uint32_t>(255, (value * kStep * 255 + white / 2) / white));
  }
  for_each_colour(image.pixels, image.channels,
                  [&](std::uint8_t& value) { value = scaled[value]; });
}

}  // namespace dcgan
