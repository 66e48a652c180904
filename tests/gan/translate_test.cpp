#include "gan/translate.h"

#include <gtest/gtest.h>

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

TEST(DrawTranslations, CoverTheirRangeEvenly) {
  const Translations all = draw_translations(1, 0, 30000, 2);
  for (const torch::Tensor& shifts : {all.real, all.fake, all.fake_again}) {
    for (std::int64_t pixels = -2; pixels <= 2; ++pixels) {
      const torch::Tensor share = (shifts == pixels).to(torch::kFloat32).mean(0);
      EXPECT_NEAR(share[0].item<double>(), 0.2, 0.01) << pixels;
      EXPECT_NEAR(share[1].item<double>(), 0.2, 0.01) << pixels;
    }
    EXPECT_LE(shifts.abs().max().item<std::int64_t>(), 2);
  }
}

TEST(DrawTranslations, AreAFunctionOfTheImagesNumber) {
  const Translations all = draw_translations(7, 100, 8, 3);
  const Translations later = draw_translations(7, 104, 4, 3);
  EXPECT_TRUE(torch::equal(all.real.narrow(0, 4, 4), later.real));
  EXPECT_TRUE(torch::equal(all.fake_again.narrow(0, 4, 4), later.fake_again));
  EXPECT_FALSE(torch::equal(all.real, all.fake));
  EXPECT_FALSE(torch::equal(all.real, draw_translations(8, 100, 8, 3).real));
}

Config translated_config(OutputRange output) {
  Config config = testing::small_config();
  config.train.translation = 2;
  config.output = output;
  config.data.fit = ImageFit::pad;
  config.data.background = {0, 0, 0};
  return config;
}

class TranslatedStep : public ::testing::TestWithParam<OutputRange> {};

TEST_P(TranslatedStep, IsTheStepOnShiftedImages) {
  const Config config = translated_config(GetParam());
  const torch::Tensor black = fill_of(GetParam() == OutputRange::sigmoid ? 0 : -1);
  const torch::Tensor real = noise({4, 1, 8, 8}, 1);
  const torch::Tensor latents = noise({4, 3}, 2);
  TrainState state = make_train_state(config, torch::kCPU);
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
    const Translations shifts = draw_translations(config.seed, step * 4, 4, 2);
    const torch::Tensor fake = forward(before.generator, latents, Mode::train);
    const auto judge = [&](const Network& d, const torch::Tensor& images, const auto& by) {
      return forward(d, translate(images, by, black), Mode::train);
    };
    const torch::Tensor d_loss =
        discriminator_loss(LossKind::non_saturating, judge(before.discriminator, real, shifts.real),
                           judge(before.discriminator, fake, shifts.fake));
    EXPECT_NEAR(numbers.discriminator_loss, d_loss.item<double>(), 1e-5) << step;
    const torch::Tensor g_loss =
        generator_loss(config.train.loss, judge(state.discriminator, fake, shifts.fake_again));
    EXPECT_NEAR(numbers.generator_loss, g_loss.item<double>(), 1e-5) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Outputs, TranslatedStep,
                         ::testing::Values(OutputRange::tanh, OutputRange::sigmoid));

TEST(TranslatedStep, TakesR1AtTheShiftedImages) {
  Config config = translated_config(OutputRange::tanh);
  config.train.r1_gamma = 1;
  config.train.r1_every = 1;
  const torch::Tensor real = noise({4, 1, 8, 8}, 1);
  TrainState state = make_train_state(config, torch::kCPU);
  const TrainState same = make_train_state(config, torch::kCPU);
  const StepNumbers numbers = read(train_step(state, real, {}, noise({4, 3}, 2)));
  const Translations shifts = draw_translations(config.seed, 0, 4, 2);
  const torch::Tensor x = translate(real, shifts.real, fill_of(-1)).requires_grad_();
  const torch::Tensor penalty =
      squared_gradient_norm(forward(same.discriminator, x, Mode::train), x);
  ASSERT_TRUE(numbers.r1.has_value());
  EXPECT_NEAR(*numbers.r1, penalty.item<double>(), 1e-5 * penalty.item<double>());
}

}  // namespace
}  // namespace dcgan
