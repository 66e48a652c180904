// One step of adversarial training.
//
//                 real x ─────────► D ─► real logits ┐
//   z ─► G ─► fake ─ detach ──────► D ─► fake logits ┴► D's loss ─► D's update
//              └─────────────────► D (updated) ─► logits ─► G's loss ─► G's update
//
// Real and fake are batches of their own to D, so that BatchNorm sees each by itself; the fake
// images of D's half are those of G's; D's parameters need no gradient in G's half.
//
// With train.r1_gamma every train.r1_every-th step adds R1, scaled by as much, to D's loss (lazy
// regularisation: Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
// section 3.1). With train.gradient_penalty every step adds the penalty of WGAN-GP, at mixtures of
// the step's real and fake images; with train.weight_clip D's weights are cut after its update.
// With train.discriminator_steps n only each n-th step has G's half; the others leave G as it is,
// but for its BatchNorm's running statistics, which see every batch. With train.class_mismatch D's
// half also has the loss on real images of a wrong class, from the numbers D gave for them. With
// train.translation, train.color_jitter, train.cutout and train.instance_noise D sees every image
// changed (augment.h), R1's and the penalty's too. With train.ema_decay an average of G follows its
// weights and BatchNorm's statistics, and so do those of train.posthoc_ema (power_average.h).
// Layers of train.freeze keep their parameters; their BatchNorm's running statistics follow the
// batches.
#pragma once

#include <torch/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dcgan/config.h"
#include "gan/augment.h"
#include "gan/augment_probability.h"
#include "gan/optimizer.h"
#include "model/network.h"
#include "runtime/reducer.h"

namespace dcgan {

/// What a training consists of, and all that a step changes.
struct TrainState {
  Network generator;
  Network discriminator;
  Optimizer generator_optimizer;
  Optimizer discriminator_optimizer;
  std::optional<Network> average;       ///< of G over the steps; nothing without train.ema_decay
  std::vector<Network> power_averages;  ///< kPowerAverages; none without train.posthoc_ema
  TrainConfig options;
  std::int64_t total_steps = 0;  ///< what the learning rates' schedule is stretched over
  torch::Device device = torch::kCPU;
  std::int64_t step = 0;     ///< steps done
  std::int64_t classes = 0;  ///< model.classes
  std::int64_t seed = 0;     ///< of what a step draws itself: augmentations, mixtures
  torch::Tensor r1;  ///< the newest of StepStats, for metrics alone; undefined before the first
  Augmentation augmentation;
  std::optional<AugmentProbability> augment_probability;  ///< nothing without train.augment_target
  Reducer* reducer = nullptr;  ///< of the parts of each batch, where this state sees but one
  std::int64_t part = 0;       ///< which
  bool stop = false;           ///< asks all parts to stop after the next step
};

/// Networks with their first weights on `device`, optimizers at rest, step 0. A function of
/// `config` alone: the same on every device. `total_steps`: of the whole run; 0 does where
/// train.lr_schedule is constant.
TrainState make_train_state(const Config& config, torch::Device device,
                            std::int64_t total_steps = 0);

/// The averages of `state` begin at its G.
void begin_averages(TrainState& state);

/// With model.classes, before the first step: makes the generator draw each class as often as the
/// data set has it, of which it has counts[c] > 0 images. Otherwise all are drawn equally often.
void set_class_counts(TrainState& state, const std::vector<std::int64_t>& counts);

/// The generator that a user gets: the average where there is one.
const Network& best_generator(const TrainState& state);

/// Scalars on the training's device, so that reading them is the caller's choice: it waits for a
/// GPU. D(x) is a probability in [0, 1] where the loss is one of probabilities, else D's output.
struct StepStats {
  torch::Tensor discriminator_loss;
  torch::Tensor generator_loss;
  torch::Tensor real_score;        ///< mean D(x)
  torch::Tensor fake_score;        ///< mean D(G(z)) before D's update
  torch::Tensor fake_score_after;  ///< mean D(G(z)) after it; before it in a step without G's half
  torch::Tensor
      r1;  ///< mean squared gradient norm of D at real images; undefined in a step without R1
  torch::Tensor gradient_penalty;     ///< of the mixtures; undefined without train.gradient_penalty
  torch::Tensor augment_probability;  ///< after the step; undefined without train.augment_target
  torch::Tensor real_sign;            ///< E[sign(D(x))]; undefined likewise
  torch::Tensor fake;             ///< the step's generated images, [B, C, H, W], without a graph
  bool updated_generator = true;  ///< whether the step had G's half
  torch::Tensor stop;  ///< more than 0 where a part asks for it; undefined without a reducer
};

/// The same as numbers.
struct StepNumbers {
  double discriminator_loss = 0;
  double generator_loss = 0;
  double real_score = 0;
  double fake_score = 0;
  double fake_score_after = 0;
  std::optional<double> r1;
  std::optional<double> gradient_penalty;
  std::optional<double> augment_probability;
};

/// Steps of one kind do the same work, operator by operator, on tensors of the same sizes.
struct StepKind {
  std::int64_t images = 0;
  bool has_r1 = false;
  bool updates_generator = true;

