#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "data/dataset.h"
#include "sources/image_source.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

/// tests/fixtures/make_cifar.py made both: image i of a file is 3 planes of (plane, row, column,
/// i).
const std::string kFixtures = std::string(DCGAN_SOURCE_DIR) + "/tests/fixtures/cifar";

DataConfig cifar10(const std::string& folder, DataSplit split = DataSplit::train) {
  DataConfig data;
  data.format = DataFormat::cifar10;
  data.path = folder;
  data.split = split;
  data.image_size = {32, 32};
  data.channels = 3;
  return data;
}

DataConfig cifar100(const std::string& folder, DataSplit split = DataSplit::train) {
  DataConfig data = cifar10(folder, split);
  data.format = DataFormat::cifar100;
  return data;
}

Error error(const DataConfig& data) {
  return caught([&] { load_dataset(data); });
}

/// What make_cifar.py puts at a place.
int expected(int image, int plane, int row, int column) {
  return (image * 31 + plane * 80 + row * 5 + column * 2) % 256;
}

void expect_images(const Dataset& set, int first) {
  for (int i = 0; i < set.size(); ++i) {
    for (const auto& [plane, row, column] :
         {std::tuple{0, 0, 0}, {0, 0, 31}, {0, 31, 0}, {1, 7, 20}, {2, 31, 31}}) {
      EXPECT_EQ(set.images[i][plane][row][column].item<int>(),
                expected(first + i, plane, row, column))
          << i << " " << plane << " " << row << " " << column;
    }
  }
}

TEST(Cifar10, ReadsItsFiveBatchesInOrder) {
  const Dataset set = load_dataset(cifar10(kFixtures + "/cifar10"));
  EXPECT_EQ(set.images.sizes(), (std::vector<std::int64_t>{10, 3, 32, 32}));
  EXPECT_EQ(set.name, "CIFAR-10 train, " + kFixtures + "/cifar10");
  expect_images(set, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(set.labels[i].item<int>(), (i * 7) % 10);
}

TEST(Cifar10, ReadsItsTestBatch) {
  const Dataset set = load_dataset(cifar10(kFixtures + "/cifar10", DataSplit::test));
  EXPECT_EQ(set.size(), 3);
  expect_images(set, 100);
}

TEST(Cifar10, IsFoundInTheFolderOfItsArchive) {
  const TempFolder folder;
  fs::copy(kFixtures + "/cifar10", folder / "cifar-10-batches-bin");
  EXPECT_EQ(load_dataset(cifar10(folder.path().string())).size(), 10);
}

TEST(Cifar100, TakesTheFineLabel) {
  const Dataset set = load_dataset(cifar100(kFixtures + "/cifar100"));
  EXPECT_EQ(set.size(), 4);
  expect_images(set, 0);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(set.labels[i].item<int>(), i);
  EXPECT_EQ(set.classes, (std::vector<std::string>{"90", "91", "92", "93"}));
  const Dataset test = load_dataset(cifar100(kFixtures + "/cifar100", DataSplit::test));
  EXPECT_EQ(test.size(), 2);
  EXPECT_EQ(test.labels[1].item<int>(), 5) << "behind the four of the training split";
  EXPECT_EQ(test.classes, (std::vector<std::string>{"90", "91", "92", "93", "0", "1"}));
}

TEST(Cifar, BecomesGreyByLuma) {
  DataConfig data = cifar10(kFixtures + "/cifar10");
  data.channels = 1;
  const Dataset set = load_dataset(data);
  const double luma =
      0.299 * expected(2, 0, 3, 4) + 0.587 * expected(2, 1, 3, 4) + 0.114 * expected(2, 2, 3, 4);
  EXPECT_NEAR(set.images[2][0][3][4].item<int>(), luma, 0.51);
}

TEST(Cifar, NamesItsClassesWhereTheListIsThere) {
  const TempFolder folder;
  fs::copy(kFixtures + "/cifar10", folder.path());
  const auto classes = [&] { return load_dataset(cifar10(folder.path().string())).classes; };
  EXPECT_TRUE(classes().empty());
  write_file_atomically(folder / "batches.meta.txt",
                        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
  ASSERT_EQ(classes().size(), 10U);
  EXPECT_EQ(classes().front(), "airplane");
  EXPECT_EQ(classes().back(), "truck");
  write_file_atomically(folder / "batches.meta.txt", "airplane\n");
  EXPECT_TRUE(classes().empty()) << "a list of other classes";
}

TEST(Cifar, IsGuessedFromItsFiles) {
  EXPECT_EQ(guess_format(kFixtures + "/cifar10"), DataFormat::cifar10);
  EXPECT_EQ(guess_format(kFixtures + "/cifar100"), DataFormat::cifar100);
}

TEST(Cifar, NamesAMissingFile) {
  const TempFolder folder;
  fs::copy(kFixtures + "/cifar10", folder.path());
  fs::remove(folder / "data_batch_4.bin");
  const auto missing = [&](const char* name) {
    return IsError(ErrorKind::failure, folder / name, "no such file", HasSubstr("data.path"));
  };
  EXPECT_THAT(error(cifar10(folder.path().string())), missing("data_batch_4.bin"));
  const Error other = error(cifar100(folder.path().string()));
  EXPECT_THAT(other, missing("train.bin"));
  EXPECT_THAT(other.others().at(0), IsError(ErrorKind::failure, folder.path(), HasSubstr("cifar10"),
                                            "set data.format: cifar10"));
}

TEST(Cifar, RefusesAFileCutAtAnyLength) {
  const TempFolder folder;
  fs::copy(kFixtures + "/cifar10", folder.path());
  const fs::path file = folder / "test_batch.bin";
  for (const int length : {0, 1, 3072, 3074, 6145, 9218}) {
    fs::resize_file(file, static_cast<std::uintmax_t>(length));
    EXPECT_THAT(error(cifar10(folder.path().string(), DataSplit::test)),
                IsError(ErrorKind::damaged, file, HasSubstr("records of 3073 bytes"),
                        HasSubstr("get the file again")))
        << length;
  }
}

TEST(Cifar, RefusesALabelOfNoClass) {
  const TempFolder folder;
  fs::copy(kFixtures + "/cifar10", folder.path());
  const fs::path file = folder / "test_batch.bin";
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(3073);
  stream.put(10);
  stream.close();
  EXPECT_THAT(error(cifar10(folder.path().string(), DataSplit::test)),
              IsError(ErrorKind::failure, file, HasSubstr("record 1 has the label 10"),
                      HasSubstr("data.format")));
}

}  // namespace
}  // namespace dcgan
