#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE
#include <string>
#include <utility>
#include <vector>
// jerror.h needs jpeglib.h before it.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "dcgan/error.h"
#include "image/codecs.h"

namespace dcgan {
namespace {

/// What libjpeg repairs by guessing pixels. It only warns of these; to us the file is damaged.
bool guesses_pixels(int warning) {
  return warning == JWRN_HIT_MARKER || warning == JWRN_HUFF_BAD_CODE ||
         warning == JWRN_ARITH_BAD_CODE || warning == JWRN_MUST_RESYNC || warning == JWRN_JPEG_EOF;
}

/// libjpeg's reader over bytes in memory. An error jumps over libjpeg's frames, which no destructor
/// may lie in: every call of it goes through `guarded`.
class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes) {
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    guarded([&](jpeg_decompress_struct& jpeg) {
      jpeg_create_decompress(&jpeg);
      jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
      jpeg_read_header(&jpeg, TRUE);
    });
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  const jpeg_decompress_struct& header() const { return jpeg_; }

  /// Runs `call(jpeg)`, which may hold nothing with a destructor while libjpeg runs, and throws its
  /// error.
  template <typename Call>
  void guarded(Call call) {
    if (setjmp(jump_) == 0) {
      call(jpeg_);
      return;
    }
    const int code = errors_.msg_code;
    const std::string message = code == JWRN_JPEG_EOF
                                    ? std::string("is cut short")
                                    : fmt::format("is a damaged JPEG: {}", message_);
    // A constructor that throws has no destructor.
    jpeg_destroy_decompress(&jpeg_);
    if (code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
    throw failure(message);
  }

 private:
  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    auto& self = *static_cast<JpegReader*>(jpeg->client_data);
    self.errors_.format_message(jpeg, self.message_);
    std::longjmp(self.jump_, 1);
  }

  static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0 && guesses_pixels(jpeg->err->msg_code)) on_error(jpeg);
  }

  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
};

/// The orientation, 1 to 8, in the data of a JPEG's APP1 marker (EXIF 2.3, tag 0x0112); 1, which
/// means upright, where there is none or it is damaged.
int exif_orientation(std::string_view data) {
  using namespace std::string_view_literals;
  if (!data.starts_with("Exif\0\0"sv)) return 1;
  data.remove_prefix(6);
  const bool big_endian = data.starts_with("MM\0*"sv);
  if (!big_endian && !data.starts_with("II*\0"sv)) return 1;
  const auto number = [&](std::size_t offset, std::size_t size) {  // outside it is 0
    std::size_t value = 0;
    for (std::size_t i = 0; i < size && offset + size <= data.size(); ++i) {
      const std::size_t at = big_endian ? offset + i : offset + size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(data[at]);
    }
    return value;
  };
  const std::size_t folder = number(4, 4);
  for (std::size_t entry = folder + 2; entry < folder + 2 + 12 * number(folder, 2); entry += 12) {
    if (number(entry, 2) != 0x0112) continue;
    const std::size_t value = number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// True where turning it upright swaps height and width.
bool swaps_sides(int orientation) { return orientation >= 5; }

/// The image as it is meant to be seen: turned by a quarter where that swaps the sides, after it
/// was mirrored.
Image turn_upright(Image image, int orientation) {
  if (orientation == 1) return image;
  constexpr std::array<bool, 9> kLeftToRight{false, false, true, true, false,
                                             false, false, true, true};
  constexpr std::array<bool, 9> kUpsideDown{false, false, false, true, true,
                                            false, true,  true,  false};
  const bool left_to_right = kLeftToRight.at(static_cast<std::size_t>(orientation));
  const bool upside_down = kUpsideDown.at(static_cast<std::size_t>(orientation));
  const bool swapped = swaps_sides(orientation);
  Image upright = blank_image(swapped ? image.width : image.height,
                              swapped ? image.height : image.width, image.channels);
  auto out = upright.pixels.begin();
  for (std::int64_t y = 0; y < upright.height; ++y) {
    for (std::int64_t x = 0; x < upright.width; ++x) {
      std::int64_t row = swapped ? x : y;
      std::int64_t column = swapped ? y : x;
      if (upside_down) row = image.height - 1 - row;
      if (left_to_right) column = image.width - 1 - column;
      const auto in = image.pixels.begin() + (row * image.width + column) * image.channels;
      out = std::copy_n(in, image.channels, out);
    }
  }
  return upright;
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr;
       marker = marker->next) {
    const int orientation =
        exif_orientation({reinterpret_cast<const char*>(marker->data), marker->data_length});
    if (orientation != 1) return orientation;
  }
  return 1;
}

Extent reduced(const jpeg_decompress_struct& jpeg, unsigned scale) {
  return {(jpeg.image_height + scale - 1) / scale, (jpeg.image_width + scale - 1) / scale};
}

/// 1, 2, 4 or 8: by how much height and width are divided while decoding.
unsigned choose_scale(const jpeg_decompress_struct& jpeg, int orientation,
                      const DecodeOptions& options) {
  auto [wanted_height, wanted_width] = options.wanted;
  if (swaps_sides(orientation)) std::swap(wanted_height, wanted_width);
  unsigned scale = 1;
  for (; scale < 8; scale *= 2) {
    const Extent size = reduced(jpeg, scale);
    const Extent next = reduced(jpeg, 2 * scale);
    const bool large = wanted_height > 0 && wanted_width > 0 && next[0] >= wanted_height &&
                       next[1] >= wanted_width;
    if (!large && size[0] <= options.max_pixels / size[1]) break;
  }
  return scale;
}

J_COLOR_SPACE pixels_of(const jpeg_decompress_struct& jpeg) {
  const J_COLOR_SPACE space = jpeg.jpeg_color_space;
  if (space == JCS_GRAYSCALE) return JCS_GRAYSCALE;
  return space == JCS_CMYK || space == JCS_YCCK ? JCS_CMYK : JCS_RGB;
}

/// `inverted`: 255 is no ink, as Adobe writes it.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::int64_t count, bool inverted, std::uint8_t* rgb) {
  const unsigned flip = inverted ? 0 : 255;
  for (std::int64_t i = 0; i < count; ++i, cmyk += 4, rgb += 3) {
    const unsigned light = cmyk[3] ^ flip;
    for (int c = 0; c < 3; ++c) rgb[c] = divide_by_255((cmyk[c] ^ flip) * light);
  }
}

