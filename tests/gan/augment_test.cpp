#include "gan/augment.h"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <map>
#include <string>

#include "gan/loss.h"
#include "gan/train_step.h"
#include "model/forward.h"
#include "runtime/torch.h"
#include "support/small_state.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;

torch::Tensor shifts_of(const std::vector<std::int64_t>& numbers) {
  return torch::tensor(numbers, torch::kInt64).view({-1, 2});
}

torch::Tensor fill_of(float value) { return torch::full({1, 1, 1, 1}, value); }

/// translate(), a pixel at a time.
torch::Tensor reference(const torch::Tensor& images, const torch::Tensor& shifts,
                        const torch::Tensor& fill) {
  const auto mirrored = [](std::int64_t i, std::int64_t size) {
    return i < 0 ? -i : i < size ? i : 2 * (size - 1) - i;
  };
  torch::Tensor shifted = torch::empty_like(images);
  const std::int64_t height = images.size(2);
  const std::int64_t width = images.size(3);
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const std::int64_t row = y - shifts[n][0].item<std::int64_t>();
        const std::int64_t column = x - shifts[n][1].item<std::int64_t>();
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        const auto pixel = torch::indexing::Slice();
        shifted.index_put_({n, pixel, y, x}, inside || !fill.defined()
                                                 ? images.index({n, pixel, mirrored(row, height),
                                                                 mirrored(column, width)})
                                                 : fill.flatten());
      }
    }
  }
  return shifted;
}

TEST(Translate, IsTheReference) {
  const torch::Tensor images = noise({6, 3, 4, 5}, 1);
  const torch::Tensor shifts = shifts_of({0, 0, 2, -1, 0, 2, -2, -2, 1, 0, 3, -3});
  const torch::Tensor background = torch::tensor({0.25F, 0.5F, -1.0F}).view({1, 3, 1, 1});
  for (const torch::Tensor& fill : {background, torch::Tensor()}) {
    EXPECT_TRUE(torch::equal(translate(images, shifts, fill), reference(images, shifts, fill)));
  }
}

TEST(Translate, MirrorsAtTheBorderWithoutAFill) {
  const torch::Tensor image =
      torch::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}).view({1, 1, 2, 3});
  EXPECT_TRUE(torch::equal(translate(image, shifts_of({1, 0}), {}).flatten(),
                           torch::tensor({4.0F, 5.0F, 6.0F, 1.0F, 2.0F, 3.0F})));
}

TEST(Translate, IsDifferentiableTwice) {
  // Without a fill, and with one of zeros, it is linear: <y, shift(x)> = <gradient of it, x>.
  for (const torch::Tensor& fill : {fill_of(0), torch::Tensor()}) {
    const torch::Tensor x = noise({3, 2, 5, 7}, 1).requires_grad_();
    const torch::Tensor y = noise({3, 2, 5, 7}, 2).requires_grad_();
    const torch::Tensor shifts = shifts_of({3, -2, -1, 3, 0, 0});
    const torch::Tensor shifted = translate(x, shifts, fill);
    const torch::Tensor gradient =
        torch::autograd::grad({shifted}, {x}, {y}, true, /*create_graph=*/true)[0];
    EXPECT_NEAR((gradient * x).sum().item<double>(), (y * shifted).sum().item<double>(), 1e-4);
    const torch::Tensor direction = noise({3, 2, 5, 7}, 3);
    const torch::Tensor second = torch::autograd::grad({gradient}, {y}, {direction})[0];
    EXPECT_TRUE(torch::equal(second, translate(direction, shifts, fill)));
  }
}

TEST(BorderFill, IsTheBackgroundThatPadsInTheRangeOfTheImages) {
  Config config;
  config.data.fit = ImageFit::pad;
  config.data.channels = 3;
  config.data.background = {255, 0, 51};
  EXPECT_TRUE(torch::allclose(border_fill(config).flatten(), torch::tensor({1.0F, -1.0F, -0.6F})));
  config.output = OutputRange::sigmoid;
  EXPECT_TRUE(torch::allclose(border_fill(config).flatten(), torch::tensor({1.0F, 0.0F, 0.2F})));
  config.data.channels = 1;
  EXPECT_EQ(border_fill(config).numel(), 1);
}

