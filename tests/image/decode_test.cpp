#include "image/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/file.h"
#include "dcgan/error.h"
#include "support/expect_error.h"
#include "support/pictures.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using testing::expected_picture;
using ::testing::HasSubstr;
using testing::is_near;
using testing::IsError;
using testing::kPictures;
using ::testing::StartsWith;
using testing::TempFolder;

std::string bytes_of(const std::string& name) { return read_file(kPictures / name); }

Error error(std::string_view bytes, const DecodeOptions& options = {}) {
  return caught([&] { decode_image(bytes, options); });
}

bool is_picture(std::string_view bytes, const DecodeOptions& options = {}) {
  try {
    decode_image(bytes, options);
  } catch (const Error&) {
    return false;
  }
  return true;
}

/// Of bytes, which have no place of their own.
template <typename Problem>
auto Refused(Problem problem, const std::string& remedy = "") {
  return IsError(ErrorKind::failure, "", problem, remedy);
}

/// The fixtures whose extension is one of these.
std::vector<std::string> pictures_with(const std::vector<std::string>& extensions) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kPictures)) {
    if (std::ranges::count(extensions, entry.path().extension().string()) == 0) continue;
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> all_pictures() { return pictures_with({".png", ".bmp", ".jpg", ".webp"}); }

/// What stb does not read, or reads wrongly.
struct RefusedBmp {
  std::string name;
  std::string why;
};
const std::vector<RefusedBmp> kRefusedBmps{
    {"run_length.bmp", "BMP RLE"},
    {"rgb24_gap.bmp", "bad offset"},
    {"rgb24_colours.bmp", "bad offset"},
    {"rgb24_os2_new.bmp", "unknown image type"},
    {"rgba32_alpha_fields.bmp", "BMP JPEG/PNG"},
    {"palette1_os2.bmp", "a palette of OS/2"},
    {"palette4_os2.bmp", "a palette of OS/2"},
    {"palette8_os2.bmp", "a palette of OS/2"},
    {"rgb32_v3.bmp", "masks in a header of version 3"},
};

/// All that can be decoded.
std::vector<std::string> good_pictures() {
  std::vector<std::string> names = all_pictures();
  std::erase(names, "animated.webp");
  std::erase_if(names, [](const std::string& name) {
    return std::ranges::count(kRefusedBmps, name, &RefusedBmp::name) > 0;
  });
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '.', '_');
  return name;
}

/// A 32-bit number, the highest byte first.
std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

std::string little_endian(std::uint32_t number) {
  std::string bytes = big_endian(number);
  std::ranges::reverse(bytes);
  return bytes;
}

/// CRC-32 of a PNG's chunk.
std::uint32_t checksum(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

/// A PNG of RGB that ends behind its header.
std::string png_header(std::uint32_t height, std::uint32_t width) {
  const std::string header =
      "IHDR" + big_endian(width) + big_endian(height) + std::string("\x08\x02\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1a\n" + big_endian(13) + header + big_endian(checksum(header)) +
         big_endian(0) + "IDAT";
}

/// large.jpg, or another, claiming another size.
std::string resized_jpeg(std::string bytes, int height, int width) {
  const std::size_t frame = std::min(bytes.find("\xff\xc0"), bytes.find("\xff\xc2"));
  bytes.replace(
      frame + 5, 4,
      big_endian(static_cast<std::uint32_t>(height) << 16 | static_cast<std::uint32_t>(width)));
  return bytes;
}

class GoodPicture : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Of, GoodPicture, ::testing::ValuesIn(good_pictures()), test_name);

TEST_P(GoodPicture, HasTheExpectedPixels) {
  const bool lossy = GetParam().ends_with(".jpg") || GetParam().starts_with("lossy");
  EXPECT_TRUE(
      is_near(decode_image(bytes_of(GetParam())), expected_picture(GetParam()), lossy ? 2 : 0));
}

TEST_P(GoodPicture, MayHaveBytesBehindItsEnd) {
  EXPECT_TRUE(
      is_near(decode_image(bytes_of(GetParam()) + "more"), expected_picture(GetParam()), 2));
}

TEST_P(GoodPicture, IsRefusedWithMorePixelsThanAllowed) {
  const Image& image = expected_picture(GetParam());
  // A JPEG may be reduced to an eighth.
  const std::int64_t most = GetParam().ends_with(".jpg") && !GetParam().ends_with("progressive.jpg")
                                ? (image.height + 7) / 8 * ((image.width + 7) / 8) - 1
                                : image.height * image.width - 1;
  EXPECT_THAT(error(bytes_of(GetParam()), {.max_pixels = most}),
              Refused(StartsWith("has "), "make it smaller"));
}

TEST_P(GoodPicture, IsReadInManyThreadsAtOnce) {
  const std::string bytes = bytes_of(GetParam());
  std::vector<Image> images(4);
  std::vector<std::thread> threads;
  threads.reserve(images.size());
  for (Image& image : images) threads.emplace_back([&] { image = decode_image(bytes); });
  for (std::thread& thread : threads) thread.join();
  for (const Image& image : images) EXPECT_EQ(image.pixels, images[0].pixels);
}

class AnyPicture : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Of, AnyPicture, ::testing::ValuesIn(all_pictures()), test_name);

