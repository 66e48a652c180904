#include "sources/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sources/output_file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;
using testing::Unprivileged;

class Folder : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& content = "x") {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
  }
  std::vector<std::string> paths(bool classes = false) {
    std::vector<std::string> found;
    for (const ImageFile& file : list_images(folder_.path(), classes).files) {
      found.push_back(file.path);
    }
    return found;
  }
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  /// list_images() must fail at `where`, which is below `folder` or itself.
  template <typename Problem, typename Remedy>
  static void expect_refused(const fs::path& folder, bool classes, const fs::path& where,
                             Problem problem, Remedy remedy) {
    EXPECT_THAT(caught([&] { list_images(folder, classes); }),
                IsError(ErrorKind::failure, where, problem, remedy));
  }

  TempFolder folder_;
};

TEST_F(Folder, TakesEveryEndingOfAnImageAndNone) {
  for (const char* name :
       {"a.png", "b.JPG", "c.jpeg", "d.jpe", "e.jfif", "f.bmp", "g.dib", "h.WebP"}) {
    put(name);
  }
  put("i", "\x89PNG\r\n\x1a\n");
  EXPECT_THAT(paths(), ElementsAre("a.png", "b.JPG", "c.jpeg", "d.jpe", "e.jfif", "f.bmp", "g.dib",
                                   "h.WebP", "i"));
}

TEST_F(Folder, CountsOtherFilesByTheirEnding) {
  put("a.png");
  put("labels.csv");
  put("b/notes.txt");
  put("b/more.TXT");
  const ImageFolder found = list_images(folder_.path(), false);
  EXPECT_EQ(found.files.size(), 1U);
  EXPECT_EQ(describe_others(found), "1 of .csv, 2 of .txt");
}

TEST_F(Folder, IsInTheOrderOfPathsWithEachFolderTogether) {
  put("b/2.png");
  put("b/1.png");
  put("b-side/1.png");
  put("a/z/9.png");
  put("c.png");
  EXPECT_THAT(paths(), ElementsAre("a/z/9.png", "b/1.png", "b/2.png", "b-side/1.png", "c.png"));
}

TEST_F(Folder, LeavesOutWhatIsHidden) {
  put("a.png");
  put(".b.png");
  put(".thumbnails/c.png");
  EXPECT_THAT(paths(), ElementsAre("a.png"));
}

TEST_F(Folder, FollowsLinksToFilesAndNoneToFolders) {
  put("real/a.png");
  fs::create_symlink(folder_ / "real/a.png", folder_ / "link.png");
  fs::create_symlink(folder_ / "real", folder_ / "again");
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "broken.png");
  EXPECT_THAT(paths(), ElementsAre("link.png", "real/a.png"));
}

TEST_F(Folder, CountsWhatElseItLeavesOut) {
  put("a.png");
  put("README", "no picture");
  put("real/b.png");
  fs::create_symlink(folder_ / "real", folder_ / "again");
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "broken.png");
  EXPECT_EQ(describe_others(list_images(folder_.path(), false)),
            "1 link(s) to a folder, 1 unreachable, 1 without an ending");
}

TEST_F(Folder, LeavesOutTheFolderOfATraining) {
  put("a.png");
  put("runs/avatars-001/config.yaml");
  put("runs/avatars-001/metrics.jsonl");
  put("runs/avatars-001/samples/000100.png");
  EXPECT_THAT(paths(), ElementsAre("a.png"));
  EXPECT_EQ(describe_others(list_images(folder_.path(), false)), "1 run(s) of dcgan");
}

TEST_F(Folder, IsNoPlaceForNewPictures) {
  const auto check = [&](const std::string& picture, const DataFormat format) {
    const DataConfig data{.format = format, .path = path("b")};
    keep_out_of_pictures("--out", picture, folder_ / picture, data);
  };
  fs::create_directory(folder_ / "b");
  for (const char* name : {"b/a.png", "b/new/x.PNG", "c/../b/a.png"}) {
    EXPECT_THAT(caught([&] { check(name, DataFormat::folder); }),
                IsError(ErrorKind::usage, std::string("--out ") + name, HasSubstr(path("b")),
                        "name a place outside of it with --out"));
    EXPECT_NO_THROW(check(name, DataFormat::npy));
  }
  for (const char* name : {"a.png", "b.png", "b/a.npy"}) {
    EXPECT_NO_THROW(check(name, DataFormat::folder));
  }
}

TEST_F(Folder, SaysHowLargeAndHowOldAFileIs) {
  put("a.png", "seven b");
  const ImageFile file = list_images(folder_.path(), false).files.front();
  EXPECT_EQ(file.stamp.bytes, 7);
  const auto age = std::chrono::system_clock::now().time_since_epoch() -
                   std::chrono::nanoseconds(file.stamp.modified);
  EXPECT_LT(std::chrono::abs(age), std::chrono::hours(1));
}

