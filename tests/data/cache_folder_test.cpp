#include "dcgan/data/cache_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::error_of;

TEST(CacheFolder, IsInTheUsersCaches) {
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(cache_folder("auto"), "/somewhere/dcgan");
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/home/ann", 1);
  EXPECT_EQ(cache_folder("auto"), "/home/ann/.cache/dcgan");
  EXPECT_EQ(cache_folder("/elsewhere"), "/elsewhere");
}

TEST(CacheFolder, IsTheUsersOwnWhereThereIsNoHome) {
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "here", 1);
  const testing::TempFolder temporary;
  setenv("TMPDIR", temporary.path().c_str(), 1);
  const std::filesystem::path own = temporary / fmt::format("dcgan-{}", geteuid());
  EXPECT_EQ(cache_folder("auto"), own);
  EXPECT_EQ(std::filesystem::status(own).permissions(), std::filesystem::perms::owner_all);
  EXPECT_EQ(cache_folder("auto"), own) << "the second time it is there";
  unsetenv("TMPDIR");
}

TEST(CacheFolder, IsNotOneThatOthersMayWriteTo) {
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  const testing::TempFolder temporary;
  setenv("TMPDIR", temporary.path().c_str(), 1);
  const std::filesystem::path own = temporary / fmt::format("dcgan-{}", geteuid());
  std::filesystem::create_directory(own);
  std::filesystem::permissions(own, std::filesystem::perms::all);
  const std::string refused =
      own.string() +
      ": is no folder that only you may write to; set data.cache to a folder, or to none";
  EXPECT_EQ(error_of([] { cache_folder("auto"); }), refused);
  std::filesystem::remove(own);
  std::filesystem::create_directory_symlink("/", own);
  EXPECT_EQ(error_of([] { cache_folder("auto"); }), refused);
  unsetenv("TMPDIR");
}

TEST(CacheFolder, IsAskedForWhereThereIsNone) {
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  setenv("TMPDIR", "/nowhere", 1);
  EXPECT_EQ(error_of([] { cache_folder("auto"); }),
            "there is no folder for the decoded images; set data.cache to one, or to none");
  unsetenv("TMPDIR");
}

}  // namespace
}  // namespace dcgan
