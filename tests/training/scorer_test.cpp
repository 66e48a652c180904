#include "training/scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gan/train_step.h"
#include "runtime/torch.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;

Config mnist_config() {
  Config config;
  config.data.path = std::string(DCGAN_SOURCE_DIR) + "/data/mnist";
  config.model.base_channels = 2;
  config.model.latent_dim = 4;
  config.train.evaluate_samples = 100;
  return config;
}

TEST(EvaluationSamples, AreOneForTwentyTrainingImages) {
  Config config;
  EXPECT_EQ(evaluation_samples(config, 20000), 1000);
  EXPECT_EQ(evaluation_samples(config, 60000), 2000) << "at most";
  EXPECT_EQ(evaluation_samples(config, 9999), 0) << "too few to mean anything";
  config.train.evaluate_every = 4;
  EXPECT_EQ(evaluation_samples(config, 5000), 1000) << "seen between two evaluations";
}

TEST(EvaluationSamples, AreWhatTheUserSays) {
  Config config;
  config.train.evaluate_samples = 64;
  EXPECT_EQ(evaluation_samples(config, 10), 64);
}

TEST(Scorer, IsNotMadeWithoutEvaluations) {
  Config config = mnist_config();
  config.train.evaluate_every = 0;
  const Scorer::Made made = Scorer::make(config, load_dataset(config.data), torch::kCPU);
  EXPECT_FALSE(made.scorer.has_value());
  EXPECT_EQ(made.reason, "");
}

TEST(Scorer, SaysWhyThereIsNone) {
  Config config = mnist_config();
  config.train.evaluate_samples = 0;
  config.data.limit = 100;
  EXPECT_THAT(Scorer::make(config, load_dataset(config.data), torch::kCPU).reason,
              HasSubstr("100 images are too few for it to be cheap"));
}

TEST(Scorer, TakesRandomFeaturesForASetWithoutItsOwn) {
  Config config = mnist_config();
  Dataset training = load_dataset(config.data);
  training.set = "";
  const Scorer::Made made = Scorer::make(config, training, torch::kCPU);
  ASSERT_TRUE(made.scorer.has_value());
  EXPECT_THAT(made.scorer->describe(), HasSubstr("in the features of random convolutions"));
}

TEST(Scorer, RefusesAFeatureFileThatIsNone) {
  Config config = mnist_config();
  config.train.features = config.data.path + "/nothing.pt";
  EXPECT_THAT(
      testing::error_of([&] { Scorer::make(config, load_dataset(config.data), torch::kCPU); }),
      HasSubstr("nothing.pt"));
}

TEST(Scorer, ScoresAlikeEachTime) {
  const Config config = mnist_config();
  const Scorer::Made made = Scorer::make(config, load_dataset(config.data), torch::kCPU);
  ASSERT_TRUE(made.scorer.has_value());
  EXPECT_THAT(made.scorer->describe(), HasSubstr("100 samples against 200 real images"));
  EXPECT_EQ(made.scorer->real_shares().size(), 10U);
  const TrainState state = make_train_state(config, torch::kCPU);
  const QuickScores first = made.scorer->score(state.generator);
  const QuickScores second = made.scorer->score(state.generator);
  EXPECT_EQ(first.fid, second.fid);
  EXPECT_GT(first.fid, 1.0) << "an untrained generator's images are far from digits";
  EXPECT_LT(first.precision, 0.1);
}

}  // namespace
}  // namespace dcgan
