// One decoder a format, for decode.cpp alone, and what they share with fit.cpp and resize.cpp. Each
// throws `failure` as decode.h says.
#pragma once

#include <cstdint>
#include <string_view>

#include "image/decode.h"

namespace dcgan {

Image decode_png(std::string_view bytes, const DecodeOptions& options);
Image decode_jpeg(std::string_view bytes, const DecodeOptions& options);
Image decode_bmp(std::string_view bytes, const DecodeOptions& options);
Image decode_webp(std::string_view bytes, const DecodeOptions& options);

/// Refuses an image without pixels or with more than `options` allow.
void check_size(std::int64_t height, std::int64_t width, const DecodeOptions& options);

/// An image of this size whose pixels are all 0.
Image blank_image(std::int64_t height, std::int64_t width, std::int64_t channels);

/// a / 255 rounded, for a <= 65025.
inline std::uint8_t divide_by_255(unsigned a) {
  const unsigned t = a + 128;
  return static_cast<std::uint8_t>((t + (t >> 8)) >> 8);
}

}  // namespace dcgan
