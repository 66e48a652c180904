#include "gan/recorded_step.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/random.h"
#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

constexpr int kSteps = 24;

struct Numbers {
  std::int64_t step;
  std::int64_t discriminator_steps;
  std::int64_t generator_steps;

  bool operator==(const Numbers&) const = default;
};

Numbers numbers_of(const TrainState& state) {
  return {state.step, state.discriminator_optimizer.steps_done(),
          state.generator_optimizer.steps_done()};
}

void set_numbers(TrainState& state, const Numbers& numbers) {
  state.step = numbers.step;
  state.discriminator_optimizer.set_steps_done(numbers.discriminator_steps);
  state.generator_optimizer.set_steps_done(numbers.generator_steps);
}

/// As blind as a CUDA graph: to a recorded step, every number of the state that is no tensor is as
/// it was at the recording.
class FrozenRecorder : public Recorder {
 public:
  FrozenRecorder(TrainState& state, int& recordings, int& repeats)
      : state_(state), recordings_(recordings), repeats_(repeats) {}

  void run(const std::function<void()>& work) override { work(); }

  std::function<void()> record(const std::function<void()>& work) override {
    ++recordings_;
    return [this, work, frozen = numbers_of(state_)] {
      ++repeats_;
      const Numbers now = numbers_of(state_);
      set_numbers(state_, frozen);
      work();
      EXPECT_EQ(numbers_of(state_), frozen) << "the work counts something";
      set_numbers(state_, now);
    };
  }

 private:
  TrainState& state_;
  int& recordings_;
  int& repeats_;
};

/// As a CUDA graph, whose repetition runs none of our code: it does the work at the recording, and
/// nothing when that is repeated.
class DeafRecorder : public Recorder {
 public:
  void run(const std::function<void()>& work) override { work(); }
  std::function<void()> record(const std::function<void()>& work) override {
    work();
    return [] {};
  }
};

/// As a stream that can't record an operator of G's half, which then does not end.
/// The kind of step that is recorded first can be.
class FailingRecorder : public FrozenRecorder {
 public:
  FailingRecorder(TrainState& state, int& recordings, int& repeats, int& failures)
      : FrozenRecorder(state, recordings, repeats), state_(state), failures_(failures) {}

  std::function<void()> record(const std::function<void()>& work) override {
    if (!std::exchange(is_first_, false)) {
      ++failures_;
      set_requires_grad(state_.discriminator, false);
      TORCH_CHECK(false, "operation not permitted\nwhen stream is capturing");
    }
    return FrozenRecorder::record(work);
  }

 private:
  TrainState& state_;
  int& failures_;
  bool is_first_ = true;
};

struct Case {
  const char* name;
  TrainConfig train;
  int kinds;  ///< of steps
  std::int64_t classes = 0;
  Norm norm = Norm::batch;
};

void PrintTo(const Case& of, std::ostream* out) { *out << of.name; }

std::vector<Case> cases() {
  std::vector<Case> all{{"plain", {}, 2},      {"everything", {}, 2},
                        {"wgan", {}, 3},       {"bf16", {}, 2},
                        {"classes", {}, 2, 3}, {"spectral", {}, 2, 0, Norm::spectral}};
  all[1].train.r1_gamma = 1;
  all[1].train.r1_every = 3;
  all[1].train.ema_decay = 0.9;
  all[1].train.posthoc_ema = true;
  all[1].train.translation = 2;
  all[1].train.color_jitter = 1;
  all[1].train.cutout = 0.5;
  all[1].train.augment_target = 0.5;
  all[1].train.instance_noise = 0.1;
  all[1].train.lr_schedule = LrSchedule::cosine;
  all[1].train.label_smoothing = 0.1;
  all[2].train.loss = LossKind::wasserstein;
  all[2].train.gradient_penalty = 10;
  all[2].train.discriminator_steps = 3;
  all[2].train.ema_decay = 0.9;
  all[2].train.posthoc_ema = true;
  all[3].train.precision = Precision::bf16;
  all[3].train.ema_decay = 0.9;
  all[4].train = all[1].train;
  all[4].train.class_mismatch = 0.5;
  all[5].train = all[1].train;
  return all;
}

class RecordedStepOf : public ::testing::TestWithParam<Case> {
 protected:
  static Config config() {
    Config config;
    config.model.base_channels = 4;
    config.model.latent_dim = 8;
    config.model.classes = GetParam().classes;
    config.model.latent_modes = 2 * GetParam().classes;
    config.generator.norm = config.discriminator.norm = GetParam().norm;
    config.train = GetParam().train;
    config.train.batch_size = 6;
    return config;
  }
  /// Every tenth batch is an epoch's last, with fewer images.
  static std::int64_t images(int step) { return step % 10 == 9 ? 4 : 6; }
  static torch::Tensor real(int step) {
    const std::int64_t count = images(step);
    return normal_rows(5, Purpose::sample_latents, 10 * step, count, 28 * 28)
        .tanh()
        .view({count, 1, 28, 28});
  }
  static torch::Tensor labels(int step) {
    return torch::arange(step, step + images(step)).remainder(3);
  }
  static torch::Tensor latents(int step) {
    return normal_rows(6, Purpose::sample_latents, 10 * step, images(step), 8);
  }
};

