#include <fmt/format.h>

#include <cstdlib>
#include <limits>
#include <memory>

#include "codecs.h"
#include "dcgan/base/error.h"

// stb's code is not ours to clean.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace dcgan {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

/// `size` bytes at `offset`, the lowest first.
std::uint32_t number_at(std::string_view bytes, std::size_t offset, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number |= std::uint32_t{static_cast<unsigned char>(bytes[offset + i])} << 8 * i;
  }
  return number;
}

struct BmpHeader {
  std::int64_t height;
  std::int64_t width;
  std::int64_t bits;  ///< a pixel's
  std::uint32_t compression;
  std::int64_t offset;  ///< of the pixels, in the file
};

BmpHeader read_header(std::string_view bytes) {
  constexpr std::size_t kFileHeader = 14;
  constexpr std::size_t kOldHeader = 12;  // of OS/2, with sides of 16 bits
  constexpr std::size_t kHeader = 16;     // what we read of all the others
  if (bytes.size() < kFileHeader + 4) throw failure("is cut short");
  const bool old = number_at(bytes, kFileHeader, 4) == kOldHeader;
  if (bytes.size() < kFileHeader + (old ? kOldHeader : kHeader)) throw failure("is cut short");

  BmpHeader header{};
  if (old) {
    header.width = number_at(bytes, 18, 2);
    header.height = number_at(bytes, 20, 2);
    header.bits = number_at(bytes, 24, 2);
  } else {
    header.width = static_cast<std::int32_t>(number_at(bytes, 18, 4));
    // Negative: the rows stand from top to bottom.
    header.height = std::abs(std::int64_t{static_cast<std::int32_t>(number_at(bytes, 22, 4))});
    header.bits = number_at(bytes, 28, 2);
  }
  header.offset = number_at(bytes, 10, 4);
  constexpr std::size_t kCompression = 30;
  if (!old && bytes.size() >= kCompression + 4) {
    header.compression = number_at(bytes, kCompression, 4);
    const bool run_lengths = header.compression == 1 || header.compression == 2;
    if (run_lengths) throw failure("is a BMP compressed by run lengths; save it without that");
  }
  return header;
}

}  // namespace

Image decode_bmp(std::string_view bytes, const DecodeOptions& options) {
  const BmpHeader header = read_header(bytes);
  check_size(header.height, header.width, options);
  // stb takes what lies behind the end for zeros.
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t row = (header.width * header.bits + 31) / 32 * 4;
  if (size < header.offset + header.height * row) throw failure("is cut short");
  if (size > std::numeric_limits<int>::max()) throw failure("is too large for a BMP");

  // Only masks make a pixel's fourth byte its alpha; without them it is reserved, whatever it
  // holds.
  const bool has_reserved_byte = header.bits == 32 && header.compression == 0;
  const int wanted_channels = has_reserved_byte ? 3 : 0;  // 0: the file's own
  int width = 0;
  int height = 0;
  int channels = 0;
  const std::unique_ptr<stbi_uc, Free> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(size),
                            &width, &height, &channels, wanted_channels));
  if (!pixels) throw failure(fmt::format("is a damaged BMP: {}", stbi_failure_reason()));
  if (has_reserved_byte) channels = wanted_channels;
  Image image{height, width, channels, {}};
  image.pixels.assign(pixels.get(), pixels.get() + std::ptrdiff_t{height} * width * channels);
  return image;
}

}  // namespace dcgan
