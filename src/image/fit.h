// Pictures in another size and shape.
#pragma once

#include <cstdint>

#include "dcgan/config.h"
#include "dcgan/image.h"

namespace dcgan {

/// A part of an image, in pixels; its sides may lie within pixels.
struct Box {
  double top = 0;
  double left = 0;
  double height = 0;
  double width = 0;
};

/// The image, or a part of it, at `height` x `width`. Each new pixel is the mean of what it covers,
/// weighted by a triangle twice as wide, so that shrinking brings no aliasing; enlarging is
/// bilinear. Within 1 of Pillow's `resize(..., BILINEAR, box)`.
///
/// Memory beside the two images: 8 bytes for each row and column, and a row of floats, or where the
/// height grows at most 4 bytes for each value of the result.
///
/// Alpha (2 or 4 channels) is a bug: std::invalid_argument.
Image resize(const Image& image, std::int64_t height, std::int64_t width);
Image resize(const Image& image, const Box& box, std::int64_t height, std::int64_t width);

/// The image on a background of RGB, without alpha: a grey one stays grey where the background is,
/// and becomes RGB on a coloured one. One without alpha is as it was.
Image composite(const Image& image, const Color& background);

struct FitOptions {
  std::int64_t height = 28;
  std::int64_t width = 28;
  std::int64_t channels = 1;  ///< 1 (grey: 0.299 R + 0.587 G + 0.114 B, Rec. 601) or 3 (RGB)
  ImageFit fit = ImageFit::crop;
  Color background{0, 0, 0};  ///< behind alpha and around a padded image
};

/// The image in the shape that `options` want, without alpha:
/// - crop: the largest centred part that has the shape;
/// - pad: the whole image, as large as fits, centred on the background;
/// - stretch: the whole image, its sides scaled each by its own factor.
/// Where only the channels differ, or nothing does, no pixel is resampled. Any shape is taken, 1 x
/// N as well. Memory as for `resize`, and 3 bytes a pixel for an image with alpha.
Image fit_image(const Image& image, const FitOptions& options);

}  // namespace dcgan