TEST_P(AnyPicture, IsRefusedAtEveryLength) {
  const std::string bytes = bytes_of(GetParam());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a sanitizer sees what is read behind its end.
    const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(is_picture({cut.data(), size})) << size;
  }
}

TEST_P(AnyPicture, NeverCrashesWithAChangedByte) {
  const std::string bytes = bytes_of(GetParam());
  const DecodeOptions options{.max_pixels = 1 << 14};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::vector<char> changed(bytes.begin(), bytes.end());
      changed[i] = static_cast<char>(changed[i] ^ flip);
      try {
        const Image image = decode_image({changed.data(), changed.size()}, options);
        EXPECT_LE(image.height * image.width, options.max_pixels);
        EXPECT_EQ(static_cast<std::int64_t>(image.pixels.size()),
                  image.height * image.width * image.channels);
      } catch (const Error& error) {
        EXPECT_NE(error.problem(), "");
      }
    }
  }
}

TEST_P(AnyPicture, PrintsNothing) {
  std::string bytes = bytes_of(GetParam());
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  is_picture(bytes);
  for (std::size_t i = 12; i < bytes.size(); i += 7) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
    is_picture(bytes, {.max_pixels = 1 << 14});
  }
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ImageFormat, IsToldByTheFirstBytes) {
  EXPECT_EQ(image_format(bytes_of("rgb.png")), ImageFormat::png);
  EXPECT_EQ(image_format(bytes_of("rgb.jpg")), ImageFormat::jpeg);
  EXPECT_EQ(image_format(bytes_of("rgb24.bmp")), ImageFormat::bmp);
  EXPECT_EQ(image_format(bytes_of("lossy.webp")), ImageFormat::webp);
}

TEST(ImageFormat, IsUnknownForOtherBytes) {
  EXPECT_EQ(image_format(""), ImageFormat::unknown);
  EXPECT_EQ(image_format("text"), ImageFormat::unknown);
  EXPECT_EQ(image_format("\x89PNG"), ImageFormat::unknown);
  EXPECT_EQ(image_format("RIFF\1\2\3\4WAVEfmt "), ImageFormat::unknown);
}

TEST(DecodeImage, RefusesNoBytes) { EXPECT_THAT(error(""), Refused("is empty")); }

TEST(DecodeImage, RefusesText) {
  EXPECT_THAT(error("not a picture"), Refused(StartsWith("is not an image")));
}

TEST(DecodeImage, SaysThatAFileIsCutShort) {
  for (const char* name : {"rgb.png", "rgb.jpg", "rgb_progressive.jpg", "rgb24.bmp"}) {
    const std::string bytes = bytes_of(name);
    EXPECT_THAT(error(bytes.substr(0, bytes.size() / 2)), Refused("is cut short")) << name;
    EXPECT_THAT(error(bytes.substr(0, bytes.size() - 1)), Refused("is cut short")) << name;
  }
}

TEST(DecodeImage, SaysThatAPngIsDamaged) {
  std::string bytes = bytes_of("rgb.png");
  bytes[bytes.size() - 13] ^= 1;  // before IEND's 12 bytes
  EXPECT_THAT(error(bytes), Refused("is a damaged PNG: IDAT: CRC error"));
}

