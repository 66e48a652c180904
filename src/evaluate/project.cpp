#include "evaluate/project.h"

#include <torch/optim/adam.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "model/forward.h"
#include "model/modes.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr double kFeatureWeight = 0.1;
constexpr double kTiny = 1e-12;  ///< where a target's features are all 0
constexpr std::int64_t kPool = 2048;
constexpr std::int64_t kStarts = 8;
constexpr std::int64_t kFirstSteps = 30;
constexpr std::int64_t kFinalSteps = 200;
constexpr std::int64_t kImagesAtATime = 64;

/// The mean of each row's numbers, [N].
torch::Tensor row_means(const torch::Tensor& rows) { return rows.flatten(1).mean(1); }

/// Latents that were drawn, and their images.
struct Pool {
  torch::Tensor latents;  ///< float32 [M, latent_dim], CPU
  torch::Tensor modes;    ///< int64 [M]; all 0 where there are none
  torch::Tensor images;   ///< float32 [M, C, H, W] in [-1, 1], CPU
};

Pool draw_pool(const Sampler& sampler, std::int64_t modes, std::int64_t seed) {
  Pool pool;
  pool.latents = normal_rows(seed, Purpose::projection_starts, 0, kPool, sampler.latent_dim());
  pool.modes = modes > 0 ? sampler.modes_of(pool.latents) : torch::zeros({kPool}, torch::kInt64);
  pool.images = to_unit_range(sampler.generate(pool.latents), torch::kCPU);
  return pool;
}

/// Where each image begins, [N * kStarts, latent_dim]: the nearest of the pool, from different
/// modes as far as there are.
torch::Tensor choose_starts(const Pool& pool, std::int64_t modes, const torch::Tensor& images) {
  const torch::Tensor rows = pool.images.flatten(1);
  // |a - b|^2 without |a|^2, which is the same for all b.
  const torch::Tensor distances = rows.square().sum(1) - 2 * images.flatten(1).mm(rows.t());
  const torch::Tensor order = distances.argsort(std::int64_t{1}, /*descending=*/false);
  const auto ordered = order.accessor<std::int64_t, 2>();
  const auto mode_of = pool.modes.accessor<std::int64_t, 1>();
  const std::int64_t of_each = modes > 0 ? (kStarts + modes - 1) / modes : kStarts;
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    std::map<std::int64_t, std::int64_t> taken;
    std::vector<std::int64_t> others;  // for rare modes, of which the pool may have too few
    const std::size_t enough = chosen.size() + kStarts;
    for (std::int64_t j = 0; j < kPool && chosen.size() < enough; ++j) {
      const std::int64_t row = ordered[i][j];
      if (taken[mode_of[row]]++ < of_each) {
        chosen.push_back(row);
      } else {
        others.push_back(row);
      }
    }
    for (std::size_t j = 0; chosen.size() < enough; ++j) chosen.push_back(others[j]);
  }
  return pool.latents.index_select(0, torch::tensor(chosen, torch::kInt64));
}

/// Of the kStarts latents of each image the one with the least loss.
torch::Tensor keep_nearest(const Generate& generate, const ProjectionTarget& target,
                           const torch::Tensor& latents) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor losses = projection_loss(generate(latents), target).view({-1, kStarts});
  const torch::Tensor first = torch::arange(losses.size(0), latents.device()) * kStarts;
  return latents.index_select(0, losses.argmin(1) + first);
}

}  // namespace

ImageFeatures hidden_features(const Network& discriminator) {
  return [discriminator](const torch::Tensor& images) {
    std::vector<torch::Tensor> features;
    torch::Tensor x = images;
    for (std::size_t i = 0; i + 1 < discriminator.layers.size(); ++i) {
      x = forward_layer(discriminator.layers[i], x, Mode::eval);
      features.push_back(x);
    }
    return features;
  };
}

