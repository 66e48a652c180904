#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "dcgan/error.h"
#include "image/codecs.h"

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

constexpr std::size_t kFileHeader = 14;
constexpr std::size_t kOldHeader = 12;  // of OS/2, with sides of 16 bits
constexpr std::size_t kShortestHeader =
    16;  // of all others: the longer ones begin with the shorter
constexpr std::size_t kWindowsHeader = 40;
constexpr std::size_t kMasksHeader = 108;  // Windows' version 4, which has the masks
constexpr std::size_t kLongestHeader = 124;
constexpr std::size_t kMasks = 54;  // in the file, whether in the header or behind it
constexpr std::uint32_t kBitFields = 3;
constexpr std::uint32_t kAlphaBitFields = 6;

struct BmpHeader {
  std::size_t size = 0;  ///< without the file's
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool top_down = false;
  std::uint32_t bits = 0;  ///< a pixel's
  std::uint32_t compression = 0;
  std::int64_t offset = 0;                  ///< of the pixels, in the file
  std::array<std::uint32_t, 4> masks = {};  ///< of red, green, blue and alpha, with kBitFields
};

/// `size` bytes at `offset`, the lowest first.
std::uint32_t number_at(std::string_view bytes, std::size_t offset, std::size_t size) {
  if (bytes.size() < offset + size) throw failure("is cut short");
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number |= std::uint32_t{static_cast<unsigned char>(bytes[offset + i])} << 8 * i;
  }
  return number;
}

void add_number(std::string& bytes, std::uint32_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>((number >> 8 * i) & 0xff);
}

BmpHeader read_header(std::string_view bytes) {
  BmpHeader header;
  header.offset = number_at(bytes, 10, 4);
  header.size = number_at(bytes, kFileHeader, 4);
  if (header.size == kOldHeader) {
    header.width = number_at(bytes, 18, 2);
    header.height = number_at(bytes, 20, 2);
    header.bits = number_at(bytes, 24, 2);
    return header;
  }
  if (header.size < kShortestHeader || header.size > kLongestHeader) {
    throw failure("is a damaged BMP: its header is of no known kind");
  }
  header.width = static_cast<std::int32_t>(number_at(bytes, 18, 4));
  const std::int64_t height = static_cast<std::int32_t>(number_at(bytes, 22, 4));
  header.top_down = height < 0;
  header.height = std::abs(height);
  header.bits = number_at(bytes, 28, 2);
  if (header.size > kShortestHeader) header.compression = number_at(bytes, 30, 4);
  return header;
}

bool has_bit_fields(const BmpHeader& header) {
  return header.compression == kBitFields || header.compression == kAlphaBitFields;
}

/// A pixel of 24 bits is its three bytes, whatever is said of fields.
bool has_masks(const BmpHeader& header) {
  return has_bit_fields(header) && (header.bits == 16 || header.bits == 32);
}

void read_masks(std::string_view bytes, BmpHeader& header) {
  const bool has_alpha = header.size > kWindowsHeader + 12 || header.compression == kAlphaBitFields;
  for (std::size_t i = 0; i < (has_alpha ? 4U : 3U); ++i) {
    header.masks[i] = number_at(bytes, kMasks + 4 * i, 4);
  }
  constexpr int kMaxBits = 8;
  if (std::any_of(header.masks.begin(), header.masks.end(),
                  [](std::uint32_t mask) { return std::popcount(mask) > kMaxBits; })) {
    throw failure("is a BMP with more than 8 bits a colour; save it with 8");
  }
}

void check_kind(const BmpHeader& header) {
  if (header.compression == 1 || header.compression == 2) {
    throw failure("is a BMP compressed by run lengths; save it without that");
  }
  // Of fewer bits OS/2 calls a compression so.
  const bool has_fields = has_bit_fields(header) && header.bits >= 16;
  if (header.compression != 0 && !has_fields) {
    throw failure("is a BMP with another picture or a compression in it; save it as a plain one");
  }
  constexpr std::array<std::uint32_t, 6> kBits = {1, 4, 8, 16, 24, 32};
  if (std::find(kBits.begin(), kBits.end(), header.bits) == kBits.end()) {
    throw failure(fmt::format("is a BMP of {} bits a pixel; save it with 24", header.bits));
  }
}

