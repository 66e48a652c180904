#include <fmt/format.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstring>
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
    progress_.progress_monitor = on_progress;
    guarded([&](jpeg_decompress_struct& jpeg) {
      jpeg_create_decompress(&jpeg);
      jpeg.progress = &progress_;
      jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
      jpeg_read_header(&jpeg, TRUE);
    });
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  const jpeg_decompress_struct& header() const { return jpeg_; }

  /// Runs `call(jpeg)`, which may hold nothing that has a destructor, and throws its error.
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

  /// A scan may be some bytes long and cost a walk over the whole image; nobody makes so many.
  static void on_progress(j_common_ptr jpeg) {
    constexpr int kMaxScans = 500;
    if (jpeg->is_decompressor == FALSE) return;
    auto& self = *static_cast<JpegReader*>(jpeg->client_data);
    if (self.jpeg_.input_scan_number <= kMaxScans) return;
    self.errors_.msg_code = JERR_BAD_PROGRESSION;
    std::snprintf(self.message_, sizeof self.message_, "it has more than %d scans", kMaxScans);
    std::longjmp(self.jump_, 1);
  }

  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
};

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

/// The orientation, 1 to 8, in the data of a JPEG's APP1 marker (EXIF 2.3, tag 0x0112); 1, which
/// means upright, where there is none or it is damaged.
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

/// True where turning it upright swaps height and width.
bool swaps_sides(int orientation) { return orientation >= 5; }

/// The image as it is meant to be seen.
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

/// A progressive JPEG's coefficients are all in memory before its first pixel is.
void check_coefficients(const jpeg_decompress_struct& jpeg, const DecodeOptions& options) {
  std::int64_t bytes = 0;
  for (int i = 0; i < jpeg.num_components; ++i) {
    const jpeg_component_info& component = jpeg.comp_info[i];
    bytes += std::int64_t{component.width_in_blocks} * component.height_in_blocks *
             static_cast<std::int64_t>(sizeof(JBLOCK));
  }
  if (bytes / 8 > options.max_pixels) {
    throw failure(fmt::format("is a progressive JPEG of {} x {} pixels (height x width), too many "
                              "to unpack",
                              jpeg.image_height, jpeg.image_width))
        .remedy("make it smaller or not progressive");
  }
}

J_COLOR_SPACE pixels_of(const jpeg_decompress_struct& jpeg) {
  switch (jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
      return JCS_GRAYSCALE;
    case JCS_RGB:
    case JCS_YCbCr:
      return JCS_RGB;
    case JCS_CMYK:
    case JCS_YCCK:
      return JCS_CMYK;
    default:
      throw failure("is a JPEG whose colours are unknown").remedy("save it as grey or RGB");
  }
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
  const Extent size = reduced(header, scale);
  if (size[0] > options.max_pixels / size[1]) {
    check_size(header.image_height, header.image_width, options);
  }
  const J_COLOR_SPACE space = pixels_of(header);
  bool whole = false;  // baseline files in several scans are held in memory like progressive ones
  reader.guarded([&](jpeg_decompress_struct& jpeg) {
    jpeg.scale_num = 1;
    jpeg.scale_denom = scale;
    jpeg.out_color_space = space;
    jpeg_calc_output_dimensions(&jpeg);
    whole = jpeg_has_multiple_scans(&jpeg) != FALSE;
  });
  if (whole) check_coefficients(header, options);

  Image image =
      blank_image(header.output_height, header.output_width, space == JCS_GRAYSCALE ? 1 : 3);
  reader.guarded([](jpeg_decompress_struct& jpeg) { jpeg_start_decompress(&jpeg); });
  read_rows(reader, image);
  Image upright = turn_upright(std::move(image), orientation);
  upright.stored = {header.image_height, header.image_width};
  if (swaps_sides(orientation)) std::swap(upright.stored[0], upright.stored[1]);
  return upright;
}

}  // namespace dcgan
