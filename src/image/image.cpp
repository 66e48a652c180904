#include "dcgan/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "base/file.h"
#include "dcgan/error.h"
#include "image/draw.h"

// stb's code is not ours to clean.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace dcgan {

std::string encode_png(const Image& image) {
  const double bytes = static_cast<double>(image.height) *
                       (static_cast<double>(image.width) * static_cast<double>(image.channels) + 1);
  if (image.height < 1 || image.width < 1 || bytes > static_cast<double>(kMaxImageBytes)) {
    throw failure(
        fmt::format("an image of {} x {} pixels cannot be a PNG", image.height, image.width));
  }
  const auto height = static_cast<int>(image.height);
  const auto width = static_cast<int>(image.width);
  const auto channels = static_cast<int>(image.channels);
  if ((channels != 1 && channels != 3) ||
      image.pixels.size() != static_cast<std::size_t>(image.height * image.width * channels)) {
    throw std::invalid_argument("encode_png: pixels do not match height, width and channels");
  }
  int size = 0;
  const std::unique_ptr<unsigned char, decltype(&std::free)> png(
      stbi_write_png_to_mem(image.pixels.data(), width * channels, width, height, channels, &size),
      &std::free);
  if (!png) throw std::bad_alloc();
  return {reinterpret_cast<const char*>(png.get()), static_cast<std::size_t>(size)};
}

void write_png(const std::filesystem::path& path, const Image& image) {
  try {
    write_file_atomically(path, encode_png(image));
  } catch (Error& error) {
    throw error.in(path);
  }
}

Image make_grid(const std::vector<Image>& images, const GridOptions& options) {
  if (images.empty() || options.columns < 1 || options.padding < 0) {
    throw std::invalid_argument("make_grid: needs an image, a column and no negative padding");
  }
  const Image& first = images.front();
  const auto count = static_cast<std::int64_t>(images.size());
  const std::int64_t columns = std::min(options.columns, count);
  const std::int64_t rows = (count + columns - 1) / columns;

  Image grid;
  grid.channels = first.channels;
  grid.height = rows * (first.height + options.padding) + options.padding;
  grid.width = columns * (first.width + options.padding) + options.padding;
  const double bytes = static_cast<double>(grid.height) * static_cast<double>(grid.width) *
                       static_cast<double>(grid.channels);
  if (bytes > static_cast<double>(kMaxImageBytes)) {
    throw failure(fmt::format("a grid of {} images is {} x {} pixels, too large for one PNG", count,
                              grid.height, grid.width))
        .remedy("make fewer, or one file each");
  }
  grid = blank(grid.height, grid.width, grid.channels, options.background);

  const std::int64_t line = first.width * first.channels;
  for (std::int64_t i = 0; i < count; ++i) {
    const Image& image = images[static_cast<std::size_t>(i)];
    if (image.height != first.height || image.width != first.width ||
        image.channels != first.channels ||
        static_cast<std::int64_t>(image.pixels.size()) != image.height * line) {
      throw std::invalid_argument("make_grid: images of different sizes");
    }
    const std::int64_t top = options.padding + i / columns * (first.height + options.padding);
    const std::int64_t left = options.padding + i % columns * (first.width + options.padding);
    paste(grid, image, top, left);
  }
  return grid;
}

std::int64_t square_columns(std::int64_t count) {
  std::int64_t columns = 1;
  while (columns * columns < count) ++columns;
  return columns;
}

}  // namespace dcgan
