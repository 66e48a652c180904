#include "gan/train_step.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "base/gz.h"
#include "gan/backward.h"
#include "gan/freeze.h"
#include "gan/loss.h"
#include "gan/power_average.h"
#include "gan/schedule.h"
#include "model/forward.h"
#include "model/modes.h"
#include "runtime/device.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

Optimizer make_optimizer(const Network& network, double lr, const TrainConfig& train) {
  return Optimizer(trained_parameters(network),
                   {lr, train.beta1, train.beta2, train.eps, train.optimizer});
}

/// Mean D(x): a probability where the loss is one of those, else D's output.
torch::Tensor mean_score(LossKind loss, const torch::Tensor& logits) {
  return is_of_probabilities(loss) ? logits.detach().sigmoid().mean() : logits.detach().mean();
}

ForwardOptions forward_options(const TrainState& state) {
  return {.bfloat16 = state.options.precision == Precision::bf16,
          .reducer = state.options.sync_batch_norm ? state.reducer : nullptr};
}

/// What each part of a batch has of its own beside gradients: the step's numbers and, where each
/// normalised by itself, running statistics.
std::vector<torch::Tensor> own_numbers(const TrainState& state, StepStats& stats) {
  if (state.reducer == nullptr) return {};
  std::vector<torch::Tensor> numbers;
  stats.stop = torch::full({}, state.stop ? 1.0 : 0.0, stats.real_score.options());
  for (torch::Tensor* scalar : {&stats.discriminator_loss, &stats.generator_loss, &stats.real_score,
                                &stats.fake_score, &stats.fake_score_after, &stats.r1,
                                &stats.gradient_penalty, &stats.real_sign, &stats.stop}) {
    if (!scalar->defined()) continue;
    *scalar = scalar->clone();  // two of them may be one
    numbers.push_back(*scalar);
  }
  for (const Network* network : {&state.generator, &state.discriminator}) {
    for (const Layer& layer : network->layers) {
      if (state.options.sync_batch_norm || !layer.running_mean.defined()) continue;
      numbers.push_back(layer.running_mean);
      numbers.push_back(layer.running_var);
    }
  }
  return numbers;
}

/// Parts with the same weights update them once.
void update_weights(const TrainState& state, const std::function<void()>& update) {
  if (state.reducer == nullptr) {
    update();
  } else {
    state.reducer->once(update);
  }
}

/// The same of the step's real and of its fake images.
struct Pair {
  torch::Tensor real;
  torch::Tensor fake;
};

/// D's outputs, not yet the logits where it has classes: [B] or [B, 1 + classes, 1, 1]. Real and
/// fake images [B, C, H, W] are each a batch to BatchNorm. R1 differentiates twice
/// through the real ones, so that the fake ones then go alone and the real ones in float32: the
/// square of a gradient has no bits to lose.
Pair judge(const Network& discriminator, const Pair& images, ForwardOptions options) {
  const auto& [real, fake] = images;
  if (real.requires_grad()) {
    ForwardOptions exact = options;
    exact.bfloat16 = false;
    return {forward(discriminator, real, Mode::train, exact),
            forward(discriminator, fake, Mode::train, options)};
  }
  options.batches = 2;
  const auto outputs =
      forward(discriminator, torch::cat({real, fake}), Mode::train, options).chunk(2);
  return {outputs[0], outputs[1]};
}

/// [B], of images that are of these classes, or of a D without any.
torch::Tensor logits_as(const torch::Tensor& output, const torch::Tensor& classes) {
  return classes.defined() ? logits_of_class(output, classes) : output;
}

/// int64 [B]; undefined without model.classes.
Pair classes_of_step(const TrainState& state, const StepInputs& inputs) {
  if (state.classes == 0) return {};
  const Layer& first = state.generator.layers.front();
  return {inputs.labels,
          classes_of(inputs.latents, first.plan.modes, first.plan.classes, first.mode_bias)};
}

torch::Tensor generate(const TrainState& state, const torch::Tensor& latents, bool with_graph) {
  const torch::AutoGradMode mode(with_graph);
  return forward(state.generator, latents, Mode::train, forward_options(state));
}

/// The penalty of WGAN-GP, in float32 as R1 is: between the real and the fake images, at
/// `positions` drawn for each.
torch::Tensor penalty_between(const TrainState& state, const Pair& images,
                              const torch::Tensor& positions, const torch::Tensor& classes) {
  const torch::Tensor mixed = torch::lerp(images.fake, images.real, positions.view({-1, 1, 1, 1}))
                                  .detach()
                                  .requires_grad_();
  ForwardOptions options = forward_options(state);
  options.bfloat16 = false;
  options.classes = classes;
  return gradient_penalty(forward(state.discriminator, mixed, Mode::train, options), mixed);
}

