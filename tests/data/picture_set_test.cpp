// Data sets without splits of their own: a .npy file, a folder of pictures.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "config/fields.h"
#include "data/dataset.h"
#include "sources/arrays.h"
#include "sources/image_source.h"
#include "support/expect_error.h"
#include "support/put_picture.h"
#include "support/put_wide_picture.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

Error error(const DataConfig& data) {
  return caught([&] { load_dataset(data); });
}

/// The first value of each image.
std::vector<int> red_values(const Dataset& set) {
  std::vector<int> found;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    found.push_back(set.images[i][0][0][0].item<int>());
  }
  return found;
}

// A .npy file
// --------------------------------------------------------------------------------------

class NpySet : public ::testing::Test {
 protected:
  /// Ten images of 8 x 8 with the values 0, 10, .. 90 throughout.
  NpySet() {
    std::string bytes;
    for (int i = 0; i < 10; ++i) bytes += std::string(64, static_cast<char>(10 * i));
    write_npy(data_.path, {10, 8, 8}, bytes);
    data_.format = DataFormat::npy;
    data_.image_size = {8, 8};
    data_.held_out = 0.2;
  }
  std::vector<int> values() const { return red_values(load_dataset(data_)); }

  TempFolder folder_;
  DataConfig data_{.path = (folder_ / "images.npy").string()};
};

TEST_F(NpySet, KeepsSomeImagesBack) {
  EXPECT_EQ(values(), (std::vector<int>{0, 10, 20, 30, 50, 60, 70, 80}));
  data_ = other_split(data_);
  EXPECT_EQ(values(), (std::vector<int>{40, 90}));
  EXPECT_EQ(load_dataset(data_).name, data_.path + " (held-out images)");
}

TEST_F(NpySet, KeepsNoneBackWhereNoneAreAsked) {
  data_.held_out = 0;
  EXPECT_EQ(values().size(), 10U);
  EXPECT_THAT(error(other_split(data_)),
              IsError(ErrorKind::failure, data_.path, HasSubstr("split 'test'"),
                      HasSubstr("change data.held_out")));
}

TEST_F(NpySet, PassesOnWhatIsWrongWithTheFile) {
  std::filesystem::resize_file(data_.path, 700);
  EXPECT_THAT(error(data_), IsError(ErrorKind::damaged, data_.path, HasSubstr("its header"),
                                    "write it with numpy.save"));
}

// A folder of pictures ----------------------------------------------------------------------------

class PictureSet : public ::testing::Test {
 protected:
  /// Five pictures in each of two folders, of the values 0, 10, .. 90.
  PictureSet() {
    for (int i = 0; i < 10; ++i) {
      testing::put_picture(pictures_ / ((i < 5 ? "cats/" : "dogs/") + std::to_string(i) + ".png"),
                           10 * i);
    }
    data_.format = DataFormat::folder;
    data_.path = pictures_.path().string();
    data_.cache = cache_.path().string();
    data_.image_size = {8, 8};
    data_.channels = 3;
    data_.held_out = 0.2;
  }
  std::vector<int> values() const { return red_values(load_dataset(data_)); }
  auto IsBad(const std::string& name, const std::string& problem) const {
    return IsError(ErrorKind::failure, pictures_ / name, problem, "");
  }

  TempFolder pictures_;
  TempFolder cache_;
  DataConfig data_;
};

TEST_F(PictureSet, KeepsSomeImagesBack) {
  for (const std::string& cache : {cache_.path().string(), std::string("none")}) {
    data_.cache = cache;
    data_.split = DataSplit::train;
    EXPECT_EQ(values(), (std::vector<int>{0, 10, 20, 30, 50, 60, 70, 80})) << cache;
    data_.split = DataSplit::test;
    EXPECT_EQ(values(), (std::vector<int>{40, 90})) << cache;
  }
}

