#include <webp/decode.h>

#include "dcgan/error.h"
#include "image/codecs.h"

namespace dcgan {

Image decode_webp(std::string_view bytes, const DecodeOptions& options) {
  const Error damage = failure("is a damaged WebP or cut short");
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK) throw Error(damage);
  if (features.has_animation != 0) {
    throw failure("is an animated WebP").remedy("save the picture you want of it as a still one");
  }
  check_size(features.height, features.width, options);
  const bool alpha = features.has_alpha != 0;
  Image image = blank_image(features.height, features.width, alpha ? 4 : 3);
  const auto decode = alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(data, bytes.size(), image.pixels.data(), image.pixels.size(),
             static_cast<int>(image.width * image.channels)) == nullptr) {
    throw Error(damage);
  }
  return image;
}

}  // namespace dcgan
