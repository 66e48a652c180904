#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sources/arrays.h"
#include "sources/image_source.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using testing::error_of;
using ::testing::HasSubstr;
using testing::IsError;
using ::testing::StartsWith;
using testing::TempFolder;

class Layout : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& content = "x") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string root() const { return folder_.path().string(); }
  DataConfig data(DataFormat format) const {
    DataConfig data;
    data.format = format;
    data.path = root();
    return data;
  }
  std::string found(DataFormat format) const { return find_set(data(format)); }
  static std::string hint(const DataConfig& data) {
    const auto error = format_hint(data);
    return error ? error->what() : "";
  }
  std::string hint(DataFormat format) const { return hint(data(format)); }

  TempFolder folder_;
};

TEST_F(Layout, OfTorchvisionIsLookedThrough) {
  put("FashionMNIST/raw/train-images-idx3-ubyte.gz");
  EXPECT_EQ(found(DataFormat::mnist), path("FashionMNIST/raw"));
  EXPECT_EQ(guess_format(root()), DataFormat::mnist);
  EXPECT_EQ(guess_format(path("FashionMNIST")), DataFormat::mnist);
}

TEST_F(Layout, OfAnArchiveIsLookedThrough) {
  put("cifar-10-batches-bin/data_batch_1.bin");
  put("sets/cifar-100-binary/train.bin");
  EXPECT_EQ(found(DataFormat::cifar10), path("cifar-10-batches-bin"));
  EXPECT_EQ(found(DataFormat::cifar100), path("sets/cifar-100-binary"));
  EXPECT_EQ(guess_format(path("sets")), DataFormat::cifar100);
}

TEST_F(Layout, IsNotLookedThroughWhereTheFilesAreAtHand) {
  put("t10k-images.idx3-ubyte");
  put("MNIST/raw/train-images-idx3-ubyte");
  EXPECT_EQ(found(DataFormat::mnist), root());
}

TEST_F(Layout, IsTakenAsItIsWhereNothingIsFound) {
  put("a/b/c/train-images-idx3-ubyte");
  put(".hidden/train-images-idx3-ubyte");
  EXPECT_EQ(found(DataFormat::mnist), root()) << "three folders down, and a hidden one";
  EXPECT_EQ(find_set({.path = path("nowhere")}), path("nowhere"));
}

TEST_F(Layout, WithSeveralSetsIsAnErrorThatListsThem) {
  put("MNIST/raw/train-images-idx3-ubyte");
  put("KMNIST/raw/train-images-idx3-ubyte");
  const auto several = [&](const std::string& one, const std::string& other) {
    return IsError(ErrorKind::failure, root(),
                   "several data sets lie here: " + path(one) + ", " + path(other),
                   "point data.path or --data at one of them");
  };
  EXPECT_THAT(caught([&] { found(DataFormat::mnist); }), several("KMNIST/raw", "MNIST/raw"));
  put("cifar10/data_batch_1.bin");
  put("mnist/train-images-idx3-ubyte");
  EXPECT_THAT(caught([&] { guess_format(root()); }), several("cifar10", "mnist"));
  EXPECT_EQ(hint(DataFormat::cifar100), "");
}

// Folders of pictures -----------------------------------------------------------------------------

TEST_F(Layout, OfSplitsGivesTheOneToTrainOn) {
  put("data/train/cat/1.png");
  put("data/test/cat/2.png");
  EXPECT_EQ(found(DataFormat::folder), path("data/train"));
  put("data/validation/cat/3.png");
  EXPECT_EQ(found(DataFormat::folder), path("data/train"));
  put("README.md");
  EXPECT_EQ(found(DataFormat::folder), path("data/train"));
  EXPECT_EQ(find_set({.format = DataFormat::folder, .path = path("data")}), path("data/train"));
}

