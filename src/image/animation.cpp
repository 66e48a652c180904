#include "image/animation.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/fit.h"

namespace dcgan {

Image as_rgb(const Image& frame) {
  return fit_image(frame, {.height = frame.height, .width = frame.width, .channels = 3});
}

void check_sides(const Image& frame, std::int64_t longest, const char* format) {
  if (frame.height <= longest && frame.width <= longest) return;
  throw failure(fmt::format("its frames have {} x {} pixels, and a side in a {} has at most {}",
                            frame.height, frame.width, format, longest))
      .remedy("write a .png");
}

void write_animation(const std::filesystem::path& path, const Animation& animation) {
  if (animation.count < 1) throw std::invalid_argument("write_animation: needs a frame");
  const std::string name = lower_case(path.string());
  const auto encode = name.ends_with(".gif")    ? encode_animated_gif
                      : name.ends_with(".webp") ? encode_animated_webp
                                                : encode_animated_png;
  std::string bytes;
  try {
    bytes = encode(animation);
  } catch (Error& error) {
    if (!error.where().empty()) throw;  // of the file that a frame is read from
    throw error.in(path);
  }
  write_file_atomically(path, bytes);
}

}  // namespace dcgan
