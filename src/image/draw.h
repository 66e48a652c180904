// Pictures put together: images on a sheet, and numbers beside them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dcgan/image.h"

namespace dcgan {

/// A sheet of one value.
Image blank(std::int64_t height, std::int64_t width, std::int64_t channels, std::uint8_t value);

/// Puts `image` on the sheet, which has as many channels; what lies outside of it is left out.
void paste(Image& sheet, const Image& image, std::int64_t top, std::int64_t left);

/// One line of text: a character is 5 x 7 pixels, each `scale` wide, and an empty column follows.
/// Digits, '+', '-' and '='; any other character is a space.
Image draw_text(std::string_view text, std::int64_t channels, std::int64_t scale,
                std::uint8_t background = 0);

/// The images, each below a strip with its number, 0, 1, 2, ... They become wider where the
/// numbers are.
std::vector<Image> with_numbers(const std::vector<Image>& images);

}  // namespace dcgan