TEST_F(PictureSet, IsTheSameFromTheCacheAndFromTheFiles) {
  data_.classes = true;
  const Dataset built = load_dataset(data_);
  const Dataset cached = load_dataset(data_);
  data_.cache = "none";
  const Dataset decoded = load_dataset(data_);
  EXPECT_TRUE(at::equal(built.images, decoded.images));
  EXPECT_TRUE(at::equal(cached.images, decoded.images));
  EXPECT_TRUE(at::equal(cached.labels, decoded.labels));
  EXPECT_EQ(cached.fingerprint, decoded.fingerprint);
  EXPECT_EQ(built.fingerprint, decoded.fingerprint);
}

// Checkpoints keep it, and a resumed run compares it.
TEST_F(PictureSet, HasTheFingerprintOfItsBytes) {
  const auto expected = [](const Dataset& set) {
    std::string bytes(reinterpret_cast<const char*>(set.images.data_ptr<std::uint8_t>()),
                      static_cast<std::size_t>(set.images.numel()));
    bytes += std::string(static_cast<std::size_t>(set.size()), '\0');  // no classes, no labels
    return fmt::format("{:08x}",
                       crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  };
  write_file_atomically(pictures_ / "cats/2.png", "no picture");
  data_.max_bad_fraction = 0.5;
  for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
    for (const std::int64_t limit : {0, 1}) {
      for (const std::string& cache : {cache_.path().string(), std::string("none")}) {
        data_.split = split;
        data_.limit = limit;
        data_.cache = cache;
        const Dataset set = load_dataset(data_);
        EXPECT_EQ(set.fingerprint, expected(set)) << to_string(split) << limit << cache;
      }
    }
  }
}

TEST_F(PictureSet, LimitKeepsTheFirstImages) {
  data_.limit = 3;
  EXPECT_EQ(values(), (std::vector<int>{0, 10, 20}));
  data_.cache = "none";
  EXPECT_EQ(values(), (std::vector<int>{0, 10, 20}));
}

TEST_F(PictureSet, LabelsByFolderOnRequest) {
  EXPECT_EQ(load_dataset(data_).labels.max().item<int>(), 0);
  data_.classes = true;
  const Dataset set = load_dataset(data_);
  EXPECT_EQ(set.classes, (std::vector<std::string>{"cats", "dogs"}));
  EXPECT_EQ(set.labels[3].item<int>(), 0);
  EXPECT_EQ(set.labels[4].item<int>(), 1);
}

TEST_F(PictureSet, NumbersAClassThatIsOnlyHeldOutBehindTheOthers) {
  std::filesystem::create_directory(pictures_ / "cows");
  std::filesystem::rename(pictures_ / "cats/4.png", pictures_ / "cows/4.png");  // held out
  data_.classes = true;
  for (const std::string& cache : {cache_.path().string(), std::string("none")}) {
    data_.cache = cache;
    data_.split = DataSplit::train;
    const Dataset train = load_dataset(data_);
    EXPECT_EQ(train.classes, (std::vector<std::string>{"cats", "dogs"}));
    EXPECT_EQ(train.labels[7].item<int>(), 1);
    data_.split = DataSplit::test;
    const Dataset test = load_dataset(data_);
    EXPECT_EQ(test.classes, (std::vector<std::string>{"cats", "dogs", "cows"}));
    EXPECT_EQ(test.labels[0].item<int>(), 2);
    EXPECT_EQ(test.labels[1].item<int>(), 1);
  }
}

// 12 bits in files of 16: 0, 100, .. 900 of 4095, then one of 4095.
TEST_F(PictureSet, MakesTheLargestValueOfTheWholeFolderWhite) {
  const TempFolder wide;
  const auto put = [&](int i, int value) {
    testing::put_wide_picture(wide / (std::to_string(i) + ".png"), 8, 8,
                              std::vector<std::uint16_t>(64, static_cast<std::uint16_t>(value)));
  };
  for (int i = 0; i < 10; ++i) put(i, 100 * i);
  data_.path = wide.path().string();
  data_.held_out = 0.1;  // the brightest
  EXPECT_EQ(values(), (std::vector<int>{0, 0, 1, 1, 2, 2, 2, 3, 3}));
  data_.levels = Levels::automatic;
  const std::vector<int> scaled{0, 28, 57, 85, 113, 142, 170, 198, 227};
  EXPECT_EQ(values(), scaled) << "built";
  EXPECT_EQ(values(), scaled) << "cached";
  EXPECT_EQ(load_dataset(data_).white, 900U);
  data_.cache = "none";
  EXPECT_EQ(values(), scaled) << "decoded";
  data_.cache = cache_.path().string();
  put(9, 4095);  // no row of before is right any more
  EXPECT_EQ(values(), (std::vector<int>{0, 6, 12, 19, 25, 31, 37, 44, 50})) << "built anew";
}

