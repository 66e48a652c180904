// Pictures in memory, as PNG files, and as grids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

/// Row-major, interleaved 8-bit pixels: [height, width, channels].
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 1;  ///< 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA)
  std::vector<std::uint8_t> pixels;
  Extent stored{0, 0};        ///< in the file, where a decoder made it smaller
  std::uint16_t largest = 0;  ///< colour value in a file of 16 bits, before it became one of 8
};

/// The most pixel bytes that an image to be written may have: stb counts in int, and its deflate
/// buffer grows by doubling.
inline constexpr std::int64_t kMaxImageBytes = std::int64_t{1} << 30;

/// The PNG file's bytes. Throws `failure` when the image is empty or larger than kMaxImageBytes.
std::string encode_png(const Image& image);

/// Encodes and writes atomically; errors name `path`.
void write_png(const std::filesystem::path& path, const Image& image);

struct GridOptions {
  std::int64_t columns = 8;
  std::int64_t padding = 2;  ///< pixels between images and around the grid
  std::uint8_t background = 0;
};

/// Images of one size, row by row, on one sheet. The last row may be incomplete; with fewer images
/// than columns the sheet is only as wide as they are. Throws `failure` for a sheet larger than
/// kMaxImageBytes.
Image make_grid(const std::vector<Image>& images, const GridOptions& options);

/// The most square number of columns for `count` images: the smallest c with c * c >= count.
std::int64_t square_columns(std::int64_t count);

}  // namespace dcgan