  auto operator<=>(const StepKind&) const = default;
};

/// What changes from step to step by a formula; as tensors, so that a recorded step reads them
/// anew.
struct StepRates {
  torch::Tensor discriminator;   ///< Optimizer::next_rates() of D
  torch::Tensor generator;       ///< of G; undefined in a step without G's half
  torch::Tensor average;         ///< float32 []: weight of G in its average; undefined likewise
  torch::Tensor power_averages;  ///< float32 [kPowerAverages]: in those; undefined likewise
  torch::Tensor augmentation;    ///< of adapt(); undefined without train.augment_target
};

/// All that a step reads beside the state. What the run does not ask for is undefined.
struct StepInputs {
  StepKind kind;
  torch::Tensor real;     ///< float32 [B, C, H, W]
  torch::Tensor labels;   ///< int64 [B]: the real images' classes, with model.classes
  torch::Tensor latents;  ///< float32 [B, latent_dim]
  StepDraws draws;
  torch::Tensor mixture;  ///< float32 [B, 1] in [0, 1]: where WGAN-GP looks between two images
  StepRates rates;
};

/// Counts the next step of `state` and draws what it needs, as draw_augmentations() does; `real`,
/// `labels` and `latents` stay where they are. Without model.classes nothing reads `labels`.
StepInputs begin_step(TrainState& state, torch::Tensor real, torch::Tensor labels,
                      torch::Tensor latents);

/// Each tensor of `inputs` as `convert` gives it.
template <typename Convert>
StepInputs convert_each(StepInputs inputs, const Convert& convert) {
  std::vector<torch::Tensor*> tensors{&inputs.real,
                                      &inputs.labels,
                                      &inputs.latents,
                                      &inputs.mixture,
                                      &inputs.rates.average,
                                      &inputs.rates.power_averages,
                                      &inputs.rates.generator,
                                      &inputs.rates.discriminator,
                                      &inputs.rates.augmentation};
  for (AugmentDraws* draws : {&inputs.draws.real, &inputs.draws.fake, &inputs.draws.fake_again}) {
    tensors.insert(tensors.end(), {&draws->color, &draws->shifts, &draws->centres,
                                   &draws->thresholds, &draws->noise});
  }
  for (torch::Tensor* tensor : tensors) {
    if (tensor->defined()) *tensor = convert(*tensor);
  }
  return inputs;
}

/// The work of a step that begin_step() has counted; `inputs` on the state's device. What it does
/// depends on the kind of step alone, and what it computes on tensors alone: it can be recorded
/// (recorded_step.h).
StepStats do_step(TrainState& state, const StepInputs& inputs);

/// Both. real: float32 [B, C, H, W]; labels: int64 [B], undefined without model.classes; latents:
/// float32 [B, latent_dim]; on any device.
StepStats train_step(TrainState& state, const torch::Tensor& real, const torch::Tensor& labels,
                     const torch::Tensor& latents);

/// Waits for the device.
StepNumbers read(const StepStats& stats);

/// Everything that a step changes, but for its counters: "generator.", "discriminator.", ... and
/// their tensors.
std::vector<std::pair<std::string, NamedTensors>> parts_of(const TrainState& state);

/// The state of part `part` of each batch: with the weights and moments of `state`, and gradients
/// and running statistics of its own. It has no averages.
TrainState state_of_part(const TrainState& state, std::int64_t part);

/// Of both networks' tensors: "CRC-32 0a1b2c3d".
std::string checksum_of(const TrainState& state);

/// Whether every parameter, buffer and moment is a finite number. Waits for the device.
bool all_finite(const TrainState& state);

}  // namespace dcgan
