// A small training state with something in every tensor.
#pragma once

#include <numeric>
#include <vector>

#include "gan/train_step.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan::testing {

constexpr std::int64_t kSmallRun = 10;  ///< steps that a schedule is stretched over

inline Config small_config() {
  Config config;
  config.data.image_size = {8, 8};
  config.model.base_channels = 2;
  config.model.latent_dim = 3;
  config.train.batch_size = 4;
  return config;
}

/// `steps` training steps on noise.
inline void train_on_noise(TrainState& state, const Config& config, std::int64_t steps) {
  const std::int64_t batch = config.train.batch_size;
  const ImageShape shape{config.data.channels, config.data.image_size[0],
                         config.data.image_size[1]};
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t row = state.step * batch;
    const auto real =
        normal_rows(2, Purpose::sample_latents, row, batch, shape[0] * shape[1] * shape[2])
            .tanh()
            .view({batch, shape[0], shape[1], shape[2]});
    const torch::Tensor labels =
        config.model.classes > 0 ? torch::arange(row, row + batch).remainder(config.model.classes)
                                 : torch::Tensor();
    train_step(state, real, labels,
               normal_rows(3, Purpose::train_latents, row, batch, config.model.latent_dim));
  }
}

/// With all that a plain step does not have.
inline Config small_regularised_config() {
  Config config = small_config();
  config.train.r1_gamma = 1;
  config.train.r1_every = 2;
  config.train.ema_decay = 0.5;
  config.train.posthoc_ema = true;
  config.train.label_smoothing = 0.1;
  config.train.translation = 2;
  config.train.color_jitter = 1;
  config.train.cutout = 0.4;
  config.train.augment_target = 0.5;
  config.train.instance_noise = 0.1;
  config.train.lr_schedule = LrSchedule::cosine;
  return config;
}

inline TrainState small_state(const Config& config, torch::Device device = torch::kCPU) {
  TrainState state = make_train_state(config, device, kSmallRun);
  if (config.model.classes > 0) {  // class c has c + 1 images
    std::vector<std::int64_t> counts(static_cast<std::size_t>(config.model.classes));
    std::iota(counts.begin(), counts.end(), 1);
    set_class_counts(state, counts);
  }
  return state;
}

inline TrainState small_trained_state(const Config& config = small_config(),
                                      std::int64_t steps = 3) {
  TrainState state = small_state(config);
  train_on_noise(state, config, steps);
  return state;
}

inline bool equal(const NamedTensors& a, const NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].first != b[i].first || !torch::equal(a[i].second, b[i].second)) return false;
  }
  return true;
}

/// Every tensor that a step changes.
inline bool equal(const TrainState& a, const TrainState& b) {
  const auto parts_a = parts_of(a);
  const auto parts_b = parts_of(b);
  if (parts_a.size() != parts_b.size()) return false;
  for (std::size_t i = 0; i < parts_a.size(); ++i) {
    if (!equal(parts_a[i].second, parts_b[i].second)) return false;
  }
  return a.step == b.step &&
         a.generator_optimizer.steps_done() == b.generator_optimizer.steps_done() &&
         a.discriminator_optimizer.steps_done() == b.discriminator_optimizer.steps_done();
}

}  // namespace dcgan::testing