TEST(BorderFill, IsNoneWhereNothingIsPadded) {
  Config config;
  config.data.fit = ImageFit::crop;
  EXPECT_FALSE(border_fill(config).defined());
}

StepDraws draw(std::int64_t seed, std::int64_t first, std::int64_t count, Augmentation augmentation,
               double noise = 0) {
  augmentation.noise = noise;
  return draw_augmentations(augmentation, seed, first, {count, 2, 6, 7}, /*noise_share=*/1);
}

const Augmentation kAll{.color_jitter = 1, .translation = 2, .cutout = 0.5, .adaptive = true};

TEST(DrawAugmentations, CoverTheirRangesEvenly) {
  const StepDraws all = draw(1, 0, 30000, kAll);
  for (const AugmentDraws& draws : {all.real, all.fake, all.fake_again}) {
    for (const std::int64_t pixels : {-2, 0, 2}) {
      const torch::Tensor share = (draws.shifts == pixels).to(torch::kFloat32).mean(0);
      EXPECT_NEAR(share[0].item<double>(), 1.0 / 3, 0.01) << pixels;
      EXPECT_NEAR(share[1].item<double>(), 1.0 / 3, 0.01) << pixels;
    }
    EXPECT_TRUE(draws.shifts.remainder(2).eq(0).all().item<bool>()) << "an odd shift";
    EXPECT_LE(draws.shifts.abs().max().item<std::int64_t>(), 2);
    // Half of 6 rows is odd: 0 to 5; of 7 columns even: 0 to 7.
    for (const auto& [axis, values] : {std::pair(0, 6), std::pair(1, 8)}) {
      for (std::int64_t centre = 0; centre < values; ++centre) {
        const torch::Tensor found = draws.centres.select(1, axis) == centre;
        EXPECT_NEAR(found.to(torch::kFloat32).mean().item<double>(), 1.0 / values, 0.01);
      }
    }
    EXPECT_NEAR(draws.color.mean().item<double>(), 0, 0.01);
    EXPECT_NEAR(draws.color.square().mean().item<double>(), 1.0 / 3, 0.01);
    EXPECT_NEAR(draws.thresholds.mean().item<double>(), 0.5, 0.01);
    EXPECT_GE(draws.thresholds.min().item<double>(), 0);
  }
}

TEST(DrawAugmentations, AreAFunctionOfTheImagesNumber) {
  const StepDraws all = draw(7, 100, 8, kAll, 0.5);
  const StepDraws later = draw(7, 104, 4, kAll, 0.5);
  const auto tensors_of = [](const AugmentDraws& draws) {
    return std::vector{draws.color, draws.shifts, draws.centres, draws.thresholds, draws.noise};
  };
  for (std::size_t i = 0; i < 5; ++i) {
    const torch::Tensor real = tensors_of(all.real)[i];
    const torch::Tensor again = tensors_of(all.fake_again)[i];
    EXPECT_TRUE(torch::equal(real.narrow(0, 4, 4), tensors_of(later.real)[i])) << i;
    EXPECT_TRUE(torch::equal(again.narrow(0, 4, 4), tensors_of(later.fake_again)[i])) << i;
    EXPECT_FALSE(torch::equal(real, tensors_of(all.fake)[i])) << i;
    EXPECT_FALSE(torch::equal(real, tensors_of(draw(8, 100, 8, kAll, 0.5).real)[i])) << i;
  }
}

TEST(DrawAugmentations, LeaveTheNumbersOfOthersAlone) {
  const StepDraws all = draw(7, 100, 8, kAll, 0.5);
  EXPECT_TRUE(torch::equal(draw(7, 100, 8, {.translation = 2}).fake.shifts, all.fake.shifts));
  EXPECT_TRUE(torch::equal(draw(7, 100, 8, {.cutout = 0.5}).fake.centres, all.fake.centres));
  EXPECT_TRUE(torch::equal(draw(7, 100, 8, {}, 0.5).fake.noise, all.fake.noise));
  const StepDraws none = draw(7, 100, 8, {});
  EXPECT_FALSE(none.real.color.defined() || none.real.shifts.defined() ||
               none.real.centres.defined() || none.real.thresholds.defined() ||
               none.real.noise.defined());
}

