#include "config/parts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;

Config config_of(std::int64_t batch_size, std::int64_t shards) {
  Config config;
  config.train.batch_size = batch_size;
  config.train.shards = shards;
  return config;
}

TEST(PartsHere, AreOneAProcessOrTheShardsSharedOut) {
  EXPECT_EQ(parts_here(config_of(64, 1), 1), 1);
  EXPECT_EQ(parts_here(config_of(64, 1), 4), 1);
  EXPECT_EQ(parts_here(config_of(64, 8), 1), 8);
  EXPECT_EQ(parts_here(config_of(64, 8), 2), 4);
  EXPECT_EQ(parts_here(config_of(66, 6), 1), 6);
  EXPECT_EQ(parts_here(config_of(66, 6), 3), 2);
}

TEST(PartsHere, RefuseWhatCannotBeSharedWithTheNearestThatCan) {
  struct Case {
    std::int64_t batch_size, shards, processes;
    std::string key, remedy;
  };
  for (const Case& c : std::vector<Case>{{64, 1, 3, "train.batch_size", "63"},
                                         {65, 1, 3, "train.batch_size", "66"},
                                         {2, 1, 4, "train.batch_size", "4"},
                                         {64, 5, 1, "train.batch_size", "65"},
                                         {64, 4, 3, "train.shards", "set it to 3"},
                                         {64, 2, 4, "train.shards", "set it to 4"},
                                         {66, 6, 2, "train.shards", "set it to 8"}}) {
    const Error error =
        testing::caught([&] { parts_here(config_of(c.batch_size, c.shards), c.processes); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.key(), c.key);
    EXPECT_THAT(error.remedy(), HasSubstr(c.remedy)) << c.batch_size << ' ' << c.shards;
  }
}

TEST(PartsHere, RefuseAnIncompleteLastBatch) {
  Config config = config_of(64, 1);
  config.data.drop_last = false;
  EXPECT_EQ(parts_here(config, 1), 1);
  EXPECT_EQ(testing::caught([&] { parts_here(config, 2); }).key(), "data.drop_last");
}

}  // namespace
}  // namespace dcgan
