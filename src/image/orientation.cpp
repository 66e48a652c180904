#include "image/orientation.h"

#include <cstring>
#include <utility>

#include "image/codecs.h"

namespace dcgan {
namespace {

/// TIFF's numbers, in either byte order. What lies outside is 0.
struct Tiff {
  std::string_view bytes;
  bool big_endian;

  std::size_t number(std::size_t offset, std::size_t size) const {
    if (offset > bytes.size() || size > bytes.size() - offset) return 0;
    std::size_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = big_endian ? offset + i : offset + size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes[at]);
    }
    return value;
  }
};

/// Copies pixels of `channels` bytes: target(y, x) is the source's at `start + y * down + x *
/// right` pixels.
template <int channels>
void gather(const std::uint8_t* source, std::int64_t start, std::int64_t down, std::int64_t right,
            Image& target) {
  std::uint8_t* out = target.pixels.data();
  for (std::int64_t y = 0; y < target.height; ++y) {
    const std::uint8_t* in = source + (start + y * down) * channels;
    for (std::int64_t x = 0; x < target.width; ++x) {
      std::memcpy(out, in, channels);
      out += channels;
      in += right * channels;
    }
  }
}

}  // namespace

int exif_orientation(std::string_view data) {
  using namespace std::string_view_literals;
  constexpr auto kMark = "Exif\0\0"sv;
  if (data.substr(0, kMark.size()) != kMark) return 1;
  data.remove_prefix(kMark.size());
  const bool big_endian = data.substr(0, 4) == "MM\0*"sv;
  if (!big_endian && data.substr(0, 4) != "II*\0"sv) return 1;

  constexpr std::size_t kOrientation = 0x0112;
  const Tiff tiff{data, big_endian};
  const std::size_t folder = tiff.number(4, 4);
  const std::size_t entries = tiff.number(folder, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = folder + 2 + 12 * i;
    if (tiff.number(entry, 2) != kOrientation) continue;
    const std::size_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image turn_upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const std::int64_t height = image.height;
  const std::int64_t width = image.width;
  const std::int64_t last_row = (height - 1) * width;
  const std::int64_t last = width - 1;
  // Where the upright image's first pixel lies, and the steps down and right from there.
  struct Walk {
    std::int64_t start;
    std::int64_t down;
    std::int64_t right;
  };
  const Walk walks[] = {
      {last, width, -1},              // 2: mirrored
      {last_row + last, -width, -1},  // 3: upside down
      {last_row, -width, 1},          // 4: mirrored and upside down
      {0, 1, width},                  // 5: transposed
      {last_row, 1, -width},          // 6: turned to the left
      {last_row + last, -1, -width},  // 7: transposed along the other diagonal
      {last, -1, width},              // 8: turned to the right
  };
  const Walk& walk = walks[orientation - 2];
  const bool swapped = swaps_sides(orientation);
  Image target = blank_image(swapped ? width : height, swapped ? height : width, image.channels);
  const auto turn = image.channels == 1 ? gather<1> : gather<3>;
  turn(image.pixels.data(), walk.start, walk.down, walk.right, target);
  return target;
}

}  // namespace dcgan
