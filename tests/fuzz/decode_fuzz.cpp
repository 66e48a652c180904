// Any bytes at all, decoded and fitted: nothing may come of them but an image or an Error.
//
// What it finds goes to tests/fixtures/images/damaged, which the tests read.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "dcgan/error.h"
#include "image/decode.h"
#include "image/fit.h"

namespace {

/// Puts right the checksums of a PNG's chunks, without which few changed bytes get past them.
void repair_checksums(std::string& bytes) {
  const auto number_at = [&](std::size_t at) {
    std::size_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      number = number << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return number;
  };
  std::size_t chunk = 8;
  while (chunk + 12 <= bytes.size() && number_at(chunk) <= bytes.size() - chunk - 12) {
    const std::size_t size = number_at(chunk) + 4;  // with the chunk's kind
    const auto* const begin = reinterpret_cast<const Bytef*>(bytes.data() + chunk + 4);
    const uLong crc = crc32(0, begin, static_cast<uInt>(size));
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[chunk + 4 + size + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xff);
    }
    chunk += 8 + size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dcgan;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // The last byte chooses the options, so that the first ones remain a file's.
  const unsigned choice = size == 0 ? 0 : data[size - 1];
  DecodeOptions options{.max_pixels = 1 << 16};
  if ((choice & 1) != 0) options.wanted = {16, 16};
  if (image_format(bytes) == ImageFormat::png && (choice & 64) == 0) repair_checksums(bytes);
  try {
    const Image image = decode_image(bytes, options);
    const std::int64_t count = image.height * image.width;
    if (count > options.max_pixels ||
        static_cast<std::int64_t>(image.pixels.size()) != count * image.channels) {
      std::abort();
    }
    const FitOptions fit{.height = 16,
                         .width = 12,
                         .channels = (choice & 2) != 0 ? 3 : 1,
                         .fit = static_cast<ImageFit>((choice >> 2) % 3)};
    if (fit_image(image, fit).pixels.size() !=
        static_cast<std::size_t>(fit.height * fit.width * fit.channels)) {
      std::abort();
    }
  } catch (const Error&) {
  }
  return 0;
}
