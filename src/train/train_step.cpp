#include "dcgan/train/train_step.h"

#include <torch/torch.h>

#include "dcgan/model/forward.h"
#include "dcgan/model/init.h"
#include "dcgan/train/loss.h"
#include "dcgan/train/schedule.h"
#include "dcgan/train/translate.h"

namespace dcgan {
namespace {

Adam make_optimizer(const Network& network, double lr, const TrainConfig& train) {
  return Adam(named_parameters(network), {lr, train.beta1, train.beta2, train.eps});
}

torch::Tensor mean_probability(const torch::Tensor& logits) {
  return logits.detach().sigmoid().mean();
}

struct Logits {
  torch::Tensor real;  ///< [B]
  torch::Tensor fake;  ///< [B]
};

/// D of real and fake images [B, C, H, W], each a batch to BatchNorm. R1 differentiates twice
/// through the real ones, so that the fake ones then go alone and the real ones in float32: the
/// square of a gradient has no bits to lose.
Logits judge(const Network& discriminator, const torch::Tensor& real, const torch::Tensor& fake,
             bool bfloat16) {
  const bool penalised = real.requires_grad();
  if (penalised || real.size(0) != fake.size(0)) {
    torch::Tensor real_logits =
        forward(discriminator, real, Mode::train, {.bfloat16 = bfloat16 && !penalised});
    return {std::move(real_logits),
            forward(discriminator, fake, Mode::train, {.bfloat16 = bfloat16})};
  }
  const auto logits = forward(discriminator, torch::cat({real, fake}), Mode::train,
                              {.batches = 2, .bfloat16 = bfloat16})
                          .chunk(2);
  return {logits[0], logits[1]};
}

/// The value of a black pixel.
double black(const TrainState& state) {
  return state.generator.layers.back().plan.nonlinearity == Nonlinearity::sigmoid ? 0 : -1;
}

bool has_penalty(const TrainState& state) {
  return state.options.r1_gamma > 0 && state.step % state.options.r1_every == 0;
}

}  // namespace

TrainState make_train_state(const Config& config, torch::Device device, std::int64_t total_steps) {
  Network generator = make_network(plan_generator(config), device);
  Network discriminator = make_network(plan_discriminator(config), device);
  const double deviation = config.model.init_deviation;
  initialise(generator, config.seed, Purpose::generator_init, deviation);
  initialise(discriminator, config.seed, Purpose::discriminator_init, deviation);
  Adam generator_optimizer = make_optimizer(generator, config.generator.lr, config.train);
  Adam discriminator_optimizer =
      make_optimizer(discriminator, config.discriminator.lr, config.train);
  std::optional<Network> average;
  if (config.train.ema_decay > 0) {
    average = copy_to(generator, device);
    set_requires_grad(*average, false);
  }
  return {std::move(generator),
          std::move(discriminator),
          std::move(generator_optimizer),
          std::move(discriminator_optimizer),
          std::move(average),
          config.train,
          total_steps,
          device,
          0,
          config.seed};
}

const Network& best_generator(const TrainState& state) {
  return state.average ? *state.average : state.generator;
}

StepStats train_step(TrainState& state, const torch::Tensor& real, const torch::Tensor& latents) {
  StepStats stats;
  const TrainConfig& options = state.options;
  const double rate = lr_factor(options.lr_schedule, state.step, state.total_steps);
  const bool bfloat16 = options.precision == Precision::bf16;
  const torch::Tensor fake = forward(state.generator, latents, Mode::train, {.bfloat16 = bfloat16});

  Translations moves;  // nothing without train.translation
  if (options.translation > 0) {
    moves = draw_translations(state.seed, state.step * options.batch_size, real.size(0),
                              options.translation, state.device);
  }
  const auto seen = [&](const torch::Tensor& images, const torch::Tensor& move) {
    return move.defined() ? translate(images, move, options.translation, black(state)) : images;
  };

  // D's half.
  state.discriminator_optimizer.zero_grad();
  const bool penalise = has_penalty(state);
  const torch::Tensor seen_real = seen(real, moves.real);
  const torch::Tensor x = penalise ? seen_real.detach().requires_grad_() : seen_real;
  const auto [real_logits, fake_logits] =
      judge(state.discriminator, x, seen(fake.detach(), moves.fake), bfloat16);
  const torch::Tensor d_loss =
      discriminator_loss(real_logits, fake_logits, options.label_smoothing);
  if (penalise) {
    const torch::Tensor penalty = gradient_penalty(real_logits, x);
    const double weight = options.r1_gamma / 2 * static_cast<double>(options.r1_every);
    (d_loss + penalty * weight).backward();
    stats.penalty = penalty.detach();
  } else {
    d_loss.backward();
  }
  state.discriminator_optimizer.step(rate);

  // G's half: the gradient passes through D, none stops in it.
  set_requires_grad(state.discriminator, false);
  state.generator_optimizer.zero_grad();
  const torch::Tensor moved_logits = forward(state.discriminator, seen(fake, moves.fake_again),
                                             Mode::train, {.bfloat16 = bfloat16});
  const torch::Tensor g_loss = generator_loss(options.loss, moved_logits);
  g_loss.backward();
  state.generator_optimizer.step(rate);
  set_requires_grad(state.discriminator, true);

  if (state.average) {
    move_average(*state.average, state.generator, warmed_up_decay(options.ema_decay, state.step));
  }
  ++state.step;
  stats.fake = fake.detach();
  stats.discriminator_loss = d_loss.detach();
  stats.generator_loss = g_loss.detach();
  stats.real_score = mean_probability(real_logits);
  stats.fake_score = mean_probability(fake_logits);
  stats.fake_score_after = mean_probability(moved_logits);
  return stats;
}

StepNumbers read(const StepStats& stats) {
  std::vector<torch::Tensor> scalars{stats.discriminator_loss, stats.generator_loss,
                                     stats.real_score, stats.fake_score, stats.fake_score_after};
  if (stats.penalty.defined()) scalars.push_back(stats.penalty);
  const torch::Tensor all = torch::stack(scalars).to(torch::kCPU);
  const auto at = [&all](std::int64_t i) { return static_cast<double>(all[i].item<float>()); };
  const auto penalty = stats.penalty.defined() ? std::optional<double>(at(5)) : std::nullopt;
  return {at(0), at(1), at(2), at(3), at(4), penalty};
}

bool all_finite(const TrainState& state) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> sums;
  const auto collect = [&sums](const NamedTensors& tensors) {
    // A sum is finite only if every term is; an overflowing sum is as good a reason to stop.
    for (const auto& [name, tensor] : tensors) sums.push_back(tensor.detach().sum());
  };
  collect(named_tensors(state.generator));
  collect(named_tensors(state.discriminator));
  if (state.average) collect(named_tensors(*state.average));
  collect(state.generator_optimizer.named_moments());
  collect(state.discriminator_optimizer.named_moments());
  return torch::stack(sums).isfinite().all().item<bool>();
}

}  // namespace dcgan
