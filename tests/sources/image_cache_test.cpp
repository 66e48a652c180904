#include "sources/image_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "sources/arrays.h"
#include "support/expect_error.h"
#include "support/put_picture.h"
#include "support/run_program.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using ::testing::ElementsAre;
using testing::IsError;
using testing::put_picture;
using testing::run_program;
using testing::TempFolder;
using testing::Unprivileged;

constexpr RowFormat kFormat{{8, 8, 3, ImageFit::crop, {255, 255, 255}}};

class Cache : public ::testing::Test {
 protected:
  /// Ten pictures, 0.png to 9.png, of the values 0, 10, .. 90.
  Cache() {
    for (int i = 0; i < 10; ++i) put_picture(file(i), 10 * i);
  }
  fs::path file(int i) const { return pictures_ / (std::to_string(i) + ".png"); }

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
  fs::path cache_file(const std::string& ending = ".npy") const {
    for (const auto& entry : fs::directory_iterator(cache_.path())) {
      if (entry.path().string().ends_with(ending)) return entry.path();
    }
    return {};
  }
  std::string bytes() const { return read_file(cache_file()); }
  std::ptrdiff_t count_cache_files() const {
    return std::distance(fs::directory_iterator(cache_.path()), fs::directory_iterator());
  }
  void let_others_in() const {
    fs::permissions(pictures_.path(), fs::perms(0777));
    fs::permissions(cache_.path(), fs::perms(0777));
  }
  /// A row that was spoiled in the cache shows that it comes from there.
  void spoil_first_row() const {
    std::string content = bytes();
    content[128] = '\x63';
    write_file_atomically(cache_file(), content, Flush::no);
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
  EXPECT_EQ(images.bad.size(), 0U);
  EXPECT_EQ(images.sizes.largest, (std::array<std::int64_t, 2>{8, 8}));
}

TEST_F(Cache, EqualsDecodingIntoMemory) {
  const PreparedImages cached = open();
  const ImageFolder folder = list_images(pictures_.path(), false);
  const PreparedImages decoded =
      decode_into_memory(folder, kFormat, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {});
  EXPECT_EQ(content(cached), content(decoded));
  EXPECT_EQ(cached.files, decoded.files);
}

TEST_F(Cache, PutsHeldOutRowsBehindTheOthers) {
  const PreparedImages images = open(0.2);
  EXPECT_EQ(images.training, 8);
  EXPECT_THAT(values(images), ElementsAre(0, 10, 20, 30, 50, 60, 70, 80, 40, 90));
  EXPECT_THAT(images.files, ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 4, 9));
}

TEST_F(Cache, IsAnArrayThatNpyReadersOpen) {
  write_file_atomically(file(2), "no picture");
  const PreparedImages images = open(0.2);
  const ByteArray array = read_npy(images.cache);
  EXPECT_THAT(array.sizes, ElementsAre(9, 3, 8, 8));
  EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), content(images));
}

TEST_F(Cache, IsAnArrayThatNumPyOpens) {
  if (*DCGAN_PYTHON == '\0') GTEST_SKIP() << "no Python with torch was found";
  const testing::ProgramResult result = run_program(
      {"-c", "import numpy\na = numpy.load('" + open(0.2).cache.string() + "', mmap_mode='r')\n" +
                 "print(a.dtype, a.shape, a[:, 0, 0, 0].tolist(), a[3, 2, 7, 7])\n"},
      {.program = DCGAN_PYTHON});
  if (result.err.find("No module named 'numpy'") != std::string::npos) GTEST_SKIP() << result.err;
  EXPECT_EQ(result.out, "uint8 (10, 3, 8, 8) [0, 10, 20, 30, 50, 60, 70, 80, 40, 90] 32\n")
      << result.err;
}

TEST_F(Cache, SaysBesideItsRowsOfWhichFilesTheyAre) {
  write_file_atomically(file(2), "no picture");
  open(0.2);
  const std::string index = read_file(cache_file(".index"));
  EXPECT_THAT(index, ::testing::StartsWith(
                         "dcgan image cache 2\n" + pictures_.path().string() +
                         "\n3 x 8 x 8, fit crop, background ffffff, held out 0.2, levels full\n"));
  EXPECT_THAT(index, ::testing::ContainsRegex("\n[0-9]+ [0-9]+ [0-9]+ 4.png\n"));
  EXPECT_THAT(index, ::testing::EndsWith(" 8 8 8 8\n2 is not an image (PNG, JPEG, BMP or WebP)\n"));
}

