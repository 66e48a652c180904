#include "training/scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "gan/train_step.h"
#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

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

class ScorerTest : public ::testing::Test {
 protected:
  ScorerTest() { log_.add_file(folder_ / "log"); }
  std::optional<Scorer> make(const Config& config) {
    return Scorer::make(config, load_dataset(config.data), torch::kCPU, log_);
  }
  std::string said() const { return read_file(folder_ / "log"); }

  testing::TempFolder folder_;
  Log log_{Verbosity::quiet};
};

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

TEST_F(ScorerTest, IsNotMadeWithoutEvaluations) {
  Config config = mnist_config();
  config.train.evaluate_every = 0;
  EXPECT_FALSE(make(config).has_value());
  EXPECT_EQ(said(), "");
}

TEST_F(ScorerTest, SaysWhyThereIsNone) {
  Config config = mnist_config();
  config.train.evaluate_samples = 0;
  config.data.limit = 100;
  EXPECT_FALSE(make(config).has_value());
  EXPECT_THAT(said(), HasSubstr("100 images are too few for it to be cheap"));
}

TEST_F(ScorerTest, TakesRandomFeaturesForASetWithoutItsOwn) {
  Config config = mnist_config();
  Dataset training = load_dataset(config.data);
  training.set = "";
  const std::optional<Scorer> made = Scorer::make(config, training, torch::kCPU, log_);
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made->describe(), HasSubstr("in the features of random convolutions"));
}

TEST_F(ScorerTest, RefusesAFeatureFileThatIsNone) {
  Config config = mnist_config();
  config.train.features = config.data.path + "/nothing.pt";
  EXPECT_THAT(testing::caught([&] { make(config); }),
              testing::IsError(ErrorKind::failure, config.train.features, "no such file", ""));
}

TEST_F(ScorerTest, ScoresAlikeEachTime) {
  const Config config = mnist_config();
  const std::optional<Scorer> made = make(config);
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made->describe(), HasSubstr("100 samples against 200 real images"));
  EXPECT_EQ(made->real_shares().size(), 10U);
  const TrainState state = make_train_state(config, torch::kCPU);
  const QuickScores first = made->score(state.generator);
  const QuickScores second = made->score(state.generator);
  EXPECT_EQ(first.fid, second.fid);
  EXPECT_GT(first.fid, 1.0) << "an untrained generator's images are far from digits";
  EXPECT_LT(first.precision, 0.1);
}

}  // namespace
}  // namespace dcgan
