#include "dcgan/train/train_step.h"

#include <torch/torch.h>

#include "dcgan/model/forward.h"
#include "dcgan/model/init.h"
#include "dcgan/train/loss.h"

namespace dcgan {
namespace {

Adam make_optimizer(const Network& network, double lr, const TrainConfig& train) {
  return Adam(named_parameters(network), {lr, train.beta1, train.beta2, train.eps});
}

torch::Tensor mean_probability(const torch::Tensor& logits) {
  return logits.detach().sigmoid().mean();
}

}  // namespace

TrainState make_train_state(const Config& config, torch::Device device) {
  Network generator = make_network(plan_generator(config), device);
  Network discriminator = make_network(plan_discriminator(config), device);
  const double deviation = config.model.init_deviation;
  initialise(generator, config.seed, Purpose::generator_init, deviation);
  initialise(discriminator, config.seed, Purpose::discriminator_init, deviation);
  Adam generator_optimizer = make_optimizer(generator, config.generator.lr, config.train);
  Adam discriminator_optimizer =
      make_optimizer(discriminator, config.discriminator.lr, config.train);
  return {std::move(generator),
          std::move(discriminator),
          std::move(generator_optimizer),
          std::move(discriminator_optimizer),
          config.train.loss,
          device,
          0};
}

StepStats train_step(TrainState& state, const torch::Tensor& real, const torch::Tensor& latents) {
  StepStats stats;
  const torch::Tensor fake = forward(state.generator, latents, Mode::train);

  // D's half.
  state.discriminator_optimizer.zero_grad();
  const torch::Tensor real_logits = forward(state.discriminator, real, Mode::train);
  const torch::Tensor fake_logits = forward(state.discriminator, fake.detach(), Mode::train);
  const torch::Tensor d_loss = discriminator_loss(real_logits, fake_logits);
  d_loss.backward();
  state.discriminator_optimizer.step();

  // G's half: the gradient passes through D, none stops in it.
  set_requires_grad(state.discriminator, false);
  state.generator_optimizer.zero_grad();
  const torch::Tensor moved_logits = forward(state.discriminator, fake, Mode::train);
  const torch::Tensor g_loss = generator_loss(state.loss, moved_logits);
  g_loss.backward();
  state.generator_optimizer.step();
  set_requires_grad(state.discriminator, true);

  ++state.step;
  stats.discriminator_loss = d_loss.detach();
  stats.generator_loss = g_loss.detach();
  stats.real_score = mean_probability(real_logits);
  stats.fake_score = mean_probability(fake_logits);
  stats.fake_score_after = mean_probability(moved_logits);
  return stats;
}

StepNumbers read(const StepStats& stats) {
  const torch::Tensor all =
      torch::stack({stats.discriminator_loss, stats.generator_loss, stats.real_score,
                    stats.fake_score, stats.fake_score_after})
          .to(torch::kCPU);
  const auto at = [&all](std::int64_t i) { return static_cast<double>(all[i].item<float>()); };
  return {at(0), at(1), at(2), at(3), at(4)};
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
  collect(state.generator_optimizer.named_moments());
  collect(state.discriminator_optimizer.named_moments());
  return torch::stack(sums).isfinite().all().item<bool>();
}

}  // namespace dcgan