TEST_F(Layout, OfOtherFoldersIsTakenWhole) {
  put("train/1.png");
  put("bus/1.png");
  EXPECT_EQ(found(DataFormat::folder), root()) << "classes, one of which is trains";
  fs::remove_all(folder_ / "bus");
  put("2.png");
  EXPECT_EQ(found(DataFormat::folder), root()) << "there are pictures beside it";
}

// What can't be read ------------------------------------------------------------------------------

TEST_F(Layout, OfCifarsPythonVersionIsNamed) {
  const std::string ten =
      ": is of CIFAR-10's Python version; dcgan reads the binary version; 'dcgan data fetch "
      "cifar10' brings it";
  put("cifar-10-batches-py/data_batch_1");
  for (const DataFormat format : {DataFormat::cifar10, DataFormat::folder}) {
    EXPECT_EQ(hint(format), path("cifar-10-batches-py/data_batch_1") + ten);
  }
  put("cifar-10-python.tar.gz");
  EXPECT_EQ(hint(DataFormat::cifar10), path("cifar-10-python.tar.gz") + ten);
  fs::remove_all(folder_.path());
  put("cifar-100-python/train");
  EXPECT_EQ(hint(DataFormat::cifar100),
            path("cifar-100-python/train") +
                ": is of CIFAR-100's Python version; dcgan reads the binary version; 'dcgan data "
                "fetch cifar100' brings it");
}

TEST_F(Layout, OfParquetComesWithTheWayOut) {
  put("data/train-00000-of-00001.parquet");
  put("data/test-00000-of-00001.parquet");
  for (const DataFormat format : {DataFormat::folder, DataFormat::mnist}) {
    EXPECT_THAT(hint(format),
                StartsWith(path("data/test-00000-of-00001.parquet") +
                           ": Parquet is not read; write its pictures into a folder, and point "
                           "data.path (with data.format: folder and, without labels, "
                           "model.classes: 0) or --data at that:\n"
                           "mkdir -p pictures && python3 -c "));
  }
}

TEST_F(Layout, OfKerasComesWithTheWayOut) {
  put("mnist.npz", "PK\x03\x04");
  const std::string way_out =
      path("mnist.npz") +
      ": is an .npz, several arrays in one file; write its images into an "
      ".npy, and point data.path (with data.format: npy and, without labels, "
      "model.classes: 0) or --data at that:\npython3 -c ";
  EXPECT_THAT(hint(DataFormat::mnist), StartsWith(way_out));
  EXPECT_THAT(hint({.path = path("mnist.npz")}), StartsWith(way_out));
  EXPECT_EQ(guess_format(path("mnist.npz")), DataFormat::npy);
  EXPECT_THAT(error_of([&] { read_npy(path("mnist.npz")); }), StartsWith(way_out));
  EXPECT_EQ(hint({.format = DataFormat::npy, .path = path("mnist.npz")}), "")
      << "its reader has said it";
}

TEST_F(Layout, WithAnArrayOrAnArchiveSaysWhatToDo) {
  put("set.zip");
  EXPECT_EQ(hint(DataFormat::folder),
            path("set.zip") + ": is an archive; unpack it, and point data.path at what is in it");
  fs::remove(folder_ / "set.zip");
  put("a/b/images.npy");
  EXPECT_EQ(hint(DataFormat::folder), path("a/b/images.npy") +
                                          ": is an array of NumPy; set data.format: npy and "
                                          "data.path: " +
                                          path("a/b/images.npy"));
  EXPECT_EQ(hint({.format = DataFormat::mnist, .path = path("a/b/images.npy")}),
            path("a/b/images.npy") + ": holds a set of format npy; set data.format: npy");
}

TEST_F(Layout, IsNoMatterWhereTheSetIsThere) {
  put("train-images-idx3-ubyte");
  put("set.zip");
  EXPECT_EQ(hint(DataFormat::mnist), "");
  EXPECT_THAT(hint(DataFormat::cifar10), HasSubstr("set data.format: mnist"));
}

}  // namespace
}  // namespace dcgan
