#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sources/image_cache.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::TempFolder;
using testing::Unprivileged;

/// No XDG_CACHE_HOME, no HOME, and a folder for temporary files that everybody may write to.
class CacheFolder : public ::testing::Test {
 protected:
  CacheFolder() {
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    setenv("TMPDIR", temporary_.path().c_str(), 1);
    fs::permissions(temporary_.path(), fs::perms::all);
  }
  ~CacheFolder() override { unsetenv("TMPDIR"); }

  /// Where no other folder can be taken.
  fs::path own() const { return temporary_ / fmt::format("dcgan-{}", geteuid()); }

  TempFolder folder_;
  TempFolder temporary_;
};

TEST_F(CacheFolder, IsInTheUsersCaches) {
  setenv("HOME", (folder_ / "home").c_str(), 1);
  EXPECT_EQ(cache_folder("auto"), folder_ / "home/.cache/dcgan");
  setenv("XDG_CACHE_HOME", (folder_ / "caches").c_str(), 1);
  EXPECT_EQ(cache_folder("auto"), folder_ / "caches/dcgan");
  EXPECT_EQ(cache_folder("/elsewhere"), "/elsewhere");
}

TEST_F(CacheFolder, IsTheUsersOwnWhereThereIsNoHome) {
  for (const std::string home : {"", "here"}) {
    setenv("HOME", home.c_str(), 1);
    setenv("XDG_CACHE_HOME", home.c_str(), 1);
    EXPECT_EQ(cache_folder("auto"), own());
    EXPECT_EQ(fs::status(own()).permissions(), fs::perms::owner_all);
    EXPECT_EQ(cache_folder("auto"), own()) << "the second time it is there";
  }
}

// As in a container, whose user may have any number.
TEST_F(CacheFolder, IsTheUsersOwnWhereTheHomeCannotBeWrittenTo) {
  fs::create_directories(folder_ / "kept/.cache/dcgan");
  fs::create_directory(folder_ / "closed");
  fs::permissions(folder_.path(), fs::perms(0755));
  fs::permissions(folder_ / "closed", fs::perms::none);
  {
    const Unprivileged nobody;
    for (const fs::path& home : {fs::path("/"), fs::path("/nonexistent"), fs::path("/dev/null"),
                                 folder_ / "kept", folder_ / "closed"}) {
      setenv("HOME", home.c_str(), 1);
      EXPECT_EQ(cache_folder("auto"), own()) << home;
      setenv("XDG_CACHE_HOME", home.c_str(), 1);
      EXPECT_EQ(cache_folder("auto"), own()) << home;
      unsetenv("XDG_CACHE_HOME");
    }
  }
  fs::permissions(folder_ / "closed", fs::perms(0755));
}

TEST_F(CacheFolder, IsInTheHomeWhereXdgsFolderCannotBeWrittenTo) {
  setenv("XDG_CACHE_HOME", "/dev/null", 1);
  setenv("HOME", folder_.path().c_str(), 1);
  EXPECT_EQ(cache_folder("auto"), folder_ / ".cache/dcgan");
}

TEST_F(CacheFolder, IsInTmpWhereTmpdirNamesNoFolder) {
  const fs::path usual = fmt::format("/tmp/dcgan-{}", geteuid());
  const bool was_there = fs::exists(usual);
  for (const char* temporary : {"", "/nowhere"}) {
    setenv("TMPDIR", temporary, 1);
    EXPECT_EQ(cache_folder("auto"), usual);
  }
  if (!was_there) fs::remove(usual);
}

TEST_F(CacheFolder, IsNotOneThatOthersMayWriteTo) {
  fs::create_directory(own());
  fs::permissions(own(), fs::perms::all);
  const std::string refused =
      own().string() +
      ": is no folder that only you may write to; set data.cache to a folder, or to none";
  EXPECT_EQ(error_of([] { cache_folder("auto"); }), refused);
  fs::remove(own());
  fs::create_directory_symlink("/", own());
  EXPECT_EQ(error_of([] { cache_folder("auto"); }), refused);
}

TEST_F(CacheFolder, IsAskedForWhereThereIsNone) {
  fs::permissions(temporary_.path(), fs::perms(0555));
  const Unprivileged nobody;
  EXPECT_EQ(error_of([] { cache_folder("auto"); }),
            own().string() +
                ": cannot be written: no permission; set data.cache to a folder, or "
                "to none");
}

}  // namespace
}  // namespace dcgan
