#include "image/fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/multiversion.h"
#include "image/codecs.h"

namespace dcgan {
namespace {

/// Rec. 601, with the weights and the rounding of Pillow's "L".
std::uint8_t luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

/// `count` pixels of RGBA on the background.
DCGAN_MULTIVERSION
void blend(const std::uint8_t* __restrict in, std::int64_t count, const Color& background,
           std::uint8_t* __restrict out) {
  const unsigned behind[] = {background[0], background[1], background[2]};
  for (std::int64_t i = 0; i < count; ++i) {
    const unsigned alpha = in[i * 4 + 3];
    for (std::int64_t c = 0; c < 3; ++c) {
      out[i * 3 + c] = divide_by_255(in[i * 4 + c] * alpha + behind[c] * (255 - alpha));
    }
  }
}

Image grey_to_colour(const Image& image) {
  Image colour = blank_image(image.height, image.width, 4);
  for (std::size_t i = 0; i < image.pixels.size() / 2; ++i) {
    std::fill_n(colour.pixels.begin() + static_cast<std::ptrdiff_t>(4 * i), 3, image.pixels[2 * i]);
    colour.pixels[4 * i + 3] = image.pixels[2 * i + 1];
  }
  return colour;
}

Image with_channels(Image image, std::int64_t channels) {
  if (image.channels == channels) return image;
  Image other = blank_image(image.height, image.width, channels);
  const std::int64_t count = image.height * image.width;
  const std::uint8_t* in = image.pixels.data();
  std::uint8_t* out = other.pixels.data();
  if (channels == 1) {
    for (std::int64_t i = 0; i < count; ++i, in += 3) out[i] = luma(in[0], in[1], in[2]);
  } else {
    for (std::int64_t i = 0; i < count; ++i, out += 3) std::fill_n(out, 3, in[i]);
  }
  return other;
}

/// The largest centred part of the shape height : width.
Box centred_part(const Image& image, std::int64_t height, std::int64_t width) {
  const auto image_height = static_cast<double>(image.height);
  const auto image_width = static_cast<double>(image.width);
  const auto shape = static_cast<double>(width) / static_cast<double>(height);
  Box box{0, 0, image_height, image_width};
  // In whole numbers, so that equal shapes are found equal.
  if (image.width * height > width * image.height) {
    box.width = std::min(image_width, image_height * shape);
    box.left = (image_width - box.width) / 2;
  } else if (image.width * height < width * image.height) {
    box.height = std::min(image_height, image_width / shape);
    box.top = (image_height - box.height) / 2;
  }
  return box;
}

/// A side after both are scaled by wanted / other, at least a pixel.
std::int64_t scaled(std::int64_t side, std::int64_t wanted, std::int64_t other) {
  const double length =
      static_cast<double>(side) * static_cast<double>(wanted) / static_cast<double>(other);
  return std::max<std::int64_t>(1, std::llround(length));
}

Image pad(const Image& image, const FitOptions& options) {
  const bool wide = image.width * options.height > options.width * image.height;
  const std::int64_t height =
      wide ? scaled(image.height, options.width, image.width) : options.height;
  const std::int64_t width =
      wide ? options.width : scaled(image.width, options.height, image.height);
  const Image inner = with_channels(resize(image, height, width), options.channels);

  const auto [red, green, blue] = options.background;
  Image sheet = with_channels({1, 1, 3, {red, green, blue}}, options.channels);
  const std::vector<std::uint8_t> background = sheet.pixels;
  sheet = blank_image(options.height, options.width, options.channels);
  for (std::size_t i = 0; i < sheet.pixels.size(); ++i) {
    sheet.pixels[i] = background[i % background.size()];
  }
  const std::int64_t top = (options.height - height) / 2;
  const std::int64_t left = (options.width - width) / 2;
  const std::int64_t line = width * options.channels;
  for (std::int64_t y = 0; y < height; ++y) {
    std::copy_n(inner.pixels.begin() + y * line, line,
                sheet.pixels.begin() + ((top + y) * sheet.width + left) * options.channels);
  }
  return sheet;
}

}  // namespace

Image composite(const Image& image, const Color& background) {
  if (image.channels % 2 == 1) return image;
  if (image.channels == 2) {
    const bool stays_grey = background[0] == background[1] && background[1] == background[2];
    return with_channels(composite(grey_to_colour(image), background), stays_grey ? 1 : 3);
  }
  Image bare = blank_image(image.height, image.width, 3);
  blend(image.pixels.data(), image.height * image.width, background, bare.pixels.data());
  return bare;
}

Image fit_image(const Image& image, const FitOptions& options) {
  // Before it is resized: both are linear in colour times alpha, and three channels are less work
  // than four.
  if (image.channels % 2 == 0) return fit_image(composite(image, options.background), options);
  if (options.fit == ImageFit::pad) return pad(image, options);
  const Image resized = options.fit == ImageFit::stretch
                            ? resize(image, options.height, options.width)
                            : resize(image, centred_part(image, options.height, options.width),
                                     options.height, options.width);
  return with_channels(resized, options.channels);
}

}  // namespace dcgan