TEST(DecodeImage, SaysThatAJpegIsDamaged) {
  std::string bytes = bytes_of("rgb_restarts.jpg");
  bytes[bytes.find("\xff\xd0") - 1] = '\xff';
  EXPECT_THAT(error(bytes), Refused(StartsWith("is a damaged JPEG: Corrupt JPEG data: ")));
}

TEST(DecodeImage, RefusesABmpThatStbDoesNotRead) {
  for (const auto& [name, why] : kRefusedBmps) {
    EXPECT_THAT(error(bytes_of(name)), Refused(HasSubstr("(" + why + ")"), "save it as a PNG"))
        << name;
  }
}

TEST(DecodeImage, TakesABmpsReservedByteForNoAlpha) {
  const Image wanted = decode_image(bytes_of("rgb32.bmp"), {});
  std::string bytes = bytes_of("rgb32.bmp");
  bytes.back() = 1;  // of the last pixel, whose fourth byte this is
  const Image image = decode_image(bytes, {});
  EXPECT_EQ(image.channels, 3);
  EXPECT_EQ(image.pixels, wanted.pixels);
}

TEST(DecodeImage, SaysThatAWebPIsDamaged) {
  std::string bytes = bytes_of("lossless.webp");
  std::fill(bytes.begin() + 30, bytes.end(), '\xff');
  EXPECT_THAT(error(bytes), Refused("is a damaged WebP or cut short"));
}

TEST(DecodeImage, RefusesAnAnimation) {
  EXPECT_THAT(error(bytes_of("animated.webp")),
              Refused("is an animated WebP", "save the picture you want of it as a still one"));
}

auto IsTooLarge(const std::string& size) {
  return Refused(StartsWith("has " + size + " pixels (height x width), more than the 67108864"),
                 "make it smaller");
}

TEST(DecodeImage, RefusesAHugePngByItsHeader) {
  EXPECT_THAT(error(png_header(20'000, 20'000)), IsTooLarge("20000 x 20000"));
  EXPECT_THAT(error(png_header(0x7fffffff, 0x7fffffff)), IsTooLarge("2147483647 x 2147483647"));
}

TEST(DecodeImage, RefusesAHugeBmpByItsHeader) {
  std::string bytes = bytes_of("rgb24.bmp");
  bytes.replace(18, 8, little_endian(0x7fffffff) + little_endian(0x80000000));
  EXPECT_THAT(error(bytes), IsTooLarge("2147483648 x 2147483647"));
}

TEST(DecodeImage, RefusesWhatFuzzingFound) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kPictures / "damaged")) {
    const std::string bytes = read_file(entry.path());
    EXPECT_FALSE(is_picture(bytes)) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 1);
}

TEST(DecodeImage, RefusesAHugeWebPByItsHeader) {
  std::string bytes = bytes_of("lossy.webp");
  const std::size_t frame = bytes.find("\x9d\x01\x2a") + 3;
  bytes.replace(frame, 4, little_endian(0x3fff3fff));
  EXPECT_THAT(error(bytes), IsTooLarge("16383 x 16383"));
}

TEST(DecodeImage, RefusesAHugeProgressiveJpegByItsHeader) {
  EXPECT_THAT(error(resized_jpeg(bytes_of("rgb_progressive.jpg"), 20'000, 20'000)),
              IsTooLarge("20000 x 20000"));
}

TEST(DecodeImage, ReducesAHugeJpeg) {
  // It has too little data, which is found out only while decoding: the reduced size was allocated.
  EXPECT_THAT(error(resized_jpeg(bytes_of("large.jpg"), 20'000, 20'000)),
              Refused("is a damaged JPEG: Corrupt JPEG data: premature end of data segment"));
}

TEST(DecodeImage, ReducesAJpegWithMorePixelsThanAllowed) {
  EXPECT_TRUE(is_near(decode_image(bytes_of("large.jpg"), {.max_pixels = 75 * 101 - 1}),
                      expected_picture("large.jpg/2"), 2));
}

