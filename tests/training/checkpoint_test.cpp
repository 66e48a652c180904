#include "training/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using testing::equal;
using ::testing::HasSubstr;
using testing::IsError;
using testing::small_config;
using testing::small_trained_state;
using testing::TempFolder;

class Checkpoint : public ::testing::Test {
 protected:
  Checkpoint() { save_checkpoint(path_, state_, config_, "12345678"); }

  Archive read() const { return read_archive(path_, ArchiveKind::checkpoint); }
  /// Restoring `archive` into a new state of `config` must fail with `problem`.
  void expect_refused(const Config& config, const Archive& archive, const char* problem) const {
    TrainState other = make_train_state(config, torch::kCPU);
    EXPECT_THAT(caught([&] { restore(other, archive, path_); }),
                IsError(ErrorKind::failure, path_, HasSubstr(problem), "use another file"));
  }
  /// Whether three steps after a restored checkpoint end as three without one.
  bool goes_on_bit_for_bit(const Config& config) const {
    TrainState whole = small_trained_state(config, 3);
    save_checkpoint(path_, whole, config, "");
    TrainState other = make_train_state(config, torch::kCPU, testing::kSmallRun);
    restore(other, read(), path_);
    testing::train_on_noise(other, config, 3);
    testing::train_on_noise(whole, config, 3);
    return equal(other, whole);
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "000003.pt";
  Config config_ = small_config();
  TrainState state_ = small_trained_state(config_);
};

TEST_F(Checkpoint, RestoresEveryTensorAndCounter) {
  TrainState other = make_train_state(config_, torch::kCPU);
  ASSERT_FALSE(equal(other, state_));
  restore(other, read(), path_);
  EXPECT_TRUE(equal(other, state_));
}

TEST_F(Checkpoint, GoesOnBitForBit) {
  TrainState other = make_train_state(config_, torch::kCPU);
  restore(other, read(), path_);
  testing::train_on_noise(other, config_, 3);
  testing::train_on_noise(state_, config_, 3);
  EXPECT_TRUE(equal(other, state_));
}

TEST_F(Checkpoint, GoesOnBitForBitWithPenaltyAverageAndSchedule) {
  // Three steps: the next one has a penalty, as the third had.
  for (const Norm norm : {Norm::batch, Norm::layer, Norm::spectral}) {
    Config config = testing::small_regularised_config();
    config.generator.norm = config.discriminator.norm = norm;
    EXPECT_TRUE(goes_on_bit_for_bit(config)) << to_string(norm);
  }
}

TEST_F(Checkpoint, GoesOnBitForBitWithEveryOptimizerAndFrozenLayers) {
  for (const auto kind : {OptimizerKind::adam, OptimizerKind::sgd, OptimizerKind::rmsprop}) {
    Config config = testing::small_regularised_config();
    config.train.optimizer = kind;
    config.train.freeze = {"discriminator.layer1", "generator.layer2"};
    EXPECT_TRUE(goes_on_bit_for_bit(config)) << to_string(kind);
  }
}

TEST_F(Checkpoint, WithoutTheAverageThatItsRunHasIsRefused) {
  expect_refused(testing::small_regularised_config(), read(), "average.layer1.weight");
}

TEST_F(Checkpoint, KnowsItsRun) {
  const Archive archive = read();
  EXPECT_EQ(archive.numbers.at("step"), 3);
  EXPECT_EQ(archive.notes.at("dataset_crc32"), "12345678");
  EXPECT_EQ(archive.config, to_yaml(config_));
}

TEST_F(Checkpoint, OfAnotherNetworkIsRefused) {
  Config wider = config_;
  wider.model.base_channels = 3;
  expect_refused(wider, read(), "tensor 'generator.layer1.weight' has another size");
}

TEST_F(Checkpoint, WithoutItsStepIsRefused) {
  Archive archive = read();
  archive.numbers.erase("step");
  expect_refused(config_, archive, "its 'step' is missing");
}

TEST_F(Checkpoint, WithoutAMomentIsRefused) {
  Archive archive = read();
  archive.tensors.erase(
      std::find_if(archive.tensors.begin(), archive.tensors.end(), [](const auto& named) {
        return named.first == "discriminator_optimizer.exp_avg_sq.layer2.weight";
      }));
  expect_refused(config_, archive, "tensor 'discriminator_optimizer.exp_avg_sq.layer2.weight'");
}

TEST_F(Checkpoint, HoldsNoTime) {
  // Two runs that do the same have the same bytes on disk.
  const std::string first = read_file(path_);
  save_checkpoint(path_, state_, config_, "12345678");
  EXPECT_EQ(read_file(path_), first);
}

}  // namespace
}  // namespace dcgan
