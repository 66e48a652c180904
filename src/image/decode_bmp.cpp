#include <fmt/format.h>

#include <cstdlib>
#include <limits>
#include <memory>

#include "dcgan/error.h"
#include "image/codecs.h"

// stb's code is not ours to clean. Colours that a short palette lacks shall be black.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#pragma GCC push_options
#pragma GCC optimize("trivial-auto-var-init=zero")
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#include <stb_image.h>
#pragma GCC pop_options
#pragma GCC diagnostic pop

namespace dcgan {
namespace {

/// `size` bytes at `offset`, the lowest first.
std::int64_t number_at(std::string_view bytes, std::size_t offset, std::size_t size) {
  if (bytes.size() < offset + size) throw failure("is cut short");
  std::int64_t number = 0;
  for (std::size_t i = size; i-- > 0;) {
    number = number << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return number;
}

Error refusal(const char* why) {
  return failure(fmt::format("is a BMP that is damaged or of a kind not read ({})", why))
      .remedy("save it as a PNG");
}

}  // namespace

Image decode_bmp(std::string_view bytes, const DecodeOptions& options) {
  if (bytes.size() > std::numeric_limits<int>::max()) throw failure("is too large for a BMP");
  const auto* const data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int channels = 0;
  int wanted_channels = 0;  // the file's own
  if (stbi_info_from_memory(data, size, &width, &height, &channels) != 0) {
    const std::int64_t rows = std::abs(std::int64_t{height});  // negative: from top to bottom
    check_size(rows, width, options);
    const std::int64_t offset = number_at(bytes, 10, 4);
    const std::int64_t header = number_at(bytes, 14, 4);
    const std::int64_t bits = number_at(bytes, header == 12 ? 24 : 28, 2);
    const std::int64_t compression = header == 12 ? 0 : number_at(bytes, 30, 4);
    // stb takes what is not there for zeros.
    if (offset + rows * ((width * bits + 31) / 32 * 4) > size) throw failure("is cut short");
    // What stb reads wrongly. Without masks a pixel's fourth byte is reserved; stb calls it alpha.
    if (bits < 16 && header == 12) throw refusal("a palette of OS/2");
    if (bits < 16 && offset < header + 18) throw refusal("no palette");
    if (header == 56 && compression != 0) throw refusal("masks in a header of version 3");
    if (bits == 32 && compression == 0) wanted_channels = 3;
  }
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_memory(data, size, &width, &height, &channels, wanted_channels), &std::free);
  if (!pixels) throw refusal(stbi_failure_reason());
  if (wanted_channels != 0) channels = wanted_channels;
  Image image{height, width, channels, {}};
  image.pixels.assign(pixels.get(), pixels.get() + std::ptrdiff_t{height} * width * channels);
  return image;
}

}  // namespace dcgan
