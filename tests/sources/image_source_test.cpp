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
using testing::caught;
using testing::IsError;
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
  auto IsUnreadable(const std::string& name) const {
    const fs::path file = name.empty() ? folder_.path() : folder_ / name;
    return IsError(ErrorKind::failure, file, "cannot be read: no permission", "");
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
    EXPECT_THAT(caught([&] { open_mnist(config(DataFormat::mnist)); }),
                IsUnreadable("train-images-idx3-ubyte"));
    EXPECT_THAT(caught([&] { open_cifar(config(DataFormat::cifar10)); }),
                IsUnreadable("data_batch_1.bin"));
  }
  fs::permissions(folder_.path(), fs::perms(0700));
}

TEST_F(Source, SaysThatAFolderMayNotBeListed) {
  fs::permissions(folder_.path(), fs::perms(0111));
  {
    const Unprivileged nobody;
    EXPECT_THAT(caught([&] { open_mnist(config(DataFormat::mnist)); }), IsUnreadable(""));
  }
  fs::permissions(folder_.path(), fs::perms(0700));
}

}  // namespace
}  // namespace dcgan
