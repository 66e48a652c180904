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

using testing::error_of;
using ::testing::HasSubstr;
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
  const std::string text = error_of([this] { train_epochs(2); });
  EXPECT_THAT(text, HasSubstr("step 5: a loss is not a finite number"));
  EXPECT_THAT(text, HasSubstr("the last good checkpoint is " + run_.checkpoint(4).string()));
  EXPECT_EQ(read_file(run_.checkpoint(4)), good);
  EXPECT_EQ(list_checkpoints(run_.root()).size(), 1U);
}

TEST_F(Trainer, WritesNoCheckpointOfAWeightThatIsNotFinite) {
  // The losses do not feel it: the moment of a weight that is not used before the next step.
  job_.state.generator_optimizer.named_moments()[1].second.fill_(
      std::numeric_limits<float>::infinity());
  const std::string text = error_of([this] { train_epochs(2); });
  EXPECT_THAT(text, HasSubstr("step 8: a weight is not a finite number"));
  EXPECT_EQ(list_checkpoints(run_.root()).size(), 1U);
}

TEST_F(Trainer, RefusesASetWithoutAWholeBatch) {
  Config config = small_config();
  config.train.batch_size = 17;
  EXPECT_THAT(error_of([&] { check_batches(config, noise_dataset(16)); }),
              HasSubstr("noise: 16 images are less than one batch of 17"));
}

TEST_F(Trainer, RefusesASetWithOtherClassesThanTheModels) {
  Config config = small_config();
  Dataset set = noise_dataset(6);
  const auto text = [&](std::int64_t classes) {
    config.model.classes = classes;
    return error_of([&] { count_classes(config, set); });
  };
  EXPECT_EQ(text(3),
            "model.classes is 3, but noise has no classes; set model.classes: 0 to train without "
            "classes");
  set.classes = {"cats", "dogs", "owls"};
  EXPECT_EQ(text(3),
            "model.classes is 3, but noise has images of 1 class; set model.classes: 0 to train "
            "without classes");
  set.classes.clear();
  set.labels = torch::tensor({0, 1, 3, 0, 1, 3}, torch::kUInt8);
  EXPECT_EQ(text(3),
            "model.classes is 3, but noise has no image of class 2; set model.classes: 0 to train "
            "without classes");
  EXPECT_EQ(text(4),
            "model.classes is 4, but noise has no image of class 2; set model.classes: 0 to "
            "train without classes");
  config.data.limit = 6;
  EXPECT_EQ(text(4),
            "model.classes is 4, but noise has no image of class 2; set model.classes: 0 to train "
            "without classes, or raise data.limit");
  config.data.limit = 7;  // more than there are: it leaves none out
  EXPECT_EQ(text(4),
            "model.classes is 4, but noise has no image of class 2; set model.classes: 0 to train "
            "without classes");
  config.data.limit = 0;
  set.labels = torch::tensor({0, 1, 1, 2, 1, 2}, torch::kUInt8);
  EXPECT_EQ(text(6),
            "model.classes is 6, but noise has images of 3 classes; set model.classes: 0 to train "
            "without classes, or model.classes: 3, model.latent_modes: 3");
  set.labels = torch::tensor({0, 1, 3, 2, 1, 3}, torch::kUInt8);
  config.model.classes = 4;
  EXPECT_EQ(count_classes(config, set), (std::vector<std::int64_t>{1, 2, 1, 2}));
}

}  // namespace
}  // namespace dcgan
