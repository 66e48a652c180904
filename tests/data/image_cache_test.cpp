#include "dcgan/data/image_cache.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "dcgan/base/file.h"
#include "support/expect_error.h"
#include "support/put_picture.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::error_of;
using testing::put_picture;
using testing::TempFolder;

constexpr RowFormat kFormat{8, 8, 3, ImageFit::crop, {255, 255, 255}};

class Cache : public ::testing::Test {
 protected:
  /// Ten pictures, 0.png to 9.png, of the values 0, 10, .. 90.
  Cache() {
    for (int i = 0; i < 10; ++i) put_picture(file(i), 10 * i);
  }
  fs::path file(int i) const { return pictures_ / (std::to_string(i) + ".png"); }

  /// Opens the cache; `decoded_` is how many files had to be read for it.
  PreparedImages open(double held_out = 0, const RowFormat& format = kFormat) {
    return open_image_cache(list_images(pictures_.path(), false), format, held_out, cache_.path(),
                            {});
  }
  /// The red value of each row.
  static std::vector<int> values(const PreparedImages& images) {
    std::vector<int> found;
    for (std::int64_t i = 0; i < images.rows.size(0); ++i) {
      found.push_back(images.rows[i][0][0][0].item<int>());
    }
    return found;
  }
  fs::path cache_file(const std::string& ending = ".images") const {
    for (const auto& entry : fs::directory_iterator(cache_.path())) {
      if (entry.path().string().ends_with(ending)) return entry.path();
    }
    return {};
  }
  std::string bytes() const { return read_file(cache_file()); }
  void set_byte(std::size_t offset, char value) const {
    std::fstream stream(cache_file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(value);
  }
  /// The first byte of the rows: they begin with the fourth page-aligned... of the file's content.
  void spoil_first_row() const {
    const std::size_t rows = bytes().size() - 10 * 8 * 8 * 3;
    set_byte(rows, '\x63');
  }

  TempFolder pictures_;
  TempFolder cache_;
};

TEST_F(Cache, HoldsTheRowsOfAllFiles) {
  const PreparedImages images = open();
  EXPECT_EQ(images.rows.sizes(), (std::vector<std::int64_t>{10, 3, 8, 8}));
  EXPECT_TRUE(images.rows.is_contiguous());
  EXPECT_THAT(values(images), ElementsAre(0, 10, 20, 30, 40, 50, 60, 70, 80, 90));
  EXPECT_EQ(images.rows[3][2][7][7].item<int>(), 32) << "planes: blue is the third";
  EXPECT_EQ(images.training, 10);
  EXPECT_EQ(images.bad_count, 0);
  EXPECT_EQ(images.sizes.largest, (std::array<std::int64_t, 2>{8, 8}));
}

TEST_F(Cache, EqualsDecodingIntoMemory) {
  const PreparedImages cached = open();
  const ImageFolder folder = list_images(pictures_.path(), false);
  const PreparedImages decoded =
      decode_into_memory(folder, kFormat, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {});
  EXPECT_TRUE(at::equal(cached.rows, decoded.rows));
  EXPECT_EQ(cached.row_crcs, decoded.row_crcs);
  EXPECT_EQ(cached.files, decoded.files);
}

TEST_F(Cache, PutsHeldOutRowsBehindTheOthers) {
  const PreparedImages images = open(0.2);
  EXPECT_EQ(images.training, 8);
  EXPECT_THAT(values(images), ElementsAre(0, 10, 20, 30, 50, 60, 70, 80, 40, 90));
  EXPECT_THAT(images.files, ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 4, 9));
}

// A row that was spoiled in the cache shows that it comes from there.
TEST_F(Cache, IsReadAgainWithoutDecoding) {
  open();
  spoil_first_row();
  EXPECT_EQ(values(open())[0], 0x63);
}

TEST_F(Cache, IsBuiltAnewWhenAFileChanges) {
  open();
  spoil_first_row();
  put_picture(file(4), 200);
  EXPECT_THAT(values(open()), ElementsAre(0, 10, 20, 30, 200, 50, 60, 70, 80, 90))
      << "the spoiled row fits its CRC-32 no more, so it is decoded, too";
}

TEST_F(Cache, SeesAChangeThatKeepsSizeAndName) {
  open();
  const auto time = fs::last_write_time(file(4));
  const auto size = fs::file_size(file(4));
  put_picture(file(4), 41);
  if (fs::file_size(file(4)) != size) GTEST_SKIP() << "the PNGs differ in size";
  fs::last_write_time(file(4), time + std::chrono::seconds(1));
  EXPECT_EQ(values(open())[4], 41);
}

TEST_F(Cache, KeepsItsRowsWhenOnlyTimesChange) {
  open();
  spoil_first_row();
  for (int i = 0; i < 10; ++i) {
    fs::last_write_time(file(i), fs::last_write_time(file(i)) + std::chrono::hours(1));
  }
  EXPECT_EQ(values(open())[0], 0x63) << "the content is the same";
  EXPECT_EQ(values(open())[0], 0x63) << "and the new times are noted";
}

