#include "evaluate/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/small_state.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;

torch::Tensor rows_of(const nlohmann::json& rows) {
  std::vector<float> numbers;
  for (const auto& row : rows) {
    for (const auto& number : row) numbers.push_back(number.get<float>());
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  return torch::tensor(numbers).view({count, -1});
}

TEST(LinearClassifier, IsThatOfScikitLearn) {
  std::ifstream file(DCGAN_SOURCE_DIR "/tests/fixtures/linear_probe.json");
  const nlohmann::json expected = nlohmann::json::parse(file);
  const torch::Tensor features = rows_of(expected["features"]);
  const torch::Tensor labels =
      torch::tensor(expected["labels"].get<std::vector<std::int64_t>>(), torch::kInt64);
  const LinearClassifier fitted = fit_linear(features, labels, 3, expected["l2"].get<double>());
  // float32 losses tell weights no nearer apart.
  EXPECT_TRUE(torch::allclose(fitted.weight, rows_of(expected["weight"]), 0, 5e-4));
  EXPECT_TRUE(torch::allclose(fitted.bias,
                              torch::tensor(expected["bias"].get<std::vector<float>>()), 0, 5e-4));
  EXPECT_NEAR(accuracy_of(fitted, features, labels), expected["accuracy"].get<double>(), 1e-9);
}

TEST(DiscriminatorFeatures, AreThoseOfAllHiddenLayersOnAGridOfFour) {
  Config config = testing::small_config();  // 8 x 8: a layer of 4 x 4, one of 2 x 2, the logit's
  const TrainState state = testing::small_trained_state(config);
  const auto& layers = state.discriminator.layers;
  std::int64_t expected = 0;
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) {
    const ImageShape& out = layers[i].plan.output;
    expected += out[0] * std::min<std::int64_t>(out[1], 4) * std::min<std::int64_t>(out[2], 4);
  }
  const torch::Tensor images = torch::randint(256, {300, 1, 8, 8}, torch::kByte);
  const torch::Tensor features = discriminator_features(state.discriminator, images);
  EXPECT_EQ(features.sizes(), (std::vector<std::int64_t>{300, expected}));
  // An image's features do not depend on its batch-mates.
  EXPECT_TRUE(
      torch::allclose(discriminator_features(state.discriminator, images.slice(0, 260, 261))[0],
                      features[260], 1e-5, 1e-6));
}

/// Bars, horizontal or vertical, somewhere: two classes that pixels alone do not part.
LabelledImages bars(std::int64_t count, std::uint64_t seed) {
  torch::manual_seed(seed);
  LabelledImages set{torch::randint(60, {count, 1, 8, 8}, torch::kByte),
                     torch::arange(count).remainder(2)};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto place = torch::randint(8, {1}).item<std::int64_t>();
    set.images[i][0].select(i % 2, place).fill_(255);
  }
  return set;
}

TEST(Probe, ComparesFeaturesWithPixels) {
  const Config config = testing::small_config();
  const TrainState state = testing::small_trained_state(config);
  const auto results =
      probe(state.discriminator, config, bars(400, 1), bars(200, 2), {.labels = 50, .seed = 3});
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[2].size, 64);
  for (const ProbeResult& result : results) {
    EXPECT_GT(result.accuracy, 0.5) << result.features;
    EXPECT_GT(result.error, 0);
  }
  const auto again =
      probe(state.discriminator, config, bars(400, 1), bars(200, 2), {.labels = 50, .seed = 3});
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].accuracy, again[i].accuracy);
  }
}

TEST(Probe, RefusesMoreLabelsThanThereAre) {
  const Config config = testing::small_config();
  const TrainState state = testing::small_trained_state(config);
  EXPECT_THAT(testing::caught([&] {
                probe(state.discriminator, config, bars(40, 1), bars(20, 2), {.labels = 21});
              }),
              testing::IsError(ErrorKind::failure, "", HasSubstr("class 0 has 20 images"),
                               HasSubstr("--labels")));
}

}  // namespace
}  // namespace dcgan