TEST_P(RecordedStepOf, EndsWithTheBytesOfTheStepItself) {
  TrainState plain = make_train_state(config(), torch::kCPU, kSteps);
  TrainState state = make_train_state(config(), torch::kCPU, kSteps);
  int recordings = 0;
  int repeats = 0;
  RecordedStep recorded(state, std::make_unique<FrozenRecorder>(state, recordings, repeats),
                        /*warm_ups=*/1);
  for (int step = 0; step < kSteps; ++step) {
    const StepNumbers expected = read(train_step(plain, real(step), labels(step), latents(step)));
    const StepStats stats = recorded.step(real(step), labels(step), latents(step));
    const StepNumbers numbers = read(stats);
    EXPECT_EQ(numbers.discriminator_loss, expected.discriminator_loss) << step;
    EXPECT_EQ(numbers.generator_loss, expected.generator_loss) << step;
    EXPECT_EQ(numbers.r1, expected.r1) << step;
    EXPECT_EQ(numbers.gradient_penalty, expected.gradient_penalty) << step;
    EXPECT_EQ(stats.fake.size(0), images(step));
    for (std::size_t i = 0; i < parameters(state.discriminator).size(); ++i) {
      EXPECT_TRUE(torch::equal(parameters(state.discriminator)[i].grad(),
                               parameters(plain.discriminator)[i].grad()));
    }
  }
  EXPECT_EQ(numbers_of(state), numbers_of(plain));
  const auto expect_equal = [](const NamedTensors& ours, const NamedTensors& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(torch::equal(ours[i].second, theirs[i].second)) << ours[i].first;
    }
  };
  expect_equal(named_tensors(state.generator), named_tensors(plain.generator));
  expect_equal(named_tensors(state.discriminator), named_tensors(plain.discriminator));
  expect_equal(named_tensors(best_generator(state)), named_tensors(best_generator(plain)));
  expect_equal(state.generator_optimizer.named_moments(),
               plain.generator_optimizer.named_moments());
  // A kind whose steps end with the warm-up is not recorded.
  EXPECT_EQ(recordings, GetParam().kinds);
  EXPECT_GT(repeats, kSteps / 2);
}

TEST_P(RecordedStepOf, WritesWhereItWroteAtTheRecording) {
  TrainState state = make_train_state(config(), torch::kCPU, kSteps);
  int recordings = 0;
  int repeats = 0;
  RecordedStep recorded(state, std::make_unique<FrozenRecorder>(state, recordings, repeats),
                        /*warm_ups=*/0);
  const auto places = [&state] {
    std::vector<const void*> at;
    for (const auto& [name, tensor] : named_tensors(state.generator)) {
      at.push_back(tensor.data_ptr());
    }
    for (const auto& [name, tensor] : state.discriminator_optimizer.named_moments()) {
      at.push_back(tensor.data_ptr());
    }
    return at;
  };
  const auto before = places();
  for (int step = 0; step < 3; ++step) recorded.step(real(step), labels(step), latents(step));
  EXPECT_EQ(places(), before);
}

TEST_P(RecordedStepOf, OfTheDiscriminatorAloneLeavesTheGeneratorsGradients) {
  TrainState state = make_train_state(config(), torch::kCPU, kSteps);
  RecordedStep recorded(state, std::make_unique<DeafRecorder>(), /*warm_ups=*/1);
  torch::Tensor newest;
  for (int step = 0; step < kSteps; ++step) {
    const StepStats stats = recorded.step(real(step), labels(step), latents(step));
    const torch::Tensor gradient = parameters(state.generator).front().grad();
    if (stats.updated_generator) newest = gradient;
    EXPECT_TRUE(gradient.is_same(newest)) << step;
  }
}

TEST_P(RecordedStepOf, IsTheStepItselfOnceOneCantBeRecorded) {
  TrainState plain = make_train_state(config(), torch::kCPU, kSteps);
  TrainState state = make_train_state(config(), torch::kCPU, kSteps);
  int recordings = 0;
  int repeats = 0;
  int failures = 0;
  RecordedStep recorded(state,
                        std::make_unique<FailingRecorder>(state, recordings, repeats, failures),
                        /*warm_ups=*/1);
  int repeats_before = 0;
  for (int step = 0; step < kSteps; ++step) {
    EXPECT_EQ(failures > 0, !recorded.failure().empty());
    if (failures == 0) repeats_before = repeats;
    train_step(plain, real(step), labels(step), latents(step));
    recorded.step(real(step), labels(step), latents(step));
  }
  EXPECT_EQ(failures, 1);
  EXPECT_GT(repeats, 0);
  EXPECT_EQ(repeats, repeats_before) << "a recording was repeated after the failure";
  EXPECT_EQ(recorded.failure(), "operation not permitted");
  EXPECT_EQ(checksum_of(state), checksum_of(plain));
}

INSTANTIATE_TEST_SUITE_P(Kinds, RecordedStepOf, ::testing::ValuesIn(cases()),
                         [](const auto& entry) { return std::string(entry.param.name); });

}  // namespace
}  // namespace dcgan