TEST(DrawAugmentations, NoiseHasItsDeviation) {
  const torch::Tensor noise = draw(1, 0, 1000, {}, 0.25).real.noise;
  EXPECT_NEAR(noise.std().item<double>(), 0.25, 0.005);
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.005);
}

class AugmentReference : public ::testing::Test {
 protected:
  AugmentReference() {
    const torch::jit::Module module =
        torch::jit::load(DCGAN_SOURCE_DIR "/tests/fixtures/augmentation.pt");
    for (const auto& buffer : module.named_buffers()) at_[buffer.name] = buffer.value;
  }
  /// `scale`: of the range of the images; 1 of [-1, 1], 0.5 of [0, 1].
  void expect_equal(const std::string& name, const Augmentation& augmentation, bool color,
                    bool centres, double scale = 1) {
    const auto to_range = [&](const torch::Tensor& x) { return scale * x + (1 - scale); };
    const torch::Tensor images = to_range(at_.at("images")).requires_grad_();
    AugmentDraws draws;
    if (color) draws.color = at_.at("color");
    if (centres) draws.centres = at_.at("centres");
    const torch::Tensor changed = augment(images, augmentation, draws, {});
    EXPECT_TRUE(torch::allclose(changed, to_range(at_.at(name)), 1e-5, 1e-6)) << name;
    const torch::Tensor gradient =
        torch::autograd::grad({changed}, {images}, {at_.at("weights")})[0];
    EXPECT_TRUE(torch::allclose(gradient, at_.at(name + "_gradient"), 1e-5, 1e-6)) << name;
  }
  std::map<std::string, torch::Tensor> at_;
};

TEST_F(AugmentReference, ColorJitterIsDiffAugments) {
  expect_equal("jittered", {.color_jitter = 1}, true, false);
}

TEST_F(AugmentReference, CutoutIsDiffAugments) {
  expect_equal("cut", {.cutout = 0.5}, false, true);
}

TEST_F(AugmentReference, BothInTurn) {
  expect_equal("both", {.color_jitter = 1, .cutout = 0.5}, true, true);
}

TEST_F(AugmentReference, TheSameInTheRangeOfASigmoid) {
  expect_equal("both", {.color_jitter = 1, .cutout = 0.5, .half_range = 0.5}, true, true, 0.5);
}

TEST(Augment, LeavesAnImageAloneBelowItsThreshold) {
  const torch::Tensor images = noise({4, 2, 6, 7}, 1);
  AugmentDraws draws = draw(3, 0, 4, kAll).real;
  Augmentation always = kAll;
  always.border_fill = torch::zeros({1, 2, 1, 1});
  draws.thresholds.fill_(0.5);
  const auto with = [&](float probability) {
    return augment(images, always, draws, torch::tensor(probability));
  };
  EXPECT_TRUE(torch::allclose(with(0.5F), images, 0, 1e-6));
  draws.thresholds[1].fill_(0.1);
  const torch::Tensor some = with(0.5F);
  EXPECT_TRUE(torch::allclose(some[0], images[0], 0, 1e-6));
  draws.thresholds = torch::Tensor();
  const torch::Tensor changed = augment(images, always, draws, {});
  EXPECT_FALSE(torch::allclose(changed[0], images[0]));
  EXPECT_TRUE(torch::allclose(some[1], changed[1], 0, 1e-6));
}

TEST(Augment, IsDifferentiableTwice) {
  AugmentDraws draws = draw(3, 0, 2, kAll, 0.1).real;
  Augmentation all = kAll;
  all.border_fill = torch::zeros({1, 2, 1, 1});
  const torch::Tensor probability = torch::tensor(0.7F);
  const torch::Tensor x = noise({2, 2, 6, 7}, 1).requires_grad_();
  const torch::Tensor y = noise({2, 2, 6, 7}, 2).requires_grad_();
  const auto change = [&](const torch::Tensor& images) {
    return augment(images, all, draws, probability);
  };
  const torch::Tensor gradient =
      torch::autograd::grad({change(x)}, {x}, {y}, true, /*create_graph=*/true)[0];
  const torch::Tensor direction = noise({2, 2, 6, 7}, 3);
  const torch::Tensor second = torch::autograd::grad({gradient}, {y}, {direction})[0];
  // It is affine in the images.
  EXPECT_TRUE(
      torch::allclose(second, change(direction) - change(torch::zeros_like(x)), 1e-4, 1e-5));
}

