#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "dcgan/error.h"
#include "image/codecs.h"

namespace dcgan {
namespace {

/// libpng's reader over bytes in memory. libpng reports an error by a jump over its own frames,
/// which no destructor may lie in: every call of it goes through `guarded`.
class PngReader {
 public:
  explicit PngReader(std::string_view bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// Runs `call(png, info)`, which may hold nothing with a destructor while libpng runs, and throws
  /// its error.
  template <typename Call>
  void guarded(Call call) {
    if (setjmp(jump_) != 0) {
      throw failure(cut_ ? std::string("is cut short")
                         : fmt::format("is a damaged PNG: {}", message_));
    }
    png_set_read_fn(png_, this, on_read);
    call(png_, info_);
  }

 private:
  static void on_read(png_structp png, png_bytep target, std::size_t size) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > self.rest_.size()) {
      self.cut_ = true;
      png_error(png, "cut");
    }
    std::memcpy(target, self.rest_.data(), size);
    self.rest_.remove_prefix(size);
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto& self = *static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(self.message_, message, sizeof self.message_ - 1);
    std::longjmp(self.jump_, 1);
  }

  /// What libpng only warns of leaves the pixels whole.
  static void on_warning(png_structp, png_const_charp) {}

  std::string_view rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf jump_;
  char message_[128] = {};
  bool cut_ = false;
};

/// Values of 16 bits, the high byte first, as 8 bits: `white` becomes 255, opaque stays opaque.
void narrow(const std::vector<std::uint8_t>& wide, std::uint32_t white, Image& image) {
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const std::uint32_t value = wide[2 * i] * 256U + wide[2 * i + 1];
    const bool is_alpha = channels % 2 == 0 && i % channels == channels - 1;
    if (!is_alpha) image.largest = std::max(image.largest, static_cast<std::uint16_t>(value));
    const std::uint32_t full = is_alpha ? kFullRange : white;
    image.pixels[i] =
        static_cast<std::uint8_t>(std::min<std::uint32_t>(255, (value * 255 + full / 2) / full));
  }
}

}  // namespace

Image decode_png(std::string_view bytes, const DecodeOptions& options) {
  PngReader reader(bytes);
  Image image;
  std::vector<std::uint8_t> wide;  // pixels of 16 bits
  reader.guarded([&](png_structp png, png_infop info) {
    // Text, profiles and the like are stepped over, neither unpacked nor judged; only their
    // checksums count. The size is checked by us, in pixels.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png, info);
    const std::int64_t height = png_get_image_height(png, info);
    const std::int64_t width = png_get_image_width(png, info);
    check_size(height, width, options);
    png_set_expand(png);  // palettes, small greys and transparent colours in full
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    image = blank_image(height, width, png_get_channels(png, info));
    const bool is_wide = png_get_bit_depth(png, info) == 16;
    if (is_wide) wide.resize(2 * image.pixels.size());
    std::uint8_t* const pixels = is_wide ? wide.data() : image.pixels.data();
    const std::int64_t row = width * image.channels * (is_wide ? 2 : 1);
    for (int pass = 0; pass < passes; ++pass) {
      for (std::int64_t y = 0; y < height; ++y) png_read_row(png, pixels + y * row, nullptr);
    }
    png_read_end(png, nullptr);
  });
  if (!wide.empty()) narrow(wide, options.white, image);
  return image;
}

}  // namespace dcgan
