// Picture files of other programs as pixels: PNG, JPEG, BMP and WebP.
//
// PNG is read by libpng, JPEG by libjpeg-turbo, WebP by libwebp, BMP by stb_image. None of them
// prints; what they find wrong is the message of a `failure`. All functions may run in many threads
// at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "dcgan/config.h"
#include "dcgan/image.h"

namespace dcgan {

/// White, on a scale that is the same whatever bits a file has.
constexpr std::uint32_t kFullRange = 65535;

enum class ImageFormat { png, jpeg, bmp, webp, unknown };

/// What the first bytes say; a file's name says nothing.
ImageFormat image_format(std::string_view bytes);

struct DecodeOptions {
  /// The most pixels of a decoded image. A JPEG with more that is not progressive is decoded at
  /// 1/2, 1/4 or 1/8 of its height and width; whatever has still more is refused before anything is
  /// allocated for it.
  std::int64_t max_pixels = std::int64_t{1} << 26;
  /// {H, W} that the caller will scale to: a JPEG may be decoded at 1/2, 1/4 or 1/8 where what
  /// comes out, turned upright, is still at least this high and this wide, which takes a fraction
  /// of the time. {0, 0}: every pixel.
  Extent wanted{0, 0};
  /// The colour value, of 65535, that becomes 255, with all the bits that the file has; and so
  /// does what is above it.
  std::uint32_t white = kFullRange;
};

/// The picture with the channels that the file has, opaque alpha included:
///
/// | file | channels |
/// |-|-|
/// | PNG | grey 1, grey with alpha or a transparent colour 2, RGB or palette 3, with either 4 |
/// | JPEG | grey 1, colour 3; CMYK and YCCK become RGB, and Adobe's are inverted first |
/// | BMP | 3, with alpha 4; an alpha of 0 throughout counts as opaque |
/// | WebP | 3, with alpha 4 |
///
/// 16 bits are reduced to 8 by rounding v * 255 / white. A JPEG is turned upright as its EXIF
/// orientation says; orientations in other formats and colour profiles are ignored.
///
/// Memory, beside `bytes`: height * width * channels for the result, and at most
/// - JPEG: as much again while it is turned or while CMYK becomes RGB (4 bytes a pixel there);
///   a progressive one 6 bytes a pixel;
/// - WebP: 8 bytes a pixel; BMP: 8 bytes a pixel; PNG: some rows, of 16 bits twice as much again.
///
/// Throws `failure` with a message that lacks the file's name. A file that is cut at any length is
/// refused, also where all of its pixels are there.
Image decode_image(std::string_view bytes, const DecodeOptions& options = {});

/// Reads and decodes a file; errors name `path`.
Image read_image(const std::filesystem::path& path, const DecodeOptions& options = {});

/// The largest of the picture's colour values, of 65535; alpha is none.
std::uint32_t largest_value(const Image& image);

/// Scales the colours so that `white` becomes 255, and so does what is above it; alpha stays.
void scale_levels(Image& image, std::uint32_t white);

}  // namespace dcgan