/// The 256 colours of a palette, those that the file leaves out black, as stb reads them.
std::string palette_of(std::string_view bytes, const BmpHeader& header) {
  const std::size_t size = header.size == kOldHeader ? 3 : 4;
  const std::size_t begin = kFileHeader + header.size;
  const std::size_t end = std::min(static_cast<std::size_t>(header.offset), bytes.size());
  if (end < begin + size) throw failure("is a damaged BMP: it has no palette");
  const std::size_t count = std::min<std::size_t>((end - begin) / size, 256);
  std::string palette;
  for (std::size_t i = 0; i < count; ++i) {
    palette += bytes.substr(begin + i * size, 3);
    palette += '\0';
  }
  palette.resize(4 * 256, '\0');
  return palette;
}

/// The same picture as a BMP of the kind that stb reads best. It leaves what a short palette
/// doesn't say uninitialised, miscounts an OS/2 one, and knows no gap before the pixels.
std::string simplified(std::string_view bytes, const BmpHeader& header, std::size_t pixel_bytes) {
  const std::string palette = header.bits <= 8 ? palette_of(bytes, header) : "";
  const std::size_t size = has_masks(header) ? kMasksHeader : kWindowsHeader;
  std::string plain = "BM";
  plain.resize(10, '\0');  // the file's size, which nobody needs, and what is reserved
  add_number(plain, static_cast<std::uint32_t>(kFileHeader + size + palette.size()), 4);
  add_number(plain, static_cast<std::uint32_t>(size), 4);
  add_number(plain, static_cast<std::uint32_t>(header.width), 4);
  add_number(plain, static_cast<std::uint32_t>(header.top_down ? -header.height : header.height),
             4);
  add_number(plain, 1, 2);  // planes
  add_number(plain, header.bits, 2);
  add_number(plain, has_masks(header) ? kBitFields : 0, 4);
  plain.resize(kFileHeader + kWindowsHeader, '\0');
  for (const std::uint32_t mask : header.masks) {
    if (has_masks(header)) add_number(plain, mask, 4);
  }
  plain.resize(kFileHeader + size, '\0');
  plain += palette;
  plain += bytes.substr(static_cast<std::size_t>(header.offset), pixel_bytes);
  return plain;
}

}  // namespace

Image decode_bmp(std::string_view bytes, const DecodeOptions& options) {
  BmpHeader header = read_header(bytes);
  check_size(header.height, header.width, options);
  check_kind(header);
  if (has_masks(header)) read_masks(bytes, header);
  const std::int64_t row = (header.width * header.bits + 31) / 32 * 4;
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (size < header.offset + header.height * row) throw failure("is cut short");
  const std::string plain =
      simplified(bytes, header, static_cast<std::size_t>(header.height * row));
  if (plain.size() > std::numeric_limits<int>::max()) throw failure("is too large for a BMP");

  // Only masks make a pixel's fourth byte its alpha; without them it is reserved, whatever it
  // holds.
  const bool has_reserved_byte = header.bits == 32 && !has_masks(header);
  const int wanted_channels = has_reserved_byte ? 3 : 0;  // 0: the file's own
  int width = 0;
  int height = 0;
  int channels = 0;
  const std::unique_ptr<stbi_uc, Free> pixels(stbi_load_from_memory(
      reinterpret_cast<const stbi_uc*>(plain.data()), static_cast<int>(plain.size()), &width,
      &height, &channels, wanted_channels));
  if (!pixels) throw failure(fmt::format("is a damaged BMP: {}", stbi_failure_reason()));
  if (has_reserved_byte) channels = wanted_channels;
  Image image{height, width, channels, {}};
  image.pixels.assign(pixels.get(), pixels.get() + std::ptrdiff_t{height} * width * channels);
  return image;
}

}  // namespace dcgan
