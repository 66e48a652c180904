#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "base/file.h"
#include "dcgan/error.h"
#include "dcgan/image.h"

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
  if (image.height < 1 || image.width < 1) {
    throw failure("an empty image cannot be a PNG");
  }
  const double bytes = static_cast<double>(image.height) *
                       (static_cast<double>(image.width) * static_cast<double>(image.channels) + 1);
  if (bytes > static_cast<double>(kMaxImageBytes)) {
    throw failure(fmt::format("an image of {} x {} pixels is too large for a PNG", image.height,
                              image.width));
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

}  // namespace dcgan
