// Moving pictures: animated PNG, GIF and WebP, which browsers and README pages play.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "dcgan/image.h"

namespace dcgan {

/// Frames that are shown in turn, over and over. They are made one at a time, so that a long
/// animation needs no more memory than a short one.
struct Animation {
  std::int64_t count = 0;
  std::function<Image(std::int64_t)> frame;  ///< 0 <= i < count; all of one size, grey or RGB
  int milliseconds = 100;                    ///< that a frame is shown
  int last_milliseconds = 100;               ///< that the last one is shown
};

/// The longest that a frame may be shown: animated PNG counts in 16 bits.
inline constexpr int kMaxFrameMilliseconds = 65535;

/// Encodes by the ending of `path` and writes atomically:
///
/// | ending | pixels |
/// |-|-|
/// | .webp | as they are |
/// | .png | as they are: an animated PNG, of which other programs show the first frame |
/// | .gif | as they are with at most 256 colours in a frame, such as grey ones; else the 256 of a
///          median cut. Times are rounded to 10 ms |
///
/// Throws `failure` that names `path`, also for frames too large for the format.
void write_animation(const std::filesystem::path& path, const Animation& animation);

/// The file's bytes, an encoder a format; for animation.cpp alone.
std::string encode_animated_gif(const Animation& animation);
std::string encode_animated_png(const Animation& animation);
std::string encode_animated_webp(const Animation& animation);

/// The milliseconds that frame `index` is shown.
inline int milliseconds_of(const Animation& animation, std::int64_t index) {
  return index + 1 < animation.count ? animation.milliseconds : animation.last_milliseconds;
}

/// Grey as RGB; RGB as it is.
Image as_rgb(const Image& frame);

/// Refuses frames with sides longer than a format can say.
void check_sides(const Image& frame, std::int64_t longest, const char* format);

}  // namespace dcgan