TEST_F(Cache, TakesUpNewFilesAndDropsOldOnes) {
  open();
  put_picture(pictures_ / "35.png", 35);
  fs::remove(file(9));
  EXPECT_THAT(values(open()), ElementsAre(0, 10, 20, 30, 35, 40, 50, 60, 70, 80));
}

TEST_F(Cache, LeavesOutBadFilesAndNamesThem) {
  write_file_atomically(file(2), "");
  write_file_atomically(file(7), "no picture at all");
  for (int time = 0; time < 2; ++time) {  // built, then opened
    const PreparedImages images = open(0.2);
    EXPECT_THAT(values(images), ElementsAre(0, 10, 30, 50, 60, 80, 40, 90));
    EXPECT_EQ(images.training, 6);
    EXPECT_EQ(images.bad_count, 2);
    ASSERT_EQ(images.bad.size(), 2U);
    EXPECT_EQ(images.bad[0].path, "2.png");
    EXPECT_EQ(images.bad[0].problem, "is empty");
    EXPECT_EQ(images.bad[1].problem, "is not an image (PNG, JPEG, BMP or WebP)");
  }
}

TEST_F(Cache, NamesTenBadFilesAndCountsTheRest) {
  for (int i = 0; i < 12; ++i) write_file_atomically(pictures_ / ("bad" + std::to_string(i)), "x");
  const PreparedImages images = open();
  EXPECT_EQ(images.bad.size(), 10U);
  EXPECT_EQ(images.bad_count, 12);
}

TEST_F(Cache, IsAnotherOneForAnotherFormat) {
  open();
  EXPECT_EQ(open(0, {16, 8, 1, ImageFit::crop, {0, 0, 0}}).rows.sizes(),
            (std::vector<std::int64_t>{10, 1, 16, 8}));
  EXPECT_EQ(open().rows.sizes(), (std::vector<std::int64_t>{10, 3, 8, 8}));
  const auto files = std::distance(fs::directory_iterator(cache_.path()), fs::directory_iterator());
  EXPECT_EQ(files, 4) << "two caches with their locks";
}

TEST_F(Cache, IsBuiltAnewWhenItsFileIsDamaged) {
  open();
  const std::string whole = bytes();
  for (std::size_t length = 0; length < whole.size(); length += 97) {
    write_file_atomically(cache_file(), whole.substr(0, length));
    ASSERT_EQ(values(open())[9], 90) << length;
    ASSERT_EQ(bytes().size(), whole.size()) << length;
  }
  for (std::size_t at = 0; at < 800; ++at) {  // header, key, entries
    write_file_atomically(cache_file(), whole);
    set_byte(at, static_cast<char>(whole[at] ^ 0x55));
    ASSERT_EQ(values(open())[9], 90) << at;
  }
}

TEST_F(Cache, GoesOnWhereABuildWasKilled) {
  // A child that is killed when half of the files are done.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (int i = 10; i < 4000; ++i) put_picture(file(i), i % 250);
    open_image_cache(list_images(pictures_.path(), false), kFormat, 0, cache_.path(),
                     [](std::int64_t done, std::int64_t total) {
                       if (done > total / 2 && done < total) _exit(0);
                     });
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 1) GTEST_SKIP() << "the build ended before it could be killed";
  ASSERT_FALSE(cache_file(".part").empty());
  ASSERT_TRUE(cache_file().empty()) << "half a cache is none";
  const PreparedImages images = open();
  EXPECT_EQ(images.rows.size(0), 4000);
  EXPECT_EQ(images.bad_count, 0);
  EXPECT_TRUE(cache_file(".part").empty());
  const ImageFolder folder = list_images(pictures_.path(), false);
  std::vector<std::int64_t> all(4000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  EXPECT_TRUE(at::equal(images.rows, decode_into_memory(folder, kFormat, all, {}).rows));
}

TEST_F(Cache, IsBuiltOnceByTwoAtATime) {
  PreparedImages first;
  std::thread other([&] { first = open(); });
  const PreparedImages second = open();
  other.join();
  EXPECT_TRUE(at::equal(first.rows, second.rows));
}

TEST_F(Cache, OutlivesItsFile) {
  const PreparedImages images = open();
  fs::remove(cache_file());
  EXPECT_EQ(values(images)[9], 90);
}

TEST_F(Cache, NamesAFolderThatCannotBeWrittenTo) {
  const fs::path inside = file(0) / "cache";
  EXPECT_THAT(error_of([&] {
                open_image_cache(list_images(pictures_.path(), false), kFormat, 0, inside, {});
              }),
              ::testing::HasSubstr("0.png"));
}

TEST(CacheFolder, IsInTheUsersCaches) {
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(cache_folder("auto"), "/somewhere/dcgan");
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/home/ann", 1);
  EXPECT_EQ(cache_folder("auto"), "/home/ann/.cache/dcgan");
  EXPECT_EQ(cache_folder("/elsewhere"), "/elsewhere");
}

}  // namespace
}  // namespace dcgan
