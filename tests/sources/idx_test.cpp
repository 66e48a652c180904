#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dcgan/error.h"
#include "sources/arrays.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using namespace std::string_literals;
using testing::caught;
using testing::IsError;
using testing::TempFolder;

const std::string kRemedy = "get the file again (data/README.md says where)";

/// Two images of 1 x 3 pixels.
const std::string kImages =
    "\0\0\x08\x03"s
    "\0\0\0\x02"s
    "\0\0\0\x01"s
    "\0\0\0\x03"s
    "\x01\x02\x03\xfd\xfe\xff"s;

std::string gz(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class Idx : public ::testing::Test {
 protected:
  std::filesystem::path put(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return path_;
  }
  Error error_of(const std::string& content) {
    put(content);
    return caught([&] { read_idx(path_); });
  }
  void expect_damaged(const std::string& content, const std::string& problem) {
    EXPECT_THAT(error_of(content), IsError(ErrorKind::damaged, path_, problem, kRemedy));
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "some-idx3-ubyte";
};

void expect_images(const ByteArray& array) {
  EXPECT_EQ(array.sizes, (std::vector<std::int64_t>{2, 1, 3}));
  EXPECT_EQ(array.bytes, (std::vector<std::uint8_t>{1, 2, 3, 253, 254, 255}));
}

TEST_F(Idx, ReadsAPlainFile) { expect_images(read_idx(put(kImages))); }

TEST_F(Idx, ReadsAGzFileWhateverItsName) { expect_images(read_idx(put(gz(kImages)))); }

TEST_F(Idx, ReadsSeveralGzMembersAsOneStream) {
  for (std::size_t cut = 0; cut <= kImages.size(); ++cut) {
    expect_images(read_idx(put(gz(kImages.substr(0, cut)) + gz(kImages.substr(cut)))));
  }
}

TEST_F(Idx, ReadsSizesAboveOneByte) {
  const ByteArray array = read_idx(put("\0\0\x08\x01\0\x01\x02\x03"s + std::string(66051, 'x')));
  EXPECT_EQ(array.sizes, std::vector<std::int64_t>{66051});
  EXPECT_EQ(array.bytes, std::vector<std::uint8_t>(66051, 'x'));
}

TEST_F(Idx, ReadsAnEmptyArray) {
  const ByteArray array = read_idx(put("\0\0\x08\x01\0\0\0\0"s));
  EXPECT_EQ(array.sizes, std::vector<std::int64_t>{0});
  EXPECT_TRUE(array.bytes.empty());
}

TEST_F(Idx, RejectsAPlainFileCutAtAnyLength) {
  for (std::size_t length = 3; length < 16; ++length) {
    expect_damaged(kImages.substr(0, length), "is cut short");
  }
  for (std::size_t length = 16; length < kImages.size(); ++length) {
    expect_damaged(
        kImages.substr(0, length),
        fmt::format("its header promises 6 bytes of data, but {} are there", length - 16));
  }
}

TEST_F(Idx, RejectsAGzFileCutAtAnyLength) {
  const std::string whole = gz(kImages);
  for (std::size_t length = 2; length < whole.size(); ++length) {
    expect_damaged(whole.substr(0, length), "cut short: its gz stream has no end");
  }
}

// Of a gz stream's data only the bits that fill up its last byte, at most seven, mean nothing.
TEST_F(Idx, NeverTakesADamagedGzStreamForSound) {
  constexpr std::size_t kGzHeader = 10;
  const std::string whole = gz(kImages);
  int harmless = 0;
  for (std::size_t bit = 8 * kGzHeader; bit < 8 * whole.size(); ++bit) {
    std::string content = whole;
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << bit % 8));
    try {
      expect_images(read_idx(put(content)));
      ++harmless;
    } catch (const Error&) {
    }
  }
  EXPECT_LE(harmless, 7);
}

TEST_F(Idx, SaysWhatIsWrongWithAGzStream) {
  std::string content = gz(kImages);
  content[content.size() - 8] = static_cast<char>(content[content.size() - 8] ^ 1);
  expect_damaged(content, "its gz stream is damaged");
}

TEST_F(Idx, RejectsTheContentOfAShorterFileInWholeGz) {
  expect_damaged(gz(kImages.substr(0, 18)), "its header promises 6 bytes of data, but 2 are there");
}

TEST_F(Idx, RejectsBytesBehindTheData) {
  const std::string what = "its header promises 6 bytes of data, but 7 are there";
  expect_damaged(kImages + "\0"s, what);
  expect_damaged(gz(kImages + "\0"s), what);
  expect_damaged(gz(kImages) + gz("x"), what);
}

TEST_F(Idx, RejectsAnythingButUnsignedBytes) {
  for (const std::string& magic :
       {""s, "\0\0"s, "\x89PNG"s, "\x01\0\x08\x03"s, "\0\x01\x08\x03"s, "\0\0\x0d\x03"s}) {
    expect_damaged(magic + kImages.substr(4),
                   "is no IDX file of unsigned bytes: it does not begin with 00 00 08");
  }
}

TEST_F(Idx, RejectsSizesThatOverflow) {
  const std::string most = "\xff\xff\xff\xff";
  const std::string header = "\0\0\x08\x03"s + most + most + most;
  const std::string what = "its header is damaged";
  expect_damaged(header + "abc", what);
  expect_damaged(gz(header + "abc"), what);
}

TEST_F(Idx, AllocatesNothingForAnEmptyPromise) {
  // 2^62 bytes: an allocation of that size would throw std::bad_alloc.
  const std::string header = "\0\0\x08\x02\x7f\xff\xff\xff\x7f\xff\xff\xff"s;
  const std::string what =
      "its header promises 4,611,686,014,132,420,609 bytes of data, but 3 are there";
  expect_damaged(header + "abc", what);
  expect_damaged(gz(header + "abc"), what);
}

TEST_F(Idx, NamesAFolderAndAMissingFile) {
  const auto read = [&] { read_idx(path_); };
  EXPECT_THAT(caught(read), IsError(ErrorKind::failure, path_, "no such file", ""));
  std::filesystem::create_directory(path_);
  EXPECT_THAT(caught(read), IsError(ErrorKind::failure, path_, "is a folder, not a file", ""));
}

}  // namespace
}  // namespace dcgan
