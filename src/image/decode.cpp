#include "image/decode.h"

#include <fmt/format.h>

#include "base/file.h"
#include "dcgan/error.h"
#include "image/codecs.h"

namespace dcgan {
namespace {

bool begins_with(std::string_view bytes, std::string_view magic) {
  return bytes.substr(0, magic.size()) == magic;
}

/// In the range of the file, but where it has 16 bits.
Image decode(std::string_view bytes, const DecodeOptions& options) {
  if (bytes.empty()) throw failure("is empty");
  switch (image_format(bytes)) {
    case ImageFormat::png:
      return decode_png(bytes, options);
    case ImageFormat::jpeg:
      return decode_jpeg(bytes, options);
    case ImageFormat::bmp:
      return decode_bmp(bytes, options);
    case ImageFormat::webp:
      return decode_webp(bytes, options);
    case ImageFormat::unknown:
      break;
  }
  throw failure("is not an image (PNG, JPEG, BMP or WebP)");
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
  if (begins_with(bytes, "\x89PNG\r\n\x1a\n"sv)) return ImageFormat::png;
  if (begins_with(bytes, "\xff\xd8\xff"sv)) return ImageFormat::jpeg;
  if (begins_with(bytes, "BM"sv)) return ImageFormat::bmp;
  if (begins_with(bytes, "RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP"sv) {
    return ImageFormat::webp;
  }
  return ImageFormat::unknown;
}

Image decode_image(std::string_view bytes, const DecodeOptions& options) {
  Image image = decode(bytes, options);
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

}  // namespace dcgan