void clip(const std::vector<torch::Tensor>& parameters, double limit) {
  const torch::NoGradGuard no_grad;
  for (const torch::Tensor& parameter : parameters) parameter.clamp_(-limit, limit);
}

/// In the step's last update: all parts have used the probability, and know the mean of all signs.
void adapt_augmentation(TrainState& state, const StepInputs& inputs, const StepStats& stats) {
  if (!state.augment_probability) return;
  adapt(*state.augment_probability, stats.real_sign, inputs.rates.augmentation,
        state.options.augment_target);
}

/// D's half: fake has no graph.
void update_discriminator(TrainState& state, const StepInputs& inputs, Pair images,
                          const Pair& classes, StepStats& stats) {
  const TrainConfig& options = state.options;
  state.discriminator_optimizer.zero_grad();
  const bool with_r1 = inputs.kind.has_r1;
  if (with_r1) images.real = images.real.detach().requires_grad_();
  const Pair outputs = judge(state.discriminator, images, forward_options(state));
  const torch::Tensor real_logits = logits_as(outputs.real, classes.real);
  const torch::Tensor fake_logits = logits_as(outputs.fake, classes.fake);
  const torch::Tensor loss =
      discriminator_loss(options.loss, real_logits, fake_logits, options.label_smoothing);
  torch::Tensor objective = loss;
  const bool has_other_classes = classes.real.defined() && outputs.real.size(1) > 2;
  if (options.class_mismatch > 0 && has_other_classes) {
    const torch::Tensor wrong = logits_of_other_classes(outputs.real, classes.real);
    objective = objective + fake_loss(options.loss, wrong) * options.class_mismatch;
  }
  if (with_r1) {
    const torch::Tensor r1 = squared_gradient_norm(real_logits, images.real);
    objective = objective + r1 * (options.r1_gamma / 2 * static_cast<double>(options.r1_every));
    stats.r1 = r1.detach();
  }
  if (options.gradient_penalty > 0) {
    const torch::Tensor penalty = penalty_between(state, images, inputs.mixture, classes.real);
    objective = objective + penalty * options.gradient_penalty;
    stats.gradient_penalty = penalty.detach();
  }
  stats.discriminator_loss = loss.detach();
  stats.real_score = mean_score(options.loss, real_logits);
  stats.fake_score = mean_score(options.loss, fake_logits);
  if (state.augment_probability) stats.real_sign = real_logits.detach().sign().mean();
  std::vector<torch::Tensor> numbers;
  if (!stats.updated_generator) {  // whose half says the rest
    stats.generator_loss = generator_loss(options.loss, fake_logits.detach());
    stats.fake_score_after = stats.fake_score;
    numbers = own_numbers(state, stats);
  }
  backward(objective, state.discriminator_optimizer.parameters(), numbers, state.reducer);
  update_weights(state, [&] {
    state.discriminator_optimizer.step(inputs.rates.discriminator);
    const auto& trained = state.discriminator_optimizer.parameters();
    if (options.weight_clip > 0) clip(trained, options.weight_clip);
    if (!stats.updated_generator) adapt_augmentation(state, inputs, stats);
  });
}

/// G's half: the gradient passes through D, none stops in it.
void update_generator(TrainState& state, const StepInputs& inputs, const torch::Tensor& fake,
                      const torch::Tensor& classes, StepStats& stats) {
  const TrainConfig& options = state.options;
  set_requires_grad(state.discriminator, false);
  state.generator_optimizer.zero_grad();
  ForwardOptions to_classes = forward_options(state);
  to_classes.classes = classes;
  const torch::Tensor logits = forward(state.discriminator, fake, Mode::train, to_classes);
  const torch::Tensor loss = generator_loss(options.loss, logits);
  stats.generator_loss = loss.detach();
  stats.fake_score_after = mean_score(options.loss, logits);
  backward(loss, state.generator_optimizer.parameters(), own_numbers(state, stats), state.reducer);
  update_weights(state, [&] {
    state.generator_optimizer.step(inputs.rates.generator);
    if (state.average) update_average(*state.average, state.generator, inputs.rates.average);
    for (std::size_t i = 0; i < state.power_averages.size(); ++i) {
      update_average(state.power_averages[i], state.generator,
                     inputs.rates.power_averages[static_cast<std::int64_t>(i)]);
    }
    adapt_augmentation(state, inputs, stats);
  });
  set_requires_grad(state.discriminator, true);
}

}  // namespace

