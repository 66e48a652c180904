#include <fmt/format.h>
#include <webp/decode.h>

#include "dcgan/error.h"
#include "image/codecs.h"

namespace dcgan {
namespace {

void check(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OK:
      return;
    case VP8_STATUS_OUT_OF_MEMORY:  // what newer ones call a damaged alpha channel, too
      throw failure("is a damaged WebP, or libwebp has no memory for its pixels");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      throw failure("is cut short");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      throw failure("is a damaged WebP: it uses a feature that libwebp does not know");
    default:
      throw failure("is a damaged WebP: its pixels cannot be unpacked");
  }
}

}  // namespace

Image decode_webp(std::string_view bytes, const DecodeOptions& options) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    throw failure("cannot be read: this libwebp is not the one that dcgan was built with");
  }
  check(WebPGetFeatures(data, bytes.size(), &config.input));
  if (config.input.has_animation != 0) {
    throw failure("is an animated WebP").remedy("save the picture you want of it as a still one");
  }
  check_size(config.input.height, config.input.width, options);

  const bool alpha = config.input.has_alpha != 0;
  Image image = blank_image(config.input.height, config.input.width, alpha ? 4 : 3);
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(image.width * image.channels);
  config.output.u.RGBA.size = image.pixels.size();
  const VP8StatusCode status = WebPDecode(data, bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  check(status);
  return image;
}

}  // namespace dcgan
