#include "config/parts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;

Config config_of(std::int64_t batch_size, std::int64_t shards, std::int64_t accumulate = 1) {
  Config config;
  config.train.batch_size = batch_size;
  config.train.shards = shards;
  config.train.accumulate = accumulate;
  return config;
}

TEST(PartsHere, AreOneAProcessOrTheShardsSharedOut) {
  const auto counted = [](const Config& config, std::int64_t processes) {
    const PartsHere here = parts_here(config, processes);
    EXPECT_EQ(here.at_once, here.count);
    EXPECT_EQ(here.a_thread_each, config.train.shards > 1);
    return here.count;
  };
  EXPECT_EQ(counted(config_of(64, 1), 1), 1);
  EXPECT_EQ(counted(config_of(64, 1), 4), 1);
  EXPECT_EQ(counted(config_of(64, 8), 1), 8);
  EXPECT_EQ(counted(config_of(64, 8), 2), 4);
  EXPECT_EQ(counted(config_of(66, 6), 1), 6);
  EXPECT_EQ(counted(config_of(66, 6), 3), 2);
}

TEST(PartsHere, TakeTurnsWithAccumulate) {
  const auto here_is = [](const Config& config, std::int64_t processes, std::int64_t count,
                          std::int64_t at_once) {
    const PartsHere here = parts_here(config, processes);
    EXPECT_EQ(here.count, count);
    EXPECT_EQ(here.at_once, at_once);
  };
  here_is(config_of(66, 1, 3), 1, 3, 1);
  here_is(config_of(64, 1, 4), 2, 4, 1);
  here_is(config_of(64, 8, 2), 1, 8, 4);
  here_is(config_of(64, 8, 2), 4, 2, 1);
}

TEST(PartsHere, RefuseWhatCannotBeSharedWithTheNearestThatCan) {
  struct Case {
    std::int64_t batch_size, shards, processes;
    std::string key, remedy;
    std::int64_t accumulate = 1;
  };
  for (const Case& c : std::vector<Case>{{64, 1, 3, "train.batch_size", "63"},
                                         {65, 1, 3, "train.batch_size", "66"},
                                         {2, 1, 4, "train.batch_size", "4"},
                                         {64, 5, 1, "train.batch_size", "65"},
                                         {64, 4, 3, "train.shards", "set it to 3"},
                                         {64, 2, 4, "train.shards", "set it to 4"},
                                         {66, 6, 2, "train.shards", "set it to 8"},
                                         {64, 4, 2, "train.accumulate", "set it to 2", 4},
                                         {64, 1, 2, "train.accumulate", "set it to 4", 6},
                                         {64, 1, 1, "train.batch_size", "63", 3}}) {
    const Error error = testing::caught(
        [&] { parts_here(config_of(c.batch_size, c.shards, c.accumulate), c.processes); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.key(), c.key);
    EXPECT_THAT(error.remedy(), HasSubstr(c.remedy)) << c.batch_size << ' ' << c.shards;
  }
}

TEST(PartsHere, RefuseAnIncompleteLastBatch) {
  Config config = config_of(64, 1);
  config.data.drop_last = false;
  EXPECT_EQ(parts_here(config, 1).count, 1);
  EXPECT_EQ(testing::caught([&] { parts_here(config, 2); }).key(), "data.drop_last");
}

}  // namespace
}  // namespace dcgan
