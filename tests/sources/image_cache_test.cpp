#include "sources/image_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "sources/cache_file.h"
#include "support/expect_error.h"
#include "support/put_picture.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace {
std::atomic<bool> no_locks{false};  ///< as on some network file systems
}

/// In the place of the C library's.
extern "C" int flock(int descriptor, int operation) {
  if (!no_locks) return static_cast<int>(syscall(SYS_flock, descriptor, operation));
  errno = ENOLCK;
  return -1;
}

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::error_of;
using testing::put_picture;
using testing::TempFolder;
using testing::Unprivileged;

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
    for (std::int64_t i = 0; i < images.size(); ++i) {
      found.push_back(images.rows.get()[i * kFormat.bytes()]);
    }
    return found;
  }
  /// All bytes of the rows.
  static std::string content(const PreparedImages& images) {
    return {reinterpret_cast<const char*>(images.rows.get()),
            static_cast<std::size_t>(images.size() * kFormat.bytes())};
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
  std::ptrdiff_t count_cache_files() const {
    return std::distance(fs::directory_iterator(cache_.path()), fs::directory_iterator());
  }
  void let_others_in() const {
    fs::permissions(pictures_.path(), fs::perms(0777));
    fs::permissions(cache_.path(), fs::perms(0777));
  }
  void put_cache(const std::string& content) const {
    write_file_atomically(cache_file(), content, Flush::no);
  }
  static std::string with_number(std::string file, std::size_t at, std::int64_t number) {
    std::memcpy(file.data() + at, &number, sizeof number);
    return file;
  }
  static CacheHeader header_of(const std::string& file) {
    CacheHeader header;
    std::memcpy(&header, file.data(), sizeof header);
    return header;
  }
  static std::size_t entry_at(const std::string& file, std::size_t index) {
    const auto key_end = sizeof(CacheHeader) + static_cast<std::size_t>(header_of(file).key_bytes);
    return (key_end + 7) / 8 * 8 + index * sizeof(CacheEntry);
  }
  /// With the right checksum over what lies before the rows.
  static std::string with_checksum(std::string file) {
    CacheHeader header = header_of(file);
    const auto size = static_cast<std::int64_t>(file.size() - sizeof header);
    header.index_crc = crc_of(file.data() + sizeof header, size - header.files * header.row_bytes);
    std::memcpy(file.data(), &header, sizeof header);
    return file;
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
  EXPECT_EQ(images.size(), 10);
  EXPECT_THAT(values(images), ElementsAre(0, 10, 20, 30, 40, 50, 60, 70, 80, 90));
  EXPECT_EQ(images.rows.get()[3 * 192 + 191], 32) << "planes: blue is the third";
  EXPECT_EQ(images.training, 10);
  EXPECT_EQ(images.bad_count, 0);
  EXPECT_EQ(images.sizes.largest, (std::array<std::int64_t, 2>{8, 8}));
}

TEST_F(Cache, EqualsDecodingIntoMemory) {
  const PreparedImages cached = open();
  const ImageFolder folder = list_images(pictures_.path(), false);
  const PreparedImages decoded =
      decode_into_memory(folder, kFormat, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {});
  EXPECT_EQ(content(cached), content(decoded));
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
  const std::string before = bytes();
  EXPECT_EQ(values(open())[0], 0x63) << "the content is the same";
  const std::string noted = bytes();
  EXPECT_NE(noted, before) << "the new times are noted";
  EXPECT_EQ(values(open())[0], 0x63);
  EXPECT_EQ(bytes(), noted);
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
  for (int i = 0; i < 12; ++i)
    write_file_atomically(pictures_ / ("bad" + std::to_string(i) + ".png"), "x");
  const PreparedImages images = open();
  EXPECT_EQ(images.bad.size(), 10U);
  EXPECT_EQ(images.bad_count, 12);
}

TEST_F(Cache, IsAnotherOneForAnotherFormat) {
  open();
  EXPECT_EQ(open(0, {16, 8, 1, ImageFit::crop, {0, 0, 0}}).rows.get()[9 * 128], 91);
  EXPECT_EQ(values(open())[9], 90);
  EXPECT_EQ(count_cache_files(), 4) << "two caches with their locks";
}

TEST_F(Cache, IsBuiltAnewWhenItsFileIsDamaged) {
  open();
  const std::string whole = bytes();
  for (std::size_t length = 0; length < whole.size(); length += 97) {
    put_cache(whole.substr(0, length));
    ASSERT_EQ(values(open())[9], 90) << length;
    ASSERT_EQ(bytes().size(), whole.size()) << length;
  }
  for (std::size_t at = 0; at < 800; ++at) {  // header, key, entries
    put_cache(whole);
    set_byte(at, static_cast<char>(whole[at] ^ 0x55));
    ASSERT_EQ(values(open())[9], 90) << at;
  }
}

/// Takes longer to decode than the build's progress is silent.
void put_slow_picture(const fs::path& path) {
  static const std::string content = [] {
    const Image image{6000, 6000, 1, std::vector<std::uint8_t>(std::size_t{6000} * 6000, 9)};
    return encode_png(image);
  }();
  write_file_atomically(path, content, Flush::no);
}

TEST_F(Cache, GoesOnWhereABuildWasKilled) {
  // A child that is killed when most of the files are done.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (int i = 10; i < 4000; ++i) put_picture(file(i), i % 250);
    for (int i = 0; i < 8; ++i) put_slow_picture(pictures_ / ("slow" + std::to_string(i) + ".png"));
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
  EXPECT_EQ(images.size(), 4008);
  EXPECT_EQ(images.bad_count, 0);
  EXPECT_TRUE(cache_file(".part").empty());
  const ImageFolder folder = list_images(pictures_.path(), false);
  std::vector<std::int64_t> all(4008);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  EXPECT_EQ(content(images), content(decode_into_memory(folder, kFormat, all, {})));
}

TEST_F(Cache, IsBuiltOnceByTwoAtATime) {
  PreparedImages first;
  std::thread other([&] { first = open(); });
  const PreparedImages second = open();
  other.join();
  EXPECT_EQ(content(first), content(second));
}

TEST_F(Cache, OutlivesItsFile) {
  const PreparedImages images = open();
  fs::remove(cache_file());
  EXPECT_EQ(values(images)[9], 90);
}

TEST_F(Cache, NamesAFolderThatCannotBeWrittenTo) {
  const fs::path inside = file(0) / "cache";
  EXPECT_EQ(error_of([&] {
              open_image_cache(list_images(pictures_.path(), false), kFormat, 0, inside, {});
            }),
            inside.string() +
                ": the folder cannot be made: a part of its path is a file, not a folder; set "
                "data.cache to another folder, or to none");
}

// What its file says ------------------------------------------------------------------------------

TEST_F(Cache, IsBuiltAnewWhereItsCountsDoNotAgree) {
  open(0.2);
  const std::string whole = bytes();
  for (const std::int64_t wrong : {-1L, 0L, 7L, 9L, 11L, 1L << 40}) {
    for (const std::size_t count :
         {offsetof(CacheHeader, rows), offsetof(CacheHeader, training_rows)}) {
      put_cache(with_number(whole, count, wrong));
      ASSERT_THAT(values(open(0.2)), ElementsAre(0, 10, 20, 30, 50, 60, 70, 80, 40, 90)) << wrong;
      ASSERT_EQ(bytes(), whole) << wrong;
    }
  }
}

TEST_F(Cache, IsBuiltAnewWhereRowsBelongToNoFileOrToTwo) {
  open(0.2);
  const std::string whole = bytes();
  const std::size_t row = entry_at(whole, 3) + offsetof(CacheEntry, row);
  for (const std::int64_t wrong : {-1L, 2L, 9L, 10L, 1L << 40}) {
    put_cache(with_checksum(with_number(whole, row, wrong)));
    ASSERT_THAT(values(open(0.2)), ElementsAre(0, 10, 20, 30, 50, 60, 70, 80, 40, 90)) << wrong;
    ASSERT_EQ(bytes(), whole) << wrong;
  }
}

TEST_F(Cache, IsBuiltAnewWhereItsRowsHaveAnotherSize) {
  open();
  const std::string whole = bytes();
  for (const std::int64_t row_bytes : {0, 100, 300}) {
    std::string other = with_number(whole, offsetof(CacheHeader, row_bytes), row_bytes);
    other.resize(whole.size() - static_cast<std::size_t>(10 * (192 - row_bytes)));
    for (const bool half_built : {false, true}) {
      put_cache(other);
      if (half_built) fs::rename(cache_file(), cache_file().string() + ".part");
      ASSERT_THAT(values(open()), ElementsAre(0, 10, 20, 30, 40, 50, 60, 70, 80, 90)) << row_bytes;
      ASSERT_EQ(bytes(), whole) << row_bytes;
    }
  }
}

TEST_F(Cache, CannotBeWrittenTo) {
  const PreparedImages built = open();
  const PreparedImages opened = open();
  EXPECT_DEATH(*const_cast<std::uint8_t*>(built.rows.get()) = 1, "");
  EXPECT_DEATH(*const_cast<std::uint8_t*>(opened.rows.get()) = 1, "");
}

// Where it lies -----------------------------------------------------------------------------------

TEST_F(Cache, IsReadWhereNothingCanBeWritten) {
  open();
  spoil_first_row();
  for (int i = 0; i < 10; ++i) {  // nor can new times be noted
    fs::last_write_time(file(i), fs::last_write_time(file(i)) + std::chrono::hours(1));
  }
  let_others_in();
  for (const auto& entry : fs::directory_iterator(cache_.path())) {
    fs::permissions(entry.path(), fs::perms(0444));
  }
  fs::permissions(cache_.path(), fs::perms(0555));
  const std::string before = bytes();
  {
    const Unprivileged nobody;
    EXPECT_EQ(values(open())[0], 0x63);
  }
  EXPECT_EQ(bytes(), before);
  fs::permissions(cache_.path(), fs::perms(0700));
}

TEST_F(Cache, IsLockedByAFileOfAnotherUser) {
  open();
  fs::permissions(cache_file(".lock"), fs::perms(0444));
  put_picture(file(4), 200);
  let_others_in();
  const Unprivileged nobody;
  EXPECT_EQ(values(open())[4], 200);
}

TEST_F(Cache, IsBuiltApartWhereThereAreNoLocks) {
  open();
  const fs::path part = cache_file().string() + ".part";
  write_file_atomically(part, "another process builds this one");
  put_picture(file(4), 200);
  no_locks = true;
  const PreparedImages images = open();
  no_locks = false;
  EXPECT_EQ(values(images)[4], 200);
  EXPECT_EQ(read_file(part), "another process builds this one");
  EXPECT_EQ(count_cache_files(), 3) << "the cache, its lock and the other's part";
}

TEST_F(Cache, IsOneForEverySpellingOfItsFolder) {
  open();
  spoil_first_row();
  fs::create_directory_symlink(pictures_.path(), cache_ / "link");
  for (const fs::path& spelling :
       {pictures_.path() / "", pictures_.path() / ".", cache_ / "link"}) {
    const PreparedImages images =
        open_image_cache(list_images(spelling, false), kFormat, 0, cache_.path(), {});
    EXPECT_EQ(values(images)[0], 0x63) << spelling;
  }
}

TEST_F(Cache, HasAShortNameWhateverItsFolders) {
  const fs::path folder = pictures_ / std::string(250, 'x');
  put_picture(folder / "0.png", 7);
  const auto open_it = [&] {
    return open_image_cache(list_images(folder, false), kFormat, 0, cache_.path(), {});
  };
  EXPECT_THAT(values(open_it()), ElementsAre(7));
}

// Files that can't be read
// --------------------------------------------------------------------------

TEST_F(Cache, LeavesOutAFileThatMayNotBeRead) {
  let_others_in();
  fs::permissions(file(3), fs::perms::none);
  {
    const Unprivileged nobody;
    for (int time = 0; time < 2; ++time) {  // built, then opened
      const PreparedImages images = open();
      EXPECT_THAT(values(images), ElementsAre(0, 10, 20, 40, 50, 60, 70, 80, 90));
      ASSERT_EQ(images.bad.size(), 1U);
      EXPECT_EQ(images.bad[0].path, "3.png");
      EXPECT_EQ(images.bad[0].problem, "cannot be read: no permission");
    }
  }
  fs::permissions(file(3), fs::perms(0644));
  EXPECT_EQ(values(open())[3], 30) << "neither its time nor its size has changed";
}

TEST_F(Cache, LeavesOutAFileThatWasRemovedMeanwhile) {
  const ImageFolder folder = list_images(pictures_.path(), false);
  fs::remove(file(3));
  const PreparedImages images = open_image_cache(folder, kFormat, 0, cache_.path(), {});
  EXPECT_EQ(images.size(), 9);
  ASSERT_EQ(images.bad.size(), 1U);
  EXPECT_EQ(images.bad[0].problem, "no such file");
  const PreparedImages decoded = decode_into_memory(folder, kFormat, {2, 3, 4}, {});
  EXPECT_THAT(values(decoded), ElementsAre(20, 40));
  ASSERT_EQ(decoded.bad.size(), 1U);
  EXPECT_EQ(decoded.bad[0].problem, "no such file");
}

TEST_F(Cache, SaysWhatToDoWhereABadFileIsWellNow) {
  const std::string picture = read_file(file(3));
  write_file_atomically(file(3), std::string(picture.size(), 'x'));
  const ImageFolder folder = list_images(pictures_.path(), false);  // a disk that fails at times
  const auto open_it = [&] { return open_image_cache(folder, kFormat, 0, cache_.path(), {}); };
  EXPECT_EQ(open_it().bad_count, 1);
  write_file_atomically(file(3), picture);
  const PreparedImages images = open_it();
  ASSERT_EQ(images.bad.size(), 1U);
  EXPECT_EQ(images.bad[0].problem, "could not be decoded when the cache was built; remove " +
                                       cache_file().string() + " to try again");
}

TEST_F(Cache, TakesFilesOfAnyName) {
  put_picture(pictures_ / "1\n2.png", 15);
  put_picture(pictures_ / "1\xff.png", 17);
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(values(open()), ElementsAre(0, 15, 10, 17, 20, 30, 40, 50, 60, 70, 80, 90));
  }
}

}  // namespace
}  // namespace dcgan