ImageFeatures classifier_features(const Features& features) {
  return [run = features.run](const torch::Tensor& images) {
    return std::vector<torch::Tensor>{run((images + 1) * 127.5).features};
  };
}

ProjectionTarget make_target(const torch::Tensor& images, const ImageFeatures& features_of) {
  const torch::NoGradGuard no_grad;
  ProjectionTarget target{images, features_of, {}};
  if (features_of) target.features = features_of(images);
  return target;
}

torch::Tensor projection_loss(const torch::Tensor& images, const ProjectionTarget& target) {
  torch::Tensor loss = row_means((images - target.images).square());
  if (!target.features_of) return loss;
  const std::vector<torch::Tensor> features = target.features_of(images);
  const double weight = kFeatureWeight / static_cast<double>(features.size());
  for (std::size_t i = 0; i < features.size(); ++i) {
    const torch::Tensor& wanted = target.features[i];
    loss = loss + weight * row_means((features[i] - wanted).square()) /
                      row_means(wanted.square()).clamp_min(kTiny);
  }
  return loss;
}

torch::Tensor descend(const Generate& generate, const ProjectionTarget& target,
                      const torch::Tensor& latents, std::int64_t modes, std::int64_t steps) {
  constexpr double kRate = 0.2;
  const torch::AutoGradMode grad(true);
  const std::int64_t others = latents.size(1) - modes;
  const torch::Tensor choosing = latents.narrow(1, 0, modes).detach();
  torch::Tensor moving = latents.narrow(1, modes, others).detach().clone().requires_grad_(true);
  torch::optim::Adam adam(std::vector<torch::Tensor>{moving},
                          torch::optim::AdamOptions(kRate).betas(std::make_tuple(0.9, 0.99)));
  const double radius = std::sqrt(static_cast<double>(others)) + 2;
  for (std::int64_t step = 0; step < steps; ++step) {
    const double part = static_cast<double>(step) / static_cast<double>(steps);
    auto& options = dynamic_cast<torch::optim::AdamOptions&>(adam.param_groups().front().options());
    options.lr(kRate * 0.5 * (1 + std::cos(std::numbers::pi * part)));
    // An image's gradient is its own, however many there are: a sum, not a mean.
    const torch::Tensor loss =
        projection_loss(generate(torch::cat({choosing, moving}, 1)), target).sum();
    adam.zero_grad();
    loss.backward();
    adam.step();
    const torch::NoGradGuard no_grad;
    moving.mul_((radius / moving.norm(2, {1}, /*keepdim=*/true)).clamp_max_(1));
  }
  return torch::cat({choosing, moving.detach()}, 1);
}

Projection project(const Sampler& sampler, const torch::Tensor& images,
                   const ImageFeatures& features, std::int64_t seed) {
  const std::int64_t modes = sampler.mode_count();
  const Generate generate = [&](const torch::Tensor& latents) { return sampler.forward(latents); };
  const Pool pool = draw_pool(sampler, modes, seed);
  std::vector<torch::Tensor> found;
  for (const torch::Tensor& part : images.split(kImagesAtATime)) {
    const torch::Tensor wanted = to_unit_range(part, sampler.device());
    const ProjectionTarget pixels = make_target(wanted.repeat_interleave(kStarts, 0), {});
    torch::Tensor latents =
        choose_starts(pool, modes, to_unit_range(part, torch::kCPU)).to(sampler.device());
    latents = descend(generate, pixels, latents, modes, kFirstSteps);
    latents = keep_nearest(generate, pixels, latents);
    latents = descend(generate, make_target(wanted, features), latents, modes, kFinalSteps);
    found.push_back(latents.to(torch::kCPU));
  }
  Projection projection;
  projection.latents = torch::cat(found);
  projection.images = sampler.generate(projection.latents);
  projection.errors = row_means((projection.images.to(torch::kFloat64) - images).square()).sqrt();
  return projection;
}

}  // namespace dcgan
