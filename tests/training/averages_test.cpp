#include "training/averages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "gan/power_average.h"
#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

constexpr std::int64_t kSteps = 96;

/// A run of 96 steps with snapshots, and beside them the averages that were run directly.
class Averages : public ::testing::Test {
 protected:
  static Config config() {
    Config config = testing::small_config();
    config.train.posthoc_ema = true;
    config.train.discriminator_steps = 2;  // 48 updates of G: a snapshot after every second
    config.train.freeze = {"generator.layer2"};
    config.model.classes = 3;
    config.model.latent_modes = 3;
    return config;
  }
  static std::string name_of(std::int64_t step) { return std::to_string(step) + ".pt"; }

  Averages() {
    for (std::size_t i = 0; i < kWidths.size(); ++i) {
      direct_.push_back(copy_to(state_.generator, torch::kCPU));
      set_requires_grad(direct_.back(), false);
    }
    while (state_.step < kSteps) {
      testing::train_on_noise(state_, config(), 1);
      if (state_.step % 2 == 0) {
        for (std::size_t i = 0; i < kWidths.size(); ++i) {
          const double weight = power_average_weight(kWidths[i], state_.step / 2);
          update_average(direct_[i], state_.generator, torch::tensor(static_cast<float>(weight)));
        }
      }
      if (snapshot_due(state_, kSteps)) {
        save_averages(averages_ / name_of(state_.step), state_, config(), {"a", "b", "c"});
      }
    }
  }

  const std::vector<double> kWidths{0.03, 0.08, 0.2};
  TempFolder folder_;
  std::filesystem::path averages_ = folder_ / "averages";
  TrainState state_ = testing::small_trained_state(config(), 0);
  std::vector<Network> direct_;
};

TEST_F(Averages, OfOtherWidthsAreThoseOfADirectRun) {
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    const AveragedGenerator made = average_generator(folder_.path(), kWidths[i], {});
    EXPECT_EQ(made.snapshots, 24U);
    EXPECT_LT(made.error, 0.02);
    const NamedTensors tensors = named_tensors(made.generator.generator);
    const NamedTensors direct = named_tensors(direct_[i]);
    // A wide one still has the running variances of the first updates, which change the most.
    const double tolerance = kWidths[i] > 0.1 ? 0.05 : 2e-3;
    const NamedTensors last = named_tensors(state_.generator);
    for (std::size_t j = 0; j < tensors.size(); ++j) {
      EXPECT_LT(testing::relative_distance(tensors[j].second, direct[j].second), tolerance)
          << tensors[j].first << ", width " << kWidths[i];
    }
    EXPECT_GT(testing::relative_distance(last[0].second, direct[0].second), 4e-3)
        << "the average would not be told from the last weights";
  }
}

TEST_F(Averages, OfASnapshotAreItsOwn) {
  const Archive archive = read_archive(averages_ / "48.pt", ArchiveKind::averages);
  const AveragedGenerator made = average_generator(folder_.path(), 0.1, 48);
  EXPECT_EQ(made.generator.step, 48);
  for (const auto& [name, tensor] : named_tensors(made.generator.generator)) {
    const auto of_file = [&, wanted = "wide_average." + name](const auto& named) {
      return named.first == wanted;
    };
    const auto found = std::find_if(archive.tensors.begin(), archive.tensors.end(), of_file);
    ASSERT_NE(found, archive.tensors.end()) << name;
    EXPECT_LT(testing::relative_distance(tensor, found->second.to(torch::kFloat32)), 1e-5) << name;
  }
}

TEST_F(Averages, HaveTheNamesOfTheClasses) {
  EXPECT_EQ(average_generator(folder_.path(), 0.1, {}).generator.classes,
            (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(Averages, OfAStepWithoutASnapshotAreRefused) {
  for (const auto& [step, nearby] : {std::pair(3, 4), std::pair(50, 52), std::pair(97, 96)}) {
    EXPECT_THAT(
        caught([&] { average_generator(folder_.path(), 0.1, step); }),
        IsError(ErrorKind::usage, "--step",
                "no snapshot in " + averages_.string() + " is of step " + std::to_string(step),
                "try " + std::to_string(nearby)));
  }
}

TEST_F(Averages, NameADamagedSnapshot) {
  const std::filesystem::path path = averages_ / "20.pt";
  const std::string bytes = read_file(path);
  write_file_atomically(path, bytes.substr(0, bytes.size() / 2));
  const char* const remedy =
      "remove it: the other snapshots give an average, though a less exact one";
  EXPECT_THAT(caught([&] { average_generator(folder_.path(), 0.1, {}); }),
              IsError(ErrorKind::damaged, path, "the archive is truncated or damaged", remedy));
  std::filesystem::remove(path);
  EXPECT_EQ(average_generator(folder_.path(), 0.1, {}).snapshots, 23U);

  state_.power_averages[1].layers[0].weight.fill_(std::nan(""));
  save_averages(path, state_, config(), {});
  EXPECT_THAT(
      caught([&] { average_generator(folder_.path(), 0.1, {}); }),
      IsError(ErrorKind::damaged, path,
              "tensor 'wide_average.layer1.weight' has a number that is not finite", remedy));
}

TEST_F(Averages, AreNoGeneratorByThemselves) {
  const std::filesystem::path path = averages_ / "20.pt";
  EXPECT_THAT(caught([&] { load_generator(*parse_archive(read_file(path), path), path); }),
              IsError(ErrorKind::failure, path, "it holds averages of a run, not a generator",
                      "'dcgan average RUN' makes a generator of them"));
}

TEST(SnapshotDue, IsAtMost32TimesAndAfterTheLastUpdate) {
  for (const std::int64_t total : {1, 31, 32, 33, 63, 64, 65, 1000}) {
    for (const std::int64_t steps : {1, 3}) {
      if (steps > total) continue;
      TrainState state = testing::small_trained_state(testing::small_config(), 0);
      state.options.posthoc_ema = true;
      state.options.discriminator_steps = steps;
      std::vector<std::int64_t> due;
      while (++state.step <= total) {
        if (snapshot_due(state, total)) due.push_back(state.step);
      }
      ASSERT_FALSE(due.empty());
      EXPECT_LE(due.size(), 32U) << total;
      EXPECT_GE(due.size(), static_cast<std::size_t>(std::min<std::int64_t>(total / steps, 16)));
      EXPECT_EQ(due.back(), total / steps * steps);
    }
  }
}

}  // namespace
}  // namespace dcgan
