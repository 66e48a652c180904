// One step of adversarial training.
//
//                 real x ─────────► D ─► real logits ┐
//   z ─► G ─► fake ─ detach ──────► D ─► fake logits ┴► D's loss ─► Adam moves D
//              └─────────────────► D (moved) ─► logits ─► G's loss ─► Adam moves G
//
// Real and fake pass D in batches of their own, so that BatchNorm sees each by itself; the fake
// images of D's half are those of G's; D's parameters need no gradient in G's half.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "dcgan/config/config.h"
#include "dcgan/model/network.h"
#include "dcgan/train/adam.h"

namespace dcgan {

/// What a training consists of, and all that a step changes.
struct TrainState {
  Network generator;
  Network discriminator;
  Adam generator_optimizer;
  Adam discriminator_optimizer;
  LossKind loss = LossKind::non_saturating;
  torch::Device device = torch::kCPU;
  std::int64_t step = 0;  ///< steps done
};

/// Networks with their first weights on `device`, optimizers at rest, step 0. A function of
/// `config` alone: the same on every device.
TrainState make_train_state(const Config& config, torch::Device device);

/// Scalars on the training's device, so that reading them is the caller's choice: it waits for a
/// GPU. Scores are mean probabilities in [0, 1].
struct StepStats {
  torch::Tensor discriminator_loss;
  torch::Tensor generator_loss;
  torch::Tensor real_score;        ///< mean D(x)
  torch::Tensor fake_score;        ///< mean D(G(z)) before D's update
  torch::Tensor fake_score_after;  ///< mean D(G(z)) after it
};

/// The same as numbers.
struct StepNumbers {
  double discriminator_loss = 0;
  double generator_loss = 0;
  double real_score = 0;
  double fake_score = 0;
  double fake_score_after = 0;
};

/// real: float32 [B, C, H, W]; latents: float32 [B, latent_dim]; both on the state's device.
StepStats train_step(TrainState& state, const torch::Tensor& real, const torch::Tensor& latents);

/// Waits for the device.
StepNumbers read(const StepStats& stats);

/// Whether every parameter, buffer and moment is a finite number. Waits for the device.
bool all_finite(const TrainState& state);

}  // namespace dcgan
