#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "image/animation.h"

namespace dcgan {
namespace {

constexpr int kPaletteSize = 256;

/// A frame as indices into a palette of its own.
struct PalettedFrame {
  std::array<GifColorType, kPaletteSize> palette{};
  std::vector<GifByteType> indices;
};

/// Of a frame with at most 256 colours; without indices where there are more.
PalettedFrame index_exactly(const Image& rgb) {
  PalettedFrame frame;
  std::map<std::array<std::uint8_t, 3>, GifByteType> known;
  frame.indices.reserve(rgb.pixels.size() / 3);
  for (std::size_t i = 0; i < rgb.pixels.size(); i += 3) {
    const std::array<std::uint8_t, 3> colour{rgb.pixels[i], rgb.pixels[i + 1], rgb.pixels[i + 2]};
    const auto next = static_cast<GifByteType>(known.size());
    auto found = known.find(colour);
    if (found == known.end()) {
      if (known.size() == kPaletteSize) return {};
      found = known.emplace(colour, next).first;
      frame.palette.at(next) = {colour[0], colour[1], colour[2]};
    }
    frame.indices.push_back(found->second);
  }
  return frame;
}

/// By giflib's median cut.
PalettedFrame quantise(const Image& rgb) {
  const std::size_t pixels = rgb.pixels.size() / 3;
  std::vector<GifByteType> planes(rgb.pixels.size());  // all of red, green, blue
  for (std::size_t i = 0; i < planes.size(); ++i) planes[i % 3 * pixels + i / 3] = rgb.pixels[i];
  PalettedFrame frame;
  frame.indices = std::vector<GifByteType>(pixels);
  int colours = kPaletteSize;
  if (GifQuantizeBuffer(static_cast<unsigned>(rgb.width), static_cast<unsigned>(rgb.height),
                        &colours, planes.data(), planes.data() + pixels, planes.data() + 2 * pixels,
                        frame.indices.data(), frame.palette.data()) != GIF_OK) {
    throw std::bad_alloc();
  }
  // It counts in 5 bits: without this, white would be 248.
  for (GifColorType& colour : frame.palette) {
    for (GifByteType* const value : {&colour.Red, &colour.Green, &colour.Blue}) {
      *value = static_cast<GifByteType>(*value * 255 / 248);
    }
  }
  return frame;
}

/// Of giflib's functions, which fail here for want of memory alone: the file is a string.
void require_gif(int result) {
  if (result != GIF_OK) throw std::bad_alloc();
}

int append_to_string(GifFileType* file, const GifByteType* bytes, int size) {
  static_cast<std::string*>(file->UserData)
      ->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  return size;
}

struct CloseGif {
  void operator()(GifFileType* file) const { EGifCloseFile(file, nullptr); }
};

void begin_gif(GifFileType* gif, const Image& frame) {
  constexpr int kBitsPerColour = 8;
  constexpr std::array<char, 3> kForEver{1, 0, 0};
  EGifSetGifVersion(gif, true);
  require_gif(EGifPutScreenDesc(gif, static_cast<int>(frame.width), static_cast<int>(frame.height),
                                kBitsPerColour, 0, nullptr));
  require_gif(EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE));
  require_gif(EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0"));
  require_gif(EGifPutExtensionBlock(gif, kForEver.size(), kForEver.data()));
  require_gif(EGifPutExtensionTrailer(gif));
}

void put_gif_frame(GifFileType* gif, const Image& image, int milliseconds) {
  const Image rgb = as_rgb(image);
  PalettedFrame frame = index_exactly(rgb);
  if (frame.indices.empty()) frame = quantise(rgb);
  const std::unique_ptr<ColorMapObject, decltype(&GifFreeMapObject)> map(
      GifMakeMapObject(kPaletteSize, frame.palette.data()), &GifFreeMapObject);
  if (!map) throw std::bad_alloc();
  const GraphicsControlBlock control{DISPOSE_DO_NOT, false, (milliseconds + 5) / 10,
                                     NO_TRANSPARENT_COLOR};
  std::array<GifByteType, 4> packed{};
  EGifGCBToExtension(&control, packed.data());
  require_gif(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, packed.size(), packed.data()));
  const auto width = static_cast<int>(rgb.width);
  require_gif(EGifPutImageDesc(gif, 0, 0, width, static_cast<int>(rgb.height), false, map.get()));
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    require_gif(EGifPutLine(gif, frame.indices.data() + y * rgb.width, width));
  }
}

}  // namespace

std::string encode_animated_gif(const Animation& animation) {
  constexpr std::int64_t kLongestSide = 65535;
  std::string bytes;
  std::unique_ptr<GifFileType, CloseGif> gif(EGifOpen(&bytes, &append_to_string, nullptr));
  if (!gif) throw std::bad_alloc();
  for (std::int64_t i = 0; i < animation.count; ++i) {
    const Image frame = animation.frame(i);
    if (i == 0) {
      check_sides(frame, kLongestSide, "GIF");
      begin_gif(gif.get(), frame);
    }
    put_gif_frame(gif.get(), frame, milliseconds_of(animation, i));
  }
  require_gif(EGifCloseFile(gif.release(), nullptr));
  return bytes;
}

}  // namespace dcgan
