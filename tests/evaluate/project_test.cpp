#include "evaluate/project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/generator_file.h"
#include "model/forward.h"
#include "support/reference_case.h"
#include "support/small_state.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

/// tests/fixtures/make_projection.py.
class ProjectionReference : public ::testing::Test {
 protected:
  ProjectionReference()
      : gan_(testing::load_reference("dcgan_26x11x1_modes")),
        state_(testing::make_reference_state(gan_)) {
    const torch::jit::Module module =
        torch::jit::load(DCGAN_SOURCE_DIR "/tests/fixtures/projection.pt");
    for (const auto& buffer : module.named_buffers()) expected_[buffer.name] = buffer.value;
    set_requires_grad(state_.generator, false);
    set_requires_grad(state_.discriminator, false);
    target_ = make_target(expected_["target"], hidden_features(state_.discriminator));
  }
  torch::Tensor generate(const torch::Tensor& latents) const {
    return forward(state_.generator, latents, Mode::eval);
  }
  void expect_close(const torch::Tensor& ours, const std::string& name, double tolerance) {
    const torch::Tensor& theirs = expected_.at(name);
    EXPECT_LE((ours - theirs).abs().max().item<double>(),
              tolerance * theirs.abs().max().item<double>())
        << name;
  }

  testing::ReferenceCase gan_;
  std::map<std::string, torch::Tensor> expected_;
  TrainState state_;
  ProjectionTarget target_;
};

TEST_F(ProjectionReference, LossAndGradientArePyTorchs) {
  const torch::Tensor latents = expected_["start"].clone().requires_grad_(true);
  const torch::Tensor loss = projection_loss(generate(latents), target_);
  loss.sum().backward();
  expect_close(loss.detach(), "loss", 1e-5);
  expect_close(latents.grad(), "gradient", 2e-5);
  EXPECT_EQ(latents.grad().narrow(1, 0, 3).count_nonzero().item<std::int64_t>(), 0);
}

TEST_F(ProjectionReference, TenStepsOfAdamEndWherePyTorchs) {
  const auto run = [this](const torch::Tensor& latents) { return generate(latents); };
  const torch::Tensor end = descend(run, target_, expected_["start"], /*modes=*/3, /*steps=*/10);
  expect_close(end, "end", 1e-4);
  EXPECT_FALSE(end.requires_grad());
}

class Project : public ::testing::Test {
 protected:
  /// A generator of images that vary; `config` is of 8 x 8.
  Sampler sampler(const Config& config) {
    TrainState state = testing::small_trained_state(config);
    const torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : named_parameters(state.generator)) {
      if (name.ends_with(".weight") && tensor.dim() == 4) tensor.mul_(20);
    }
    save_generator(folder_ / "g.pt", state.generator, config, /*step=*/1);
    return Sampler::open(folder_ / "g.pt");
  }

  testing::TempFolder folder_;
};

TEST_F(Project, FindsWhatTheGeneratorMadeAndNothingNearToNoise) {
  const Sampler generator = sampler(testing::small_config());
  const torch::Tensor latents = generator.draw_latents(7, 0, 4);
  const torch::Tensor made = generator.generate(latents);
  ASSERT_GT(made.to(torch::kFloat64).std().item<double>(), 10);
  const Projection found = project(generator, made, {}, /*seed=*/1);
  EXPECT_LT(found.errors.max().item<double>(), 3);
  EXPECT_TRUE(torch::equal(found.images, generator.generate(found.latents)));
  const torch::Tensor noise = torch::randint(256, {4, 1, 8, 8}, torch::kByte);
  EXPECT_GT(project(generator, noise, {}, 1).errors.min().item<double>(), 30);
}

TEST_F(Project, DependsOnTheSeedAlone) {
  const Sampler generator = sampler(testing::small_config());
  const torch::Tensor images = generator.generate(generator.draw_latents(7, 0, 3));
  const Projection once = project(generator, images, {}, 1);
  EXPECT_TRUE(torch::equal(project(generator, images, {}, 1).latents, once.latents));
  EXPECT_FALSE(torch::equal(project(generator, images, {}, 2).latents, once.latents));
}

TEST_F(Project, FindsTheMode) {
  Config config = testing::small_config();
  config.model.latent_dim = 8;
  config.model.latent_modes = 4;
  const Sampler generator = sampler(config);
  const torch::Tensor latents = generator.draw_latents(7, 0, 6);
  const Projection found = project(generator, generator.generate(latents), {}, 1);
  EXPECT_TRUE(torch::equal(generator.modes_of(found.latents), generator.modes_of(latents)));
}

}  // namespace
}  // namespace dcgan
