// An animated PNG is a PNG with further chunks (PNG specification, third edition, section 11.3.6):
// acTL says how many frames there are, an fcTL before each how long it is shown, and the frames
// behind the first are in fdAT in place of IDAT.
#include <string_view>

#include "base/gz.h"
#include "image/animation.h"

namespace dcgan {
namespace {

std::string big_endian(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text += static_cast<char>(value >> shift);
  }
  return text;
}

std::string png_chunk(std::string_view type, std::string_view data) {
  std::string body(type);
  body += data;
  return big_endian(static_cast<std::uint32_t>(data.size())) + body +
         big_endian(crc32_of(body.data(), body.size()));
}

struct PngParts {
  std::string_view header;  ///< the signature and IHDR
  std::string pixels;       ///< of its IDAT
};

/// Of a PNG by encode_png().
PngParts split_png(std::string_view png) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kHeader = kSignature + 25;
  constexpr std::size_t kAround = 12;  // length, type and CRC
  PngParts parts{png.substr(0, kHeader), {}};
  for (std::size_t at = kHeader; at + kAround <= png.size();) {
    std::size_t size = 0;
    for (const char c : png.substr(at, 4)) size = size << 8 | static_cast<unsigned char>(c);
    if (png.substr(at + 4, 4) == "IDAT") parts.pixels += png.substr(at + 8, size);
    at += size + kAround;
  }
  return parts;
}

std::string frame_control(std::uint32_t sequence, const Image& frame, int milliseconds) {
  constexpr std::uint32_t kMillisecondsInASecond = 1000;
  return png_chunk("fcTL", big_endian(sequence) +
                               big_endian(static_cast<std::uint32_t>(frame.width)) +
                               big_endian(static_cast<std::uint32_t>(frame.height)) +
                               big_endian(0) + big_endian(0) +  // where it lies
                               big_endian(static_cast<std::uint32_t>(milliseconds), 2) +
                               big_endian(kMillisecondsInASecond, 2) +
                               big_endian(0, 2));  // it stays, and replaces what was there
}

}  // namespace

std::string encode_animated_png(const Animation& animation) {
  std::string bytes;
  std::uint32_t sequence = 0;
  for (std::int64_t i = 0; i < animation.count; ++i) {
    const Image frame = animation.frame(i);
    const std::string png = encode_png(frame);
    const PngParts parts = split_png(png);
    if (i == 0) {
      bytes = parts.header;
      bytes += png_chunk("acTL", big_endian(static_cast<std::uint32_t>(animation.count)) +
                                     big_endian(0));  // for ever
    }
    bytes += frame_control(sequence++, frame, milliseconds_of(animation, i));
    bytes += i == 0 ? png_chunk("IDAT", parts.pixels)
                    : png_chunk("fdAT", big_endian(sequence++) + parts.pixels);
  }
  return bytes + png_chunk("IEND", "");
}

}  // namespace dcgan