TEST_F(Folder, TakesFoldersForClasses) {
  put("cat/1.png");
  put("cat/deep/2.png");
  put("dog/1.png");
  const ImageFolder found = list_images(folder_.path(), true);
  EXPECT_THAT(found.classes, ElementsAre("cat", "dog"));
  ASSERT_EQ(found.files.size(), 3U);
  EXPECT_EQ(found.files[1].label, 0);
  EXPECT_EQ(found.files[2].label, 1);
}

TEST_F(Folder, KeepsClassesTogetherWhateverTheirNames) {
  put("a/a.png");
  put("a\x01/b.png");
  put("a/c.png");
  const ImageFolder found = list_images(folder_.path(), true);
  EXPECT_THAT(found.classes, ElementsAre("a", "a\x01"));
}

TEST_F(Folder, TakesFilesOfAnyName) {
  put("a\nb.png");
  put("a\xff.png");
  put("a\xff/\xe4.png");
  EXPECT_THAT(paths(), ElementsAre("a\nb.png", "a\xff/\xe4.png", "a\xff.png"));
}

TEST_F(Folder, NamesTheFirstOfManyEndings) {
  put("a.png");
  for (int i = 0; i < 20; ++i) put("frame." + std::to_string(100 + i));
  put("b.txt");
  put("c.txt");
  EXPECT_EQ(describe_others(list_images(folder_.path(), false)),
            "1 of .100, 1 of .101, 1 of .102, 1 of .103, 1 of .104, 1 of .105, 1 of .106, 1 of "
            ".107, ...");
}

TEST_F(Folder, MayBeDeeperThanFilesMayBeOpen) {
  std::string name;
  for (int i = 0; i < 300; ++i) name += "d/";
  put(name + "a.png");
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit few{64, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_THAT(paths(), ElementsAre(name + "a.png"));
  setrlimit(RLIMIT_NOFILE, &usual);
}

TEST_F(Folder, NamesAFolderThatMayNotBeRead) {
  put("a.png");
  put("closed/b.png");
  fs::permissions(folder_.path(), fs::perms(0755));
  for (const unsigned mode : {0000U, 0111U}) {
    fs::permissions(folder_ / "closed", fs::perms(mode));
    const Unprivileged nobody;
    expect_refused(folder_.path(), false, path("closed/"), HasSubstr("Permission denied"),
                   HasSubstr("make it readable, or give it a name that begins with a dot"));
  }
  fs::permissions(folder_ / "closed", fs::perms(0755));
}

TEST_F(Folder, RefusesFilesBesideClasses) {
  put("cat/1.png");
  put("stray.png");
  expect_refused(folder_.path(), true, path("stray.png"), HasSubstr("lies beside the folders"),
                 AllOf(HasSubstr("move it into one"), HasSubstr("data.classes to false")));
}

TEST_F(Folder, RefusesMoreClassesThanALabelCanName) {
  for (int i = 0; i < 257; ++i) put(std::to_string(1000 + i) + "/a.png");
  expect_refused(folder_.path(), true, folder_.path(), HasSubstr("more than 256 folders"),
                 AllOf(HasSubstr("leave some out"), HasSubstr("data.classes to false")));
}

TEST_F(Folder, NamesAFolderWithoutPictures) {
  put("a.txt");
  const std::string none = "no PNG, JPEG, BMP or WebP file in this folder or below it";
  for (const std::string& problem : {none + ", only 1 of .txt", none}) {
    expect_refused(folder_.path(), false, folder_.path(), problem, HasSubstr("--images"));
    fs::remove(folder_ / "a.txt");
  }
}

TEST_F(Folder, SaysThatTheAvatarsMayNotBeLookedAt) {
  fs::create_directories(folder_ / "closed/avatars");
  fs::permissions(folder_.path(), fs::perms(0755));
  fs::permissions(folder_ / "closed", fs::perms::none);
  {
    const Unprivileged nobody;
    expect_refused(path("closed/avatars"), false, path("closed/avatars"), "Permission denied",
                   HasSubstr("scripts/avatars.py the avatars"));
  }
  fs::permissions(folder_ / "closed", fs::perms(0755));
}

TEST_F(Folder, NamesAMissingFolder) {
  expect_refused(path("none"), false, path("none"), "no such folder",
                 AllOf(HasSubstr("data.path or --data"), HasSubstr("'dcgan data fetch'")));
}

}  // namespace
}  // namespace dcgan