TEST_F(Cache, IsBuiltAnewWhenItsIndexIsCut) {
  write_file_atomically(file(2), "no picture");
  open(0.2);
  const fs::path path = cache_file(".index");
  const std::string whole = read_file(path);
  for (std::size_t at = 0; at + 45 < whole.size(); at += 101) {  // a build is flushed: takes time
    write_file_atomically(path, whole.substr(0, at), Flush::no);
    ASSERT_THAT(values(open(0.2)), ElementsAre(0, 10, 30, 50, 60, 70, 80, 40, 90)) << at;
    ASSERT_EQ(read_file(path), whole) << at;
  }
}

TEST_F(Cache, IsReadAgainWithoutDecoding) {
  open();
  spoil_first_row();
  EXPECT_EQ(values(open())[0], 0x63);
}

TEST_F(Cache, IsBuiltAnewWhenAFileChanges) {
  open();
  spoil_first_row();
  put_picture(file(4), 200);
  EXPECT_THAT(values(open()), ElementsAre(0, 10, 20, 30, 200, 50, 60, 70, 80, 90));
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
    ASSERT_EQ(images.bad.size(), 2U);
    EXPECT_EQ(images.bad[0].path, "2.png");
    EXPECT_EQ(images.bad[0].problem, "is empty");
    EXPECT_EQ(images.bad[1].problem, "is not an image (PNG, JPEG, BMP or WebP)");
  }
}

TEST_F(Cache, IsAnotherOneForAnotherFormat) {
  open();
  EXPECT_EQ(open(0, {16, 8, 1, ImageFit::crop, {0, 0, 0}}).rows.get()[9 * 128], 91);
  EXPECT_EQ(values(open())[9], 90);
  EXPECT_EQ(count_cache_files(), 6) << "two caches, each with an index and a lock";
}

TEST_F(Cache, IsBuiltAnewWhenItsFileIsDamaged) {
  open();
  const std::string whole = bytes();
  const auto expect_built_anew = [&](const std::string& damaged) {
    write_file_atomically(cache_file(), damaged, Flush::no);
    ASSERT_EQ(values(open())[9], 90);
    ASSERT_EQ(bytes(), whole);
  };
  for (std::size_t length = 0; length < whole.size(); length += 307) {
    expect_built_anew(whole.substr(0, length));
  }
  expect_built_anew(whole + "more");
  for (std::size_t at = 0; at < 128; at += 11) {
    std::string damaged = whole;
    damaged[at] ^= '\x55';
    expect_built_anew(damaged);
  }
  fs::remove(cache_file());
  EXPECT_EQ(values(open())[9], 90);
}

TEST_F(Cache, IsBuiltAnewWhereABuildWasKilled) {
  open();
  const fs::path part = cache_file().replace_extension(".part");
  fs::rename(cache_file(), part);  // between its last row and its name
  fs::resize_file(part, 700);
  fs::remove(cache_file(".index"));
  EXPECT_THAT(values(open()), ElementsAre(0, 10, 20, 30, 40, 50, 60, 70, 80, 90));
  EXPECT_FALSE(fs::exists(part));
}

TEST_F(Cache, LeavesOnlyItsLockWhereABuildIsStopped) {
  const auto stop = [](std::int64_t, std::int64_t) { throw stopped("now"); };
  EXPECT_THROW(
      open_image_cache(list_images(pictures_.path(), false), kFormat, 0, cache_.path(), stop),
      Error);
  EXPECT_EQ(cache_file(".lock").empty(), false);
  EXPECT_EQ(count_cache_files(), 1);
  EXPECT_EQ(values(open())[9], 90);
}

TEST_F(Cache, SaysHowMuchItTakesWhereThereIsNoRoom) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const Error error = caught([&] { open(); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_action);
  EXPECT_THAT(error, IsError(ErrorKind::failure, cache_file(".lock").replace_extension(".part"),
                             "cannot be written: it would be larger than files may be here, and "
                             "the decoded images take 2.0 KiB",
                             "set data.cache to another folder, or to none"));
  EXPECT_EQ(count_cache_files(), 1) << "the lock";
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
  EXPECT_THAT(caught([&] {
                open_image_cache(list_images(pictures_.path(), false), kFormat, 0, inside, {});
              }),
              IsError(ErrorKind::failure, inside,
                      "the folder cannot be made: a part of its path is a file, not a folder",
                      "set data.cache to another folder, or to none"));
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

// Files that can't be read ------------------------------------------------------------------------

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

TEST_F(Cache, TakesFilesOfAnyName) {
  put_picture(pictures_ / "1\n2.png", 15);
  put_picture(pictures_ / "1\xff.png", 17);
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(values(open()), ElementsAre(0, 15, 10, 17, 20, 30, 40, 50, 60, 70, 80, 90));
  }
}

}  // namespace
}  // namespace dcgan