TEST_F(PictureSet, WarnsOfBadFilesAndNotesOthers) {
  write_file_atomically(pictures_ / "cats/9.png", "");
  write_file_atomically(pictures_ / "cats/notes.txt", "");
  const Dataset set = load_dataset(data_);
  EXPECT_EQ(set.warning, data_.path +
                             ": 1 of 11 files are no images that can be read and are left out\n" +
                             data_.path + "/cats/9.png: is empty");
  EXPECT_EQ(set.note, data_.path + ": other files are left out: 1 of .txt");
  data_.max_bad_fraction = 0.05;
  const Error refused = error(data_);
  EXPECT_THAT(refused, IsError(ErrorKind::failure, data_.path,
                               HasSubstr("more than data.max_bad_fraction (0.05) allows"),
                               HasSubstr("mend or remove them")));
  EXPECT_THAT(refused.others(), ElementsAre(IsBad("cats/9.png", "is empty")));
}

TEST_F(PictureSet, SaysThatAllOfASplitIsDamaged) {
  write_file_atomically(pictures_ / "cats/4.png", "");
  write_file_atomically(pictures_ / "dogs/9.png", "");
  data_ = other_split(data_);
  data_.cache = "none";
  data_.max_bad_fraction = 1;
  const Error refused = error(data_);
  EXPECT_THAT(refused, IsError(ErrorKind::failure, data_.path, HasSubstr("2 of 2 files"), ""));
  EXPECT_THAT(refused.others(),
              ElementsAre(IsBad("cats/4.png", "is empty"), IsBad("dogs/9.png", "is empty")));
}

TEST_F(PictureSet, KeepsTheFirstImagesSizeWhereNoneIsAsked) {
  data_.image_size = {0, 0};
  EXPECT_EQ(load_dataset(data_).images.sizes(), (std::vector<std::int64_t>{8, 3, 8, 8}));
}

TEST_F(PictureSet, SaysWhatIsWrongWhereNoFileGivesASize) {
  const TempFolder bad;
  write_file_atomically(bad / "a.png", "no image");
  data_.path = bad.path().string();
  data_.image_size = {0, 0};
  EXPECT_THAT(error(data_),
              IsError(ErrorKind::failure, bad / "a.png", HasSubstr("is not an image"), ""));
}

TEST_F(PictureSet, OutlivesItsCacheAndItsDescription) {
  const Dataset set = load_dataset(data_);
  std::filesystem::remove_all(cache_.path());
  EXPECT_EQ(set.images[7][0][0][0].item<int>(), 80);
  data_.cache = "none";
  EXPECT_EQ(load_dataset(data_).images[7][0][0][0].item<int>(), 80);
}

TEST_F(PictureSet, IsGuessedFromItsFiles) {
  EXPECT_EQ(guess_format(data_.path), DataFormat::folder);
  EXPECT_EQ(guess_format(data_.path + "/set.npy"), DataFormat::npy);
  EXPECT_EQ(guess_format(data_.path + "/SET.NPY"), DataFormat::npy);
  EXPECT_EQ(guess_format(std::string(DCGAN_SOURCE_DIR) + "/data/mnist"), DataFormat::mnist);
  EXPECT_EQ(guess_format(cache_.path().string()), DataFormat::mnist) << "an empty folder";
}

}  // namespace
}  // namespace dcgan