/// Decodes the rows into `image`, which has the output's size.
void read_rows(JpegReader& reader, Image& image) {
  const jpeg_decompress_struct& header = reader.header();
  const bool cmyk = header.out_color_space == JCS_CMYK;
  const bool inverted = header.saw_Adobe_marker != FALSE;
  std::vector<std::uint8_t> scratch(cmyk ? static_cast<std::size_t>(image.width) * 4 : 0);
  reader.guarded([&](jpeg_decompress_struct& jpeg) {
    const std::int64_t line = image.width * image.channels;
    while (jpeg.output_scanline < jpeg.output_height) {
      std::uint8_t* const target = image.pixels.data() + jpeg.output_scanline * line;
      JSAMPROW row = cmyk ? scratch.data() : target;
      jpeg_read_scanlines(&jpeg, &row, 1);
      if (cmyk) cmyk_to_rgb(scratch.data(), image.width, inverted, target);
    }
    jpeg_finish_decompress(&jpeg);
  });
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const DecodeOptions& options) {
  JpegReader reader(bytes);
  const jpeg_decompress_struct& header = reader.header();
  const int orientation = orientation_of(header);
  const unsigned scale = choose_scale(header, orientation, options);
  const J_COLOR_SPACE space = pixels_of(header);
  Image image;
  reader.guarded([&](jpeg_decompress_struct& jpeg) {
    jpeg.scale_num = 1;
    jpeg.scale_denom = scale;
    jpeg.out_color_space = space;
    jpeg_calc_output_dimensions(&jpeg);
    // Of one in several scans all coefficients are in memory before its first pixel is.
    if (jpeg_has_multiple_scans(&jpeg) != FALSE ||
        jpeg.output_height > options.max_pixels / jpeg.output_width) {
      check_size(jpeg.image_height, jpeg.image_width, options);
    }
    image = blank_image(jpeg.output_height, jpeg.output_width, space == JCS_GRAYSCALE ? 1 : 3);
    jpeg_start_decompress(&jpeg);
  });
  read_rows(reader, image);
  Image upright = turn_upright(std::move(image), orientation);
  upright.stored = {header.image_height, header.image_width};
  if (swaps_sides(orientation)) std::swap(upright.stored[0], upright.stored[1]);
  return upright;
}

}  // namespace dcgan