TrainState make_train_state(const Config& config, torch::Device device, std::int64_t total_steps) {
  Network generator = make_network(plan_generator(config), device);
  Network discriminator = make_network(plan_discriminator(config), device);
  const auto [init, deviation] = std::pair(config.model.init, config.model.init_deviation);
  initialise(generator, config.seed, Purpose::generator_init, deviation, init);
  initialise(discriminator, config.seed, Purpose::discriminator_init, deviation, init);
  freeze_layers(generator, discriminator, config.train.freeze);
  Optimizer generator_optimizer = make_optimizer(generator, config.generator.lr, config.train);
  Optimizer discriminator_optimizer =
      make_optimizer(discriminator, config.discriminator.lr, config.train);
  Augmentation augmentation = augmentation_of(config);
  torch::Tensor& fill = augmentation.border_fill;
  if (fill.defined()) fill = fill.to(device);
  std::optional<AugmentProbability> probability;
  if (augmentation.adaptive) probability = make_augment_probability(device);
  TrainState state{.generator = std::move(generator),
                   .discriminator = std::move(discriminator),
                   .generator_optimizer = std::move(generator_optimizer),
                   .discriminator_optimizer = std::move(discriminator_optimizer),
                   .options = config.train,
                   .total_steps = total_steps,
                   .device = device,
                   .classes = config.model.classes,
                   .seed = config.seed,
                   .augmentation = std::move(augmentation),
                   .augment_probability = std::move(probability)};
  begin_averages(state);
  return state;
}

void begin_averages(TrainState& state) {
  const auto begin = [&state] {
    Network average = copy_to(state.generator, state.device);
    set_requires_grad(average, false);
    return average;
  };
  if (state.options.ema_decay > 0) state.average = begin();
  state.power_averages.clear();
  if (!state.options.posthoc_ema) return;
  for (std::size_t i = 0; i < kPowerAverages.size(); ++i) state.power_averages.push_back(begin());
}

void set_class_counts(TrainState& state, const std::vector<std::int64_t>& counts) {
  const torch::NoGradGuard no_grad;
  Layer& first = state.generator.layers.front();
  first.mode_bias.copy_(mode_bias_for(counts, first.plan.modes));
  begin_averages(state);
}

const Network& best_generator(const TrainState& state) {
  return state.average ? *state.average : state.generator;
}

StepInputs begin_step(TrainState& state, torch::Tensor real, torch::Tensor labels,
                      torch::Tensor latents) {
  const TrainConfig& options = state.options;
  const std::int64_t count = real.size(0);
  const std::int64_t first = state.step * options.batch_size + state.part * count;  // of the run's
  StepInputs inputs{
      .kind = {.images = count,
               .has_r1 = options.r1_gamma > 0 && state.step % options.r1_every == 0,
               .updates_generator = (state.step + 1) % options.discriminator_steps == 0},
      .real = std::move(real),
      .labels = state.classes > 0 ? std::move(labels) : torch::Tensor(),
      .latents = std::move(latents)};
  const double left = lr_factor(LrSchedule::linear, state.step, state.total_steps);
  inputs.draws = draw_augmentations(state.augmentation, state.seed, first, inputs.real.sizes(),
                                    left, state.device);
  if (options.gradient_penalty > 0) {
    inputs.mixture = uniform_rows(state.seed, Purpose::mixture, first, count, 1).add(1).div(2);
  }
  const double factor = lr_factor(options.lr_schedule, state.step, state.total_steps);
  inputs.rates.discriminator = state.discriminator_optimizer.next_rates(factor);
  if (inputs.kind.updates_generator) {
    inputs.rates.generator = state.generator_optimizer.next_rates(factor);
    const std::int64_t update = state.step / options.discriminator_steps;  // from 0
    const double decay = warmed_up_decay(options.ema_decay, update);
    inputs.rates.average = torch::tensor(static_cast<float>(1 - decay));
    if (options.posthoc_ema) {
      std::vector<double> weights;
      for (const PowerAverage& average : kPowerAverages) {
        weights.push_back(power_average_weight(average.width, update + 1));
      }
      inputs.rates.power_averages = torch::tensor(weights, torch::kFloat32);
    }
  }
  if (state.augment_probability) {
    inputs.rates.augmentation = augment_rate(state.step, options.batch_size);
  }
  ++state.step;
  return inputs;
}

