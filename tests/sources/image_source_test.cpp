#include "sources/image_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

using namespace std::string_literals;
namespace fs = std::filesystem;
using testing::error_of;
using testing::TempFolder;
using testing::Unprivileged;

const std::string kImages = "\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x03"s + "abcdef";
const std::string kLabels = "\0\0\x08\x01\0\0\0\x01"s + "\x07";

class Source : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) const {
    write_file_atomically(folder_ / name, content, Flush::no);
  }
  DataConfig config(DataFormat format) const {
    DataConfig data;
    data.format = format;
    data.path = folder_.path().string();
    return data;
  }

  TempFolder folder_;
};

TEST_F(Source, NamesEmnistByItsKind) {
  put("emnist-letters-train-images-idx3-ubyte", kImages);
  put("emnist-letters-train-labels-idx1-ubyte", kLabels);
  EXPECT_EQ(open_mnist(config(DataFormat::mnist)).name,
            "emnist-letters-train, " + folder_.path().string());
}

TEST_F(Source, TakesEmnistWithoutAKind) {
  put("emnist-train-images-idx3-ubyte", kImages);
  put("emnist-train-labels-idx1-ubyte", kLabels);
  EXPECT_EQ(open_mnist(config(DataFormat::mnist)).name, "emnist-train, " + folder_.path().string());
}

TEST_F(Source, SaysThatAFolderMayNotBeRead) {
  put("train-images-idx3-ubyte", kImages);
  put("data_batch_1.bin", "");
  fs::permissions(folder_.path(), fs::perms(0444));
  {
    const Unprivileged nobody;
    const std::string why = ": cannot be read: no permission";
    EXPECT_EQ(error_of([&] { open_mnist(config(DataFormat::mnist)); }),
              (folder_ / "train-images-idx3-ubyte").string() + why);
    EXPECT_EQ(error_of([&] { open_cifar(config(DataFormat::cifar10)); }),
              (folder_ / "data_batch_1.bin").string() + why);
  }
  fs::permissions(folder_.path(), fs::perms(0700));
}

TEST_F(Source, SaysThatAFolderMayNotBeListed) {
  fs::permissions(folder_.path(), fs::perms(0111));
  {
    const Unprivileged nobody;
    EXPECT_EQ(error_of([&] { open_mnist(config(DataFormat::mnist)); }),
              folder_.path().string() + ": cannot be read: no permission");
  }
  fs::permissions(folder_.path(), fs::perms(0700));
}

}  // namespace
}  // namespace dcgan
