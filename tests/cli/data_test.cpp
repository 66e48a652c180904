// `dcgan data list`, `fetch`, `verify` and `show`, as a user runs them. tests/fetch has what can go
// wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "support/put_picture.h"
#include "support/run_program.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::run_program;
using ::testing::StartsWith;
using testing::TempFolder;

const std::filesystem::path kSource = DCGAN_SOURCE_DIR;

TEST(DataList, ShowsEverySetAndWhereItIs) {
  const ProgramResult result = run_program({"data", "list"}, {.folder = kSource});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              HasSubstr("\nmnist          60,000 + 10,000  28 x 28 x 1       10   11.1 MiB "
                        " CC BY-SA 3.0  http://yann.lecun.com/exdb/mnist/ "));
  EXPECT_THAT(result.out, HasSubstr("  data/mnist\n"));
}

TEST(DataVerify, AcceptsTheRepositorysMnist) {
  const ProgramResult result = run_program({"data", "verify", "data/mnist"}, {.folder = kSource});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "file                            bytes  sum\n"
            "train-images-idx3-ubyte.gz  9,719,438  content as published\n"
            "train-labels-idx1-ubyte.gz     28,857  content as published\n"
            "t10k-images-idx3-ubyte.gz   1,616,508  content as published\n"
            "t10k-labels-idx1-ubyte.gz       4,517  content as published\n"
            "mnist: all 4 files, 60,000 + 10,000 images of 28 x 28 x 1, 10 classes\n");
}

TEST(DataVerify, FindsAMissingFile) {
  const TempFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "data/mnist")) {
    std::filesystem::copy(entry.path(), folder / entry.path().filename().string());
  }
  std::filesystem::remove(folder / "t10k-labels-idx1-ubyte.gz");
  const std::string path = folder.path().string();
  const ProgramResult result = run_program({"data", "verify", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("t10k-labels-idx1-ubyte.gz              missing\n"));
  EXPECT_EQ(result.err, "dcgan: " + path +
                            ": not all of mnist is as published; get the rest with: dcgan data "
                            "fetch mnist --to " +
                            path + " --force\n");
}

TEST(DataFetch, DoesNothingWhereAllIsThere) {
  const ProgramResult result = run_program({"data", "fetch", "mnist"}, {.folder = kSource});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "data/mnist: all of mnist is there; train on it with --set "
            "data.path=data/mnist\n");
}

TEST(DataFetch, SaysWhatFailed) {
  const TempFolder folder;
  // Port 9 is no web server's.
  const ProgramResult result =
      run_program({"data", "fetch", "kmnist", "--mirror", "http://127.0.0.1:9/sets"},
                  {.folder = folder.path(), .environment = {{"no_proxy", "127.0.0.1"}}});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err,
              StartsWith("dcgan: http://127.0.0.1:9/sets/train-images-idx3-ubyte.gz: Failed to "
                         "connect to 127.0.0.1 port 9 "));
  EXPECT_THAT(result.err, HasSubstr("; run the same command again to resume, or name another "
                                    "source with --mirror URL\n"));
}

// A folder whose name is no UTF-8, as Latin-1 made it.
TEST(DataShow, WritesJsonWhateverItsClassesAreCalled) {
  const TempFolder folder;
  for (const char* const name : {"pictures/a/0.png", "pictures/\xe4/0.png"}) {
    testing::put_picture(folder / name, 100);
  }
  const ProgramResult result =
      run_program({"data", "show", "--json", "--set", "data.path=pictures", "--set",
                   "data.format=folder", "--set", "data.classes=true", "--set", "data.cache=none",
                   "--set", "data.held_out=0", "--set", "data.image_size=[8, 8]"},
                  {.folder = folder.path()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\"name\": \"\xef\xbf\xbd\""));  // U+FFFD
}

}  // namespace
}  // namespace dcgan
