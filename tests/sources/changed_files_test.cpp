// Whether an image cache sees that a file is another one, whatever copying tools kept of the old
// one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "sources/image_cache.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

constexpr RowFormat kFormat{{8, 8, 3, ImageFit::crop, {255, 255, 255}}};

class ChangedFiles : public ::testing::Test {
 protected:
  /// Ten pictures, 0.bmp to 9.bmp, of the values 0, 10, .. 90.
  ChangedFiles() {
    for (int i = 0; i < 10; ++i) put_bitmap(file(i), 10 * i);
  }
  fs::path file(int i) const { return pictures_ / (std::to_string(i) + ".bmp"); }

  PreparedImages open() const {
    return open_image_cache(list_images(pictures_.path(), false), kFormat, 0, cache_.path(), {});
  }
  /// The first byte of each row.
  static std::vector<int> values(const PreparedImages& images) {
    std::vector<int> found;
    for (std::int64_t i = 0; i < images.size(); ++i) {
      found.push_back(images.rows.get()[i * kFormat.bytes()]);
    }
    return found;
  }
  /// A BMP of one colour, which always has the same size.
  static void put_bitmap(const fs::path& path, int value) {
    std::string bytes(54 + 8 * 8 * 3, static_cast<char>(value));
    const auto put = [&](std::size_t at, std::uint32_t number) {
      std::memcpy(bytes.data() + at, &number, sizeof number);
    };
    bytes.replace(0, 2, "BM");
    put(2, static_cast<std::uint32_t>(bytes.size()));
    put(6, 0);
    put(10, 54);
    put(14, 40);
    put(18, 8);
    put(22, 8);
    put(26, 1 | 24U << 16U);
    for (std::size_t at = 30; at < 54; at += 4) put(at, 0);
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;  // into the file that is there
  }
  static void overwrite_bitmap(const fs::path& path, int value) {
    const auto time = fs::last_write_time(path);
    put_bitmap(path, value);
    fs::last_write_time(path, time);
  }

  TempFolder pictures_;
  TempFolder cache_;
};

// As `tar --mtime`, `unzip`, `rsync -t` and `cp -p` leave files: the same name, size and time.

TEST_F(ChangedFiles, SeesAFileWrittenToWhoseTimeWasPutBack) {
  put_bitmap(file(4), 40);
  open();
  overwrite_bitmap(file(4), 41);
  EXPECT_EQ(values(open())[4], 41);
}

TEST_F(ChangedFiles, SeesAnotherFileInAFilesPlace) {
  put_bitmap(file(4), 40);
  put_bitmap(cache_ / "other", 41);
  fs::last_write_time(cache_ / "other", fs::last_write_time(file(4)));
  open();
  fs::rename(cache_ / "other", file(4));
  EXPECT_EQ(values(open())[4], 41);
}

// No file in it is touched by that.
TEST_F(ChangedFiles, SeesAnotherFolderInAFoldersPlace) {
  for (const std::string name : {"in", "other"}) {
    put_bitmap(pictures_ / name / "a.bmp", name == "in" ? 41 : 42);
  }
  // Changed at another tick of the file system's clock.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  fs::last_write_time(pictures_ / "other/a.bmp", fs::last_write_time(pictures_ / "in/a.bmp"));
  fs::rename(pictures_ / "other", cache_ / "other");
  open();
  fs::rename(pictures_ / "in", cache_ / "in");
  fs::rename(cache_ / "other", pictures_ / "in");
  EXPECT_EQ(values(open()).back(), 42);
}

}  // namespace
}  // namespace dcgan
