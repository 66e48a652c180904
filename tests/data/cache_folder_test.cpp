#include "dcgan/data/cache_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "support/expect_error.h"

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
  setenv("TMPDIR", "/tmp", 1);
  EXPECT_EQ(cache_folder("auto"), fmt::format("/tmp/dcgan-{}", geteuid()));
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
