#include "image/draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace dcgan {
namespace {

constexpr std::int64_t kGlyphHeight = 7;
constexpr std::int64_t kGlyphWidth = 5;
constexpr std::uint8_t kInk = 255;

/// Rows from the top; the leftmost pixel is the highest of five bits.
using Glyph = std::array<std::uint8_t, kGlyphHeight>;

constexpr std::string_view kCharacters = "0123456789+-=";
constexpr Glyph kGlyphs[] = {
    {0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110},
    {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110},
    {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
    {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
    {0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
    {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000},
    {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
    {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110},
    {0b00000, 0b00100, 0b00100, 0b11111, 0b00100, 0b00100, 0b00000},
    {0b00000, 0b00000, 0b00000, 0b11111, 0b00000, 0b00000, 0b00000},
    {0b00000, 0b00000, 0b11111, 0b00000, 0b11111, 0b00000, 0b00000},
};

}  // namespace

Image blank(std::int64_t height, std::int64_t width, std::int64_t channels, std::uint8_t value) {
  Image sheet{height, width, channels, {}};
  sheet.pixels.assign(static_cast<std::size_t>(height * width * channels), value);
  return sheet;
}

void paste(Image& sheet, const Image& image, std::int64_t top, std::int64_t left) {
  const std::int64_t channels = sheet.channels;
  const std::int64_t width = std::min(image.width, sheet.width - left);
  for (std::int64_t y = 0; y < std::min(image.height, sheet.height - top); ++y) {
    std::copy_n(image.pixels.begin() + y * image.width * channels, width * channels,
                sheet.pixels.begin() + ((top + y) * sheet.width + left) * channels);
  }
}

Image draw_text(std::string_view text, std::int64_t channels, std::int64_t scale,
                std::uint8_t background) {
  const auto length = static_cast<std::int64_t>(text.size());
  Image line =
      blank(kGlyphHeight * scale, length * (kGlyphWidth + 1) * scale, channels, background);
  const Image dot = blank(scale, scale, channels, kInk);
  for (std::int64_t i = 0; i < length; ++i) {
    const std::size_t found = kCharacters.find(text[static_cast<std::size_t>(i)]);
    if (found == std::string_view::npos) continue;
    for (std::int64_t y = 0; y < kGlyphHeight; ++y) {
      for (std::int64_t x = 0; x < kGlyphWidth; ++x) {
        const int row = kGlyphs[found][static_cast<std::size_t>(y)];
        if ((row >> (kGlyphWidth - 1 - x) & 1) == 0) continue;
        paste(line, dot, y * scale, (i * (kGlyphWidth + 1) + x) * scale);
      }
    }
  }
  return line;
}

std::vector<Image> with_numbers(const std::vector<Image>& images) {
  constexpr std::int64_t kWidthOfScaleOne = 56;  // below twice as many pixels
  constexpr std::uint8_t kStrip = 80;
  const Image& first = images.front();
  const std::int64_t scale = std::max<std::int64_t>(1, first.width / kWidthOfScaleOne);
  const auto write = [&](std::size_t number) {
    return draw_text(fmt::format("{}", number), first.channels, scale, kStrip);
  };
  const Image widest = write(images.size() - 1);
  const std::int64_t width = std::max(first.width, widest.width + scale);
  const Image strip = blank(widest.height + 2 * scale, width, first.channels, kStrip);
  std::vector<Image> numbered;
  for (const Image& image : images) {
    Image cell = blank(strip.height + image.height, width, image.channels, 0);
    paste(cell, strip, 0, 0);
    paste(cell, write(numbered.size()), scale, scale);
    paste(cell, image, strip.height, 0);
    numbered.push_back(std::move(cell));
  }
  return numbered;
}

}  // namespace dcgan