TEST(DecodeImage, ReducesAJpegAsFarAsWantedSizeAllows) {
  const std::string bytes = bytes_of("large.jpg");
  for (const int scale : {2, 4, 8}) {
    const Image& wanted = expected_picture(fmt::format("large.jpg/{}", scale));
    EXPECT_TRUE(is_near(decode_image(bytes, {.wanted = {wanted.height, wanted.width}}), wanted, 2));
    const Image& larger =
        expected_picture(scale == 2 ? "large.jpg" : fmt::format("large.jpg/{}", scale / 2));
    EXPECT_TRUE(
        is_near(decode_image(bytes, {.wanted = {wanted.height + 1, wanted.width}}), larger, 2));
    EXPECT_TRUE(
        is_near(decode_image(bytes, {.wanted = {wanted.height, wanted.width + 1}}), larger, 2));
  }
}

TEST(DecodeImage, TurnsAPhotoBeforeItLooksAtTheWantedSize) {
  const std::string bytes = bytes_of("orientation6.jpg");  // upright 40 high, 24 wide
  const Image image = decode_image(bytes, {.wanted = {20, 12}});
  const Image whole = decode_image(bytes);
  EXPECT_EQ(image.stored[0], whole.height) << "as the upright picture is in its file";
  EXPECT_EQ(image.stored[1], whole.width);
  EXPECT_EQ(image.height, 20);
  EXPECT_EQ(image.width, 12);
  EXPECT_EQ(decode_image(bytes, {.wanted = {12, 20}}).height, 40);
}

/// rgb.jpg with this in a marker APP1.
std::string jpeg_with_app1(std::string_view data) {
  std::string bytes = bytes_of("rgb.jpg");
  const std::string size = big_endian(static_cast<std::uint32_t>(data.size() + 2)).substr(2);
  return bytes.insert(2, "\xff\xe1" + size + std::string(data));
}

TEST(DecodeImage, TurnsNoPhotoWithoutAnOrientation) {
  using namespace std::string_literals;
  const std::string exif = "Exif\0\0MM\0*\0\0\0\x08"s;
  for (const std::string& data :
       {"http://ns.adobe.com/xap/1.0/\0<x/>"s, "Exif\0\0??\0*\0\0\0\x08"s, exif,
        exif + "\0\1\1\x13\0\3\0\0\0\1\0\6\0\0"s,    // another tag
        exif + "\0\1\1\x12\0\3\0\0\0\1\0\x09\0\0"s,  // there is no 9
        exif + "\0\1\1\x12\0\3\0\0\0\1\0\0\0\0"s,    // nor a 0
        exif + "\xff\xff\1"s, "Exif\0\0MM\0*\xff\xff\xff\xff"s}) {
    EXPECT_TRUE(is_near(decode_image(jpeg_with_app1(data)), expected_picture("rgb.jpg"), 2));
  }
}

TEST(DecodeImage, TakesTheOrientationBehindOtherMarkers) {
  using namespace std::string_literals;
  const std::string exif = "Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"s;
  std::string bytes = jpeg_with_app1(exif);
  EXPECT_EQ(decode_image(bytes).height, expected_picture("rgb.jpg").width);
  bytes.insert(2, "\xff\xe1\0\x07http:"s);
  EXPECT_EQ(decode_image(bytes).height, expected_picture("rgb.jpg").width);
}

TEST(ReadImage, ReadsAFile) {
  EXPECT_TRUE(is_near(read_image(kPictures / "rgb.png"), expected_picture("rgb.png"), 0));
}

TEST(ReadImage, NamesTheFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a.png", "not a picture");
  for (const auto& [name, problem] :
       {std::pair{"a.png", "is not an image"}, {"b.png", "no such file"}}) {
    EXPECT_THAT(caught([&, &file = name] { read_image(folder / file); }),
                IsError(ErrorKind::failure, folder / name, HasSubstr(problem), ""));
  }
}

TEST(ReadImage, DoesNotMindAWrongExtension) {
  const TempFolder folder;
  write_file_atomically(folder / "a.png", bytes_of("rgb.jpg"));
  EXPECT_TRUE(is_near(read_image(folder / "a.png"), expected_picture("rgb.jpg"), 2));
}

}  // namespace
}  // namespace dcgan