Config augmented_config(OutputRange output) {
  Config config = testing::small_config();
  config.train.translation = 2;
  config.train.color_jitter = 0.5;
  config.train.cutout = 0.4;
  config.train.instance_noise = 0.2;
  config.output = output;
  config.data.fit = ImageFit::pad;
  config.data.background = {0, 0, 0};
  return config;
}

/// As augment() does with what step `step` of a run of `total` steps draws.
struct DrawnStep {
  Augmentation augmentation;
  StepDraws draws;

  DrawnStep(const Config& config, std::int64_t step, std::int64_t total)
      : augmentation(augmentation_of(config)) {
    Augmentation of_step = augmentation;
    of_step.noise = config.train.instance_noise * augmentation.half_range *
                    (1 - static_cast<double>(step) / static_cast<double>(total));
    draws = draw_augmentations(of_step, config.seed, step * 4, {4, 1, 8, 8}, /*noise_share=*/1);
  }
  torch::Tensor change(const torch::Tensor& images, const AugmentDraws& by) const {
    return augment(images, augmentation, by, {});
  }
};

class AugmentedStep : public ::testing::TestWithParam<OutputRange> {};

TEST_P(AugmentedStep, IsTheStepOnChangedImages) {
  const Config config = augmented_config(GetParam());
  const torch::Tensor real = noise({4, 1, 8, 8}, 1);
  const torch::Tensor latents = noise({4, 3}, 2);
  TrainState state = make_train_state(config, torch::kCPU, /*total_steps=*/5);
  for (int step = 0; step < 2; ++step) {
    const TrainState before = make_train_state(config, torch::kCPU);
    {
      const torch::NoGradGuard no_grad;
      for (const auto& [to, from] : {std::pair(&before.generator, &state.generator),
                                     std::pair(&before.discriminator, &state.discriminator)}) {
        const NamedTensors source = named_tensors(*from);
        NamedTensors target = named_tensors(*to);
        for (std::size_t i = 0; i < source.size(); ++i) target[i].second.copy_(source[i].second);
      }
    }
    const StepNumbers numbers = read(train_step(state, real, {}, latents));
    const DrawnStep drawn(config, step, 5);
    const torch::Tensor fake = forward(before.generator, latents, Mode::train);
    const auto judge = [&](const Network& d, const torch::Tensor& images, const auto& by) {
      return forward(d, drawn.change(images, by), Mode::train);
    };
    const torch::Tensor d_loss = discriminator_loss(
        LossKind::non_saturating, judge(before.discriminator, real, drawn.draws.real),
        judge(before.discriminator, fake, drawn.draws.fake));
    EXPECT_NEAR(numbers.discriminator_loss, d_loss.item<double>(), 1e-5) << step;
    const torch::Tensor g_loss =
        generator_loss(config.train.loss, judge(state.discriminator, fake, drawn.draws.fake_again));
    EXPECT_NEAR(numbers.generator_loss, g_loss.item<double>(), 1e-5) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Outputs, AugmentedStep,
                         ::testing::Values(OutputRange::tanh, OutputRange::sigmoid));

TEST(AugmentedStep, TakesR1AtTheChangedImages) {
  Config config = augmented_config(OutputRange::tanh);
  config.train.r1_gamma = 1;
  config.train.r1_every = 1;
  const torch::Tensor real = noise({4, 1, 8, 8}, 1);
  TrainState state = make_train_state(config, torch::kCPU, /*total_steps=*/5);
  const TrainState same = make_train_state(config, torch::kCPU);
  const StepNumbers numbers = read(train_step(state, real, {}, noise({4, 3}, 2)));
  const DrawnStep drawn(config, 0, 5);
  const torch::Tensor x = drawn.change(real, drawn.draws.real).requires_grad_();
  const torch::Tensor penalty =
      squared_gradient_norm(forward(same.discriminator, x, Mode::train), x);
  ASSERT_TRUE(numbers.r1.has_value());
  EXPECT_NEAR(*numbers.r1, penalty.item<double>(), 1e-5 * penalty.item<double>());
}

}  // namespace
}  // namespace dcgan