StepStats do_step(TrainState& state, const StepInputs& inputs) {
  const Tf32Products tf32(state.options.precision == Precision::tf32);
  StepStats stats;
  stats.updated_generator = inputs.kind.updates_generator;
  const torch::Tensor fake =
      generate(state, inputs.latents, /*with_graph=*/stats.updated_generator);
  stats.fake = fake.detach();
  const auto seen = [&](const torch::Tensor& images, const AugmentDraws& draws) {
    return augment(images, state.augmentation, draws,
                   state.augment_probability ? state.augment_probability->value : torch::Tensor());
  };
  const Pair classes = classes_of_step(state, inputs);
  update_discriminator(state, inputs,
                       {seen(inputs.real, inputs.draws.real), seen(stats.fake, inputs.draws.fake)},
                       classes, stats);
  if (stats.updated_generator) {
    update_generator(state, inputs, seen(fake, inputs.draws.fake_again), classes.fake, stats);
  }
  if (state.augment_probability) {
    stats.augment_probability = state.augment_probability->value.clone();
  }
  return stats;
}

StepStats train_step(TrainState& state, const torch::Tensor& real, const torch::Tensor& labels,
                     const torch::Tensor& latents) {
  return do_step(
      state, convert_each(begin_step(state, real, labels, latents), [&](const torch::Tensor& x) {
        return x.to(state.device, /*non_blocking=*/true);
      }));
}

StepNumbers read(const StepStats& stats) {
  std::vector<torch::Tensor> scalars{stats.discriminator_loss, stats.generator_loss,
                                     stats.real_score, stats.fake_score, stats.fake_score_after};
  for (const torch::Tensor& of_some :
       {stats.r1, stats.gradient_penalty, stats.augment_probability}) {
    if (of_some.defined()) scalars.push_back(of_some);
  }
  const torch::Tensor all = torch::stack(scalars).to(torch::kCPU);  // one copy from the device
  const float* next = all.data_ptr<float>();
  StepNumbers numbers;
  for (double* number : {&numbers.discriminator_loss, &numbers.generator_loss, &numbers.real_score,
                         &numbers.fake_score, &numbers.fake_score_after}) {
    *number = *next++;
  }
  if (stats.r1.defined()) numbers.r1 = *next++;
  if (stats.gradient_penalty.defined()) numbers.gradient_penalty = *next++;
  if (stats.augment_probability.defined()) numbers.augment_probability = *next;
  return numbers;
}

std::vector<std::pair<std::string, NamedTensors>> parts_of(const TrainState& state) {
  std::vector<std::pair<std::string, NamedTensors>> parts{
      {"generator.", named_tensors(state.generator)},
      {"discriminator.", named_tensors(state.discriminator)},
      {"generator_optimizer.", state.generator_optimizer.named_moments()},
      {"discriminator_optimizer.", state.discriminator_optimizer.named_moments()}};
  if (state.average) parts.emplace_back("average.", named_tensors(*state.average));
  for (std::size_t i = 0; i < state.power_averages.size(); ++i) {
    parts.emplace_back(kPowerAverages[i].prefix, named_tensors(state.power_averages[i]));
  }
  if (const auto& probability = state.augment_probability) {
    const NamedTensors tensors{{"probability", probability->value},
                               {"sum_of_signs", probability->sum_of_signs}};
    parts.emplace_back("augmentation.", tensors);
  }
  return parts;
}

TrainState state_of_part(const TrainState& state, std::int64_t part) {
  TrainState copy = state;
  copy.generator = with_own_gradients(state.generator);
  copy.discriminator = with_own_gradients(state.discriminator);
  copy.generator_optimizer = state.generator_optimizer.for_part(copy.generator);
  copy.discriminator_optimizer = state.discriminator_optimizer.for_part(copy.discriminator);
  copy.average.reset();
  copy.power_averages.clear();
  copy.part = part;
  return copy;
}

std::string checksum_of(const TrainState& state) {
  std::uint32_t crc = 0;
  for (const Network* network : {&state.generator, &state.discriminator}) {
    for (const auto& [name, tensor] : named_tensors(*network)) {
      const torch::Tensor plain = tensor.detach().to(torch::kCPU).contiguous();
      crc = crc32_of(plain.data_ptr(), plain.nbytes(), crc);
    }
  }
  return fmt::format("CRC-32 {:08x}", crc);
}

bool all_finite(const TrainState& state) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> sums;
  for (const auto& [part, tensors] : parts_of(state)) {
    // A sum is finite only if every term is; an overflowing sum is as good a reason to stop.
    for (const auto& [name, tensor] : tensors) sums.push_back(tensor.detach().sum());
  }
  return torch::stack(sums).isfinite().all().item<bool>();
}

}  // namespace dcgan
