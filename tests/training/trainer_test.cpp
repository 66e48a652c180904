#include "training/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using testing::caught;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::IsError;
using testing::small_config;
using testing::TempFolder;

Dataset noise_dataset(std::int64_t count) {
  Dataset dataset;
  dataset.images = normal_rows(1, Purpose::sample_latents, 0, count, 64)
                       .mul(50)
                       .add(128)
                       .clamp(0, 255)
                       .to(torch::kUInt8)
                       .view({count, 1, 8, 8});
  dataset.labels = torch::zeros({count}, torch::kUInt8);
  dataset.name = "noise";
  dataset.fingerprint = "00000000";
  return dataset;
}

/// A finished run of one epoch of four steps.
class Trainer : public ::testing::Test {
 protected:
  Trainer() { train_epochs(1); }

  void train_epochs(std::int64_t epochs) {
    job_.config.train.epochs = epochs;
    train(job_, &run_, log_, [](const TrainingProgress&) { return true; });
  }

  TempFolder folder_;
  RunDirectory run_ = RunDirectory::create((folder_ / "run").string(), "");
  Log log_{Verbosity::quiet};
  TrainingJob job_{small_config(), noise_dataset(16),
                   make_train_state(small_config(), torch::kCPU)};
};

TEST_F(Trainer, KeepsTheLastGoodCheckpointWhenALossIsNotFinite) {
  const std::string good = read_file(run_.checkpoint(4));
  {
    const torch::NoGradGuard no_grad;
    job_.state.generator.layers[0].weight.fill_(std::nan(""));
  }
  EXPECT_THAT(caught([this] { train_epochs(2); }),
              IsError(ErrorKind::failure, run_.root(),
                      AllOf(HasSubstr("step 5: a loss is not a finite number"),
                            HasSubstr(run_.checkpoint(4).string())),
                      HasSubstr("try a lower generator.lr")));
  EXPECT_EQ(read_file(run_.checkpoint(4)), good);
  EXPECT_EQ(list_checkpoints(run_.root()).size(), 1U);
}

TEST_F(Trainer, WritesNoCheckpointOfAWeightThatIsNotFinite) {
  // The losses do not feel it: the moment of a weight that is not used before the next step.
  job_.state.generator_optimizer.named_moments()[1].second.fill_(
      std::numeric_limits<float>::infinity());
  EXPECT_THAT(
      caught([this] { train_epochs(2); }),
      IsError(ErrorKind::failure, run_.root(), HasSubstr("step 8: a weight is not a finite number"),
              HasSubstr("try a lower generator.lr")));
  EXPECT_EQ(list_checkpoints(run_.root()).size(), 1U);
}

TEST_F(Trainer, RefusesASetWithoutAWholeBatch) {
  Config config = small_config();
  config.train.batch_size = 17;
  EXPECT_THAT(caught([&] { check_batches(config, noise_dataset(16)); }),
              IsError(ErrorKind::failure, "noise", HasSubstr("less than one batch of 17"),
                      HasSubstr("lower train.batch_size")));
}

TEST_F(Trainer, RefusesASetWithOtherClassesThanTheModels) {
  const std::string without = "set model.classes: 0 to train without classes";
  const std::vector<int> none(6), gap{0, 1, 3, 0, 1, 3}, three{0, 1, 1, 2, 1, 2};
  struct Case {
    std::vector<int> labels;
    std::int64_t classes;
    std::string problem, remedy;
    std::vector<std::string> names;
    std::int64_t limit = 0;
  };
  Config config = small_config();
  Dataset set = noise_dataset(6);
  const auto count = [&](const std::vector<int>& labels) {
    set.labels = torch::tensor(labels, torch::kUInt8);
    return count_classes(config, set);
  };
  for (const Case& c : std::vector<Case>{
           {none, 3, "no classes", without},
           {none, 3, "images of 1 class", without, {"cats", "dogs", "owls"}},
           {gap, 3, "no image of class 2", without},
           {gap, 4, "no image of class 2", without},
           {gap, 4, "no image of class 2", without + ", or raise data.limit", {}, 6},
           {gap, 4, "no image of class 2", without, {}, 7},  // more than there are: none left out
           {three, 6, "images of 3 classes",
            without + ", or model.classes: 3, model.latent_modes: 3"}}) {
    config.model.classes = c.classes;
    config.data.limit = c.limit;
    set.classes = c.names;
    const Error error = caught([&] { count(c.labels); });
    EXPECT_THAT(error, IsError(ErrorKind::usage, "", EndsWith("noise has " + c.problem), c.remedy));
    EXPECT_EQ(error.key(), "model.classes");
  }
  config.model.classes = 4;
  EXPECT_EQ(count({0, 1, 3, 2, 1, 3}), (std::vector<std::int64_t>{1, 2, 1, 2}));
}

}  // namespace
}  // namespace dcgan
