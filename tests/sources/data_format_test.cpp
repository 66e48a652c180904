#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sources/image_source.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using ::testing::Optional;
using testing::TempFolder;

auto IsHint(const std::string& where, const std::string& problem, const std::string& remedy) {
  return Optional(IsError(ErrorKind::failure, where, HasSubstr(problem), HasSubstr(remedy)));
}

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
  std::optional<Error> hint(DataFormat format) const { return format_hint(data(format)); }

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
  EXPECT_FALSE(hint(DataFormat::cifar100));
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

TEST_F(Layout, WithAForeignFileSaysWhatToDo) {
  const std::string fetch = "'dcgan data fetch cifar10' or cifar100 brings it";
  struct Case {
    std::string name, problem, remedy;
  };
  for (const Case& c : std::vector<Case>{
           {"cifar-10-batches-py/data_batch_1", "is CIFAR's Python version", fetch},
           {"cifar-10-python.tar.gz", "is CIFAR's Python version", fetch},
           {"cifar-100-python/train", "is CIFAR's Python version", fetch},
           {"data/train-00000-of-00001.parquet", "Parquet", "write its pictures into a folder"},
           {"mnist.npz", "is an .npz", "numpy.load('mnist.npz')['x_train']"},
           {"a/b/images.npy", "an array", "set data.format: npy and data.path to this file"},
           {"set.zip", "is an archive", "unpack it"}}) {
    put(c.name);
    for (const DataFormat format : {DataFormat::cifar10, DataFormat::folder}) {
      EXPECT_THAT(hint(format), IsHint(path(c.name), c.problem, c.remedy));
    }
    fs::remove_all(folder_ / fs::path(c.name).begin()->string());
  }
}

TEST_F(Layout, OfOneFileIsToldByItsEnding) {
  put("mnist.npz");
  put("a.npy");
  EXPECT_EQ(guess_format(path("mnist.npz")), DataFormat::npy);
  EXPECT_THAT(format_hint({.format = DataFormat::npy, .path = path("mnist.npz")}),
              IsHint(path("mnist.npz"), "is an .npz, several arrays in one file", "numpy.save"));
  EXPECT_EQ(guess_format(path("a.npy")), DataFormat::npy);
  EXPECT_THAT(format_hint({.format = DataFormat::mnist, .path = path("a.npy")}),
              IsHint(path("a.npy"), "holds a set of format npy", "set data.format: npy"));
  EXPECT_FALSE(format_hint({.format = DataFormat::npy, .path = path("a.npy")}));
}

TEST_F(Layout, IsNoMatterWhereTheSetIsThere) {
  put("train-images-idx3-ubyte");
  put("set.zip");
  EXPECT_FALSE(hint(DataFormat::mnist));
  EXPECT_THAT(hint(DataFormat::cifar10), IsHint(root(), "mnist", "set data.format: mnist"));
}

}  // namespace
}  // namespace dcgan
