#include <gtest/gtest.h>

#include <cstdlib>

#include "sources/image_cache.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

using testing::caught;
using testing::IsError;

TEST(CacheFolder, IsInTheUsersCaches) {
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/home", 1);
  EXPECT_EQ(cache_folder("auto"), "/home/.cache/dcgan");
  setenv("XDG_CACHE_HOME", "/caches", 1);
  EXPECT_EQ(cache_folder("auto"), "/caches/dcgan");
  EXPECT_EQ(cache_folder("/elsewhere"), "/elsewhere");
}

TEST(CacheFolder, IsAskedForWhereThereIsNoHome) {
  for (const char* home : {"", "here"}) {
    setenv("HOME", home, 1);
    setenv("XDG_CACHE_HOME", home, 1);
    EXPECT_THAT(caught([] { cache_folder("auto"); }),
                IsError(ErrorKind::failure, "data.cache",
                        "there is no home folder (HOME) to keep decoded images in",
                        "set data.cache to a folder, or to none"));
  }
}

}  // namespace
}  // namespace dcgan
