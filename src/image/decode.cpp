#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "dcgan/error.h"
#include "image/codecs.h"

namespace dcgan {
namespace {

constexpr std::uint32_t kStep = kFullRange / 255;  ///< between two values of 8 bits

/// Calls `use` for each value but alpha's.
template <typename Pixels, typename Use>
void for_each_colour(Pixels& pixels, std::int64_t channels, Use use) {
  const std::size_t step = static_cast<std::size_t>(channels);
  const std::size_t colours = step - (step % 2 == 0 ? 1 : 0);
  for (std::size_t pixel = 0; pixel < pixels.size(); pixel += step) {
    for (std::size_t c = 0; c < colours; ++c) use(pixels[pixel + c]);
  }
}

}  // namespace

void check_size(std::int64_t height, std::int64_t width, const DecodeOptions& options) {
  if (height < 1 || width < 1) throw failure("has no pixels");
  // Not height * width: sides of up to 2^32 come from a header.
  if (height > options.max_pixels / width) {
    throw failure(fmt::format("has {} x {} pixels (height x width), more than the {} that are read",
                              height, width, options.max_pixels))
        .remedy("make it smaller");
  }
}

Image blank_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  Image image{height, width, channels, {}};
  image.pixels.resize(static_cast<std::size_t>(height * width * channels));
  return image;
}

ImageFormat image_format(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return ImageFormat::png;
  if (bytes.starts_with("\xff\xd8\xff"sv)) return ImageFormat::jpeg;
  if (bytes.starts_with("BM"sv)) return ImageFormat::bmp;
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP"sv) {
    return ImageFormat::webp;
  }
  return ImageFormat::unknown;
}

Image decode_image(std::string_view bytes, const DecodeOptions& options) {
  if (bytes.empty()) throw failure("is empty");
  constexpr std::array kDecoders{decode_png, decode_jpeg, decode_bmp, decode_webp};
  const ImageFormat format = image_format(bytes);
  if (format == ImageFormat::unknown) {
    throw failure("is not an image (PNG, JPEG, BMP or WebP)");
  }
  // In the range of the file, but where it has 16 bits.
  Image image = kDecoders.at(static_cast<std::size_t>(format))(bytes, options);
  if (image.largest == 0) scale_levels(image, options.white);  // else done with all of its 16 bits
  return image;
}

Image read_image(const std::filesystem::path& path, const DecodeOptions& options) {
  const std::string bytes = read_file(path);
  try {
    return decode_image(bytes, options);
  } catch (Error& error) {
    throw error.in(path);
  }
}

std::uint32_t largest_value(const Image& image) {
  if (image.largest > 0) return image.largest;
  std::uint8_t largest = 0;
  for_each_colour(image.pixels, image.channels,
                  [&](std::uint8_t value) { largest = std::max(largest, value); });
  return largest * kStep;
}

void scale_levels(Image& image, std::uint32_t white) {
  if (white == kFullRange) return;
  std::array<std::uint8_t, 256> scaled{};
  for (std::uint32_t value = 0; value < scaled.size(); ++value) {
    scaled[value] = static_cast<std::uint8_t>(
        std::min<std::uint32_t>(255, (value * kStep * 255 + white / 2) / white));
  }
  for_each_colour(image.pixels, image.channels,
                  [&](std::uint8_t& value) { value = scaled[value]; });
}

}  // namespace dcgan
