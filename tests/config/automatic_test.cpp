#include "config/automatic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/resolve.h"

namespace dcgan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Config all_automatic(std::int64_t side) {
  Config config;
  config.data.image_size = {side, side};
  config.model.base_channels = kAuto;
  config.train.batch_size = kAuto;
  config.train.r1_gamma = static_cast<double>(kAuto);
  config.train.epochs = kAuto;
  return config;
}

TEST(Automatic, ChoosesByNumberAndSizeOfImages) {
  struct Case {
    std::int64_t images, side, batch_size, base_channels;
    double r1_gamma;
    std::int64_t epochs;
  };
  for (const Case& wanted : {Case{10, 64, 8, 32, 10, 30000}, Case{1, 64, 2, 32, 10, 100000},
                             Case{100, 32, 32, 32, 10, 12000}, Case{2000, 64, 32, 32, 1, 150},
                             Case{5000, 128, 32, 16, 0.4, 15}, Case{60000, 28, 32, 32, 0.05, 26},
                             Case{10000000, 64, 32, 32, 0.05, 1}}) {
    Config config = all_automatic(wanted.side);
    EXPECT_TRUE(has_automatic(config));
    choose_automatic(config, wanted.images);
    EXPECT_FALSE(has_automatic(config));
    EXPECT_EQ(config.train.batch_size, wanted.batch_size) << wanted.images;
    EXPECT_EQ(config.model.base_channels, wanted.base_channels) << wanted.images;
    EXPECT_EQ(config.train.r1_gamma, wanted.r1_gamma) << wanted.images;
    EXPECT_EQ(config.train.epochs, wanted.epochs) << wanted.images;
    EXPECT_NO_THROW(parse_config(to_yaml(config), "config.yaml")) << wanted.images;
  }
}

TEST(Automatic, SaysWhatItChose) {
  Config config = all_automatic(64);
  EXPECT_THAT(choose_automatic(config, 10),
              ElementsAre("train.batch_size: auto is 8 for 10 images",
                          "model.base_channels: auto is 32 for 64 x 64 pixels",
                          "train.r1_gamma: auto is 10 for 10 images",
                          "train.epochs: auto is 30000 for 10 images of 64 x 64 pixels"));
}

TEST(Automatic, LeavesNumbersAlone) {
  Config config = all_automatic(64);
  config.train.batch_size = 7;
  choose_automatic(config, 2000);
  EXPECT_EQ(config.train.batch_size, 7);
  EXPECT_THAT(choose_automatic(config, 10), IsEmpty());
}

TEST(Automatic, IsReadAndWrittenAsAWord) {
  const Config config = parse_config(
      "train: {epochs: auto, batch_size: auto, r1_gamma: auto}\nmodel: "
      "{base_channels: auto}\n",
      "config.yaml");
  EXPECT_EQ(config.train.epochs, kAuto);
  EXPECT_EQ(config.train.batch_size, kAuto);
  EXPECT_EQ(config.train.r1_gamma, kAuto);
  EXPECT_EQ(config.model.base_channels, kAuto);
  EXPECT_EQ(to_yaml(parse_config(to_yaml(config), "config.yaml")), to_yaml(config));
}

}  // namespace
}  // namespace dcgan
