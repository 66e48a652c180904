#include <webp/encode.h>
#include <webp/mux.h>

#include <memory>
#include <new>
#include <stdexcept>

#include "image/animation.h"

namespace dcgan {
namespace {

using WebpEncoder = std::unique_ptr<WebPAnimEncoder, decltype(&WebPAnimEncoderDelete)>;

WebpEncoder make_webp_encoder(const Image& frame) {
  check_sides(frame, WEBP_MAX_DIMENSION, "WebP");
  WebPAnimEncoderOptions options;
  if (WebPAnimEncoderOptionsInit(&options) == 0) throw std::runtime_error("another libwebpmux");
  options.anim_params.loop_count = 0;  // for ever
  options.kmax = 0;                    // nobody seeks in it
  WebpEncoder encoder(
      WebPAnimEncoderNew(static_cast<int>(frame.width), static_cast<int>(frame.height), &options),
      &WebPAnimEncoderDelete);
  if (!encoder) throw std::bad_alloc();
  return encoder;
}

WebPConfig lossless_config() {
  constexpr int kLevel = 1;  // of 9; 6 takes four times as long and saves 6 % of generated faces
  WebPConfig config;
  if (WebPConfigInit(&config) == 0 || WebPConfigLosslessPreset(&config, kLevel) == 0) {
    throw std::runtime_error("another libwebp");
  }
  return config;
}

void add_webp_frame(WebPAnimEncoder* encoder, const Image& frame, int start,
                    const WebPConfig& config) {
  WebPPicture picture;
  if (WebPPictureInit(&picture) == 0) throw std::runtime_error("another libwebp");
  const std::unique_ptr<WebPPicture, decltype(&WebPPictureFree)> freed(&picture, &WebPPictureFree);
  picture.use_argb = 1;
  picture.width = static_cast<int>(frame.width);
  picture.height = static_cast<int>(frame.height);
  const Image colour = as_rgb(frame);
  if (WebPPictureImportRGB(&picture, colour.pixels.data(), picture.width * 3) == 0 ||
      WebPAnimEncoderAdd(encoder, &picture, start, &config) == 0) {
    throw std::bad_alloc();  // all else has been checked
  }
}

}  // namespace

std::string encode_animated_webp(const Animation& animation) {
  const WebPConfig config = lossless_config();
  WebpEncoder encoder(nullptr, &WebPAnimEncoderDelete);
  int start = 0;
  for (std::int64_t i = 0; i < animation.count; ++i) {
    const Image frame = animation.frame(i);
    if (i == 0) encoder = make_webp_encoder(frame);
    add_webp_frame(encoder.get(), frame, start, config);
    start += milliseconds_of(animation, i);
  }
  WebPData data;
  WebPDataInit(&data);
  const std::unique_ptr<WebPData, decltype(&WebPDataClear)> freed(&data, &WebPDataClear);
  if (WebPAnimEncoderAdd(encoder.get(), nullptr, start, nullptr) == 0 ||
      WebPAnimEncoderAssemble(encoder.get(), &data) == 0) {
    throw std::bad_alloc();
  }
  return {reinterpret_cast<const char*>(data.bytes), data.size};
}

}  // namespace dcgan
