#include "model/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dcgan {
namespace {

using ::testing::ElementsAre;

Config config_of_size(std::int64_t height, std::int64_t width, std::int64_t channels = 1) {
  Config config;
  config.data.image_size = {height, width};
  config.data.channels = channels;
  return config;
}

std::vector<ImageShape> outputs(const NetworkPlan& plan) {
  std::vector<ImageShape> shapes;
  for (const LayerPlan& layer : plan.layers) shapes.push_back(layer.output);
  return shapes;
}

TEST(Plan, IsThePapersAtTheSizeOfMnist) {
  const Config config = config_of_size(28, 28);
  EXPECT_THAT(outputs(plan_generator(config)),
              ElementsAre(ImageShape{256, 4, 4}, ImageShape{128, 7, 7}, ImageShape{64, 14, 14},
                          ImageShape{1, 28, 28}));
  EXPECT_THAT(outputs(plan_discriminator(config)),
              ElementsAre(ImageShape{64, 14, 14}, ImageShape{128, 7, 7}, ImageShape{256, 4, 4},
                          ImageShape{1, 1, 1}));
}

std::int64_t total(const NetworkPlan& plan, std::int64_t (*count)(const LayerPlan&)) {
  std::int64_t sum = 0;
  for (const LayerPlan& layer : plan.layers) sum += count(layer);
  return sum;
}

TEST(Plan, CountsParametersAndOperations) {
  const Config config = config_of_size(28, 28);
  // 100*256*16 + 256*128*9 + 128*64*16 + 64*16, and 2*(256+128+64) of BatchNorm.
  EXPECT_EQ(total(plan_generator(config), parameter_count), 409600 + 294912 + 131072 + 1024 + 896);
  // 2 * (25600*16 + 294912*16 + 131072*49 + 1024*196)
  EXPECT_EQ(total(plan_generator(config), forward_flops),
            2 * (409600LL + 294912LL * 16 + 131072LL * 49 + 1024LL * 196));
}

TEST(Plan, PutsAHiddenDenseLayerNextToTheLatentAndTheLogit) {
  Config config = config_of_size(28, 28);
  config.model.hidden_units = 1024;
  EXPECT_THAT(outputs(plan_generator(config)),
              ElementsAre(ImageShape{1024, 1, 1}, ImageShape{256, 4, 4}, ImageShape{128, 7, 7},
                          ImageShape{64, 14, 14}, ImageShape{1, 28, 28}));
  EXPECT_THAT(outputs(plan_discriminator(config)),
              ElementsAre(ImageShape{64, 14, 14}, ImageShape{128, 7, 7}, ImageShape{256, 4, 4},
                          ImageShape{1024, 1, 1}, ImageShape{1, 1, 1}));
  EXPECT_EQ(parameter_count(plan_discriminator(config).layers[3]), 1024 * 256 * 16 + 2 * 1024);
}

TEST(Plan, HasNoBatchNormAtTheGeneratorsOutputAndTheDiscriminatorsInput) {
  const Config config = config_of_size(64, 64, 3);
  const auto has_norm = [](const NetworkPlan& plan) {
    std::vector<bool> flags;
    for (const LayerPlan& layer : plan.layers) flags.push_back(layer.norm == Norm::batch);
    return flags;
  };
  EXPECT_THAT(has_norm(plan_generator(config)), ElementsAre(true, true, true, true, false));
  EXPECT_THAT(has_norm(plan_discriminator(config)), ElementsAre(false, true, true, true, false));
}

TEST(Plan, GivesABiasOnlyWhereThereIsNoBatchNormInTheNetwork) {
  Config config = config_of_size(28, 28);
  config.generator.norm = Norm::none;
  for (const LayerPlan& layer : plan_generator(config).layers) {
    EXPECT_TRUE(layer.bias);
    EXPECT_EQ(layer.norm, Norm::none);
  }
  for (const LayerPlan& layer : plan_discriminator(config).layers) EXPECT_FALSE(layer.bias);
}

std::vector<Norm> norms(const NetworkPlan& plan) {
  std::vector<Norm> all;
  for (const LayerPlan& layer : plan.layers) all.push_back(layer.norm);
  return all;
}

TEST(Plan, UnderBatchAllHasBatchNormEverywhereButAtTheLogit) {
  Config config = config_of_size(28, 28);
  config.generator.norm = config.discriminator.norm = Norm::batch_all;
  const auto [none, batch] = std::pair(Norm::none, Norm::batch);
  EXPECT_THAT(norms(plan_generator(config)), ElementsAre(batch, batch, batch, batch));
  EXPECT_THAT(norms(plan_discriminator(config)), ElementsAre(batch, batch, batch, none));
  EXPECT_FALSE(plan_discriminator(config).layers.front().bias);
}

TEST(Plan, NormalisesEveryWeightSpectrallyBesideItsBias) {
  Config config = config_of_size(28, 28);
  config.generator.norm = config.discriminator.norm = Norm::spectral;
  for (const NetworkPlan& plan : {plan_generator(config), plan_discriminator(config)}) {
    for (const LayerPlan& layer : plan.layers) {
      EXPECT_EQ(layer.norm, Norm::spectral) << plan.name << layer.name;
      EXPECT_TRUE(layer.bias) << plan.name << layer.name;
    }
  }
}

TEST(Plan, PoolsAndEnlargesInPlaceOfStrides) {
  Config config = config_of_size(21, 13);
  config.discriminator.extra_layers = 1;
  const auto strided = outputs(plan_discriminator(config));
  const auto transposed = outputs(plan_generator(config));
  config.model.downsampling = Downsampling::avg_pool;
  config.model.upsampling = Upsampling::bilinear;
  const NetworkPlan discriminator = plan_discriminator(config);
  EXPECT_EQ(outputs(discriminator), strided);
  EXPECT_EQ(outputs(plan_generator(config)), transposed);
  EXPECT_EQ(describe(discriminator.layers[2]),
            "convolution 3x3, BatchNorm, leaky_relu(0.2), average pooling");
  EXPECT_EQ(describe(plan_generator(config).layers[1]),
            "bilinear, convolution 3x3, BatchNorm, relu");
  // As many products as pixels before pooling and behind enlargement.
  EXPECT_EQ(forward_flops(discriminator.layers[0]), 2 * 64 * 9 * 21 * 13);
  EXPECT_EQ(forward_flops(plan_generator(config).layers.back()), 2 * 64 * 9 * 21 * 13);
}

TEST(Plan, ChannelsStopAtTheMaximum) {
  Config config = config_of_size(128, 128);
  config.model.base_channels = 64;
  config.model.max_channels = 200;
  EXPECT_THAT(outputs(plan_discriminator(config)),
              ElementsAre(ImageShape{64, 64, 64}, ImageShape{128, 32, 32}, ImageShape{200, 16, 16},
                          ImageShape{200, 8, 8}, ImageShape{200, 4, 4}, ImageShape{1, 1, 1}));
}

TEST(Plan, HasExtraLayersAtTheSizesNextTheImages) {
  Config config = config_of_size(28, 28);
  config.discriminator.extra_layers = 2;
  config.generator.extra_layers = 1;
  const NetworkPlan discriminator = plan_discriminator(config);
  EXPECT_THAT(outputs(discriminator),
              ElementsAre(ImageShape{64, 14, 14}, ImageShape{64, 14, 14}, ImageShape{128, 7, 7},
                          ImageShape{128, 7, 7}, ImageShape{256, 4, 4}, ImageShape{1, 1, 1}));
  EXPECT_EQ(discriminator.layers[1].kernel, (Extent{3, 3}));
  EXPECT_EQ(discriminator.layers[1].stride, (Extent{1, 1}));
  EXPECT_EQ(discriminator.layers[1].norm, Norm::batch);
  EXPECT_THAT(outputs(plan_generator(config)),
              ElementsAre(ImageShape{256, 4, 4}, ImageShape{128, 7, 7}, ImageShape{64, 14, 14},
                          ImageShape{64, 14, 14}, ImageShape{1, 28, 28}));
}

TEST(Plan, HasNoMoreExtraLayersThanSizes) {
  Config config = config_of_size(8, 8);
  config.discriminator.extra_layers = 8;
  EXPECT_THAT(outputs(plan_discriminator(config)),
              ElementsAre(ImageShape{64, 4, 4}, ImageShape{64, 4, 4}, ImageShape{128, 2, 2},
                          ImageShape{128, 2, 2}, ImageShape{1, 1, 1}));
}

class PlanOfSize : public ::testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

TEST_P(PlanOfSize, EndsInTheImageAndInOneLogit) {
  const auto [height, width] = GetParam();
  const Config config = config_of_size(height, width, 3);
  const NetworkPlan generator = plan_generator(config);
  const NetworkPlan discriminator = plan_discriminator(config);
  EXPECT_EQ(generator.layers.back().output, (ImageShape{3, height, width}));
  EXPECT_EQ(discriminator.layers.back().output, (ImageShape{1, 1, 1}));
  EXPECT_GE(generator.layers.size(), 3U);
  EXPECT_GE(discriminator.layers.size(), 3U);
}

TEST_P(PlanOfSize, ArithmeticOfEveryLayerHolds) {
  const auto [height, width] = GetParam();
  const Config config = config_of_size(height, width);
  for (const LayerPlan& layer : plan_discriminator(config).layers) {
    for (std::size_t d = 0; d < 2; ++d) {
      EXPECT_EQ((layer.input[d + 1] + 2 * layer.padding[d] - layer.kernel[d]) / layer.stride[d] + 1,
                layer.output[d + 1]);
    }
  }
  for (const LayerPlan& layer : plan_generator(config).layers) {
    for (std::size_t d = 0; d < 2; ++d) {
      EXPECT_EQ((layer.input[d + 1] - 1) * layer.stride[d] - 2 * layer.padding[d] + layer.kernel[d],
                layer.output[d + 1]);
    }
  }
}

TEST_P(PlanOfSize, GeneratorMirrorsTheDiscriminator) {
  const auto [height, width] = GetParam();
  const Config config = config_of_size(height, width);
  const NetworkPlan generator = plan_generator(config);
  const NetworkPlan discriminator = plan_discriminator(config);
  ASSERT_EQ(generator.layers.size(), discriminator.layers.size());
  const std::size_t count = generator.layers.size();
  for (std::size_t i = 0; i < count; ++i) {
    const LayerPlan& up = generator.layers[i];
    const LayerPlan& down = discriminator.layers[count - 1 - i];
    EXPECT_EQ(up.kernel, down.kernel);
    EXPECT_EQ(up.output, down.input);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, PlanOfSize,
                         ::testing::Values(std::pair{8, 8}, std::pair{9, 8}, std::pair{28, 28},
                                           std::pair{32, 32}, std::pair{31, 17}, std::pair{8, 100},
                                           std::pair{64, 64}, std::pair{97, 33},
                                           std::pair{128, 96}));

TEST(Plan, DenseNetworksMirrorEachOther) {
  Config config = config_of_size(28, 28);
  config.model.kind = ModelKind::dense;
  config.model.dense_widths = {256, 512};
  EXPECT_THAT(outputs(plan_generator(config)),
              ElementsAre(ImageShape{256, 1, 1}, ImageShape{512, 1, 1}, ImageShape{1, 28, 28}));
  EXPECT_THAT(outputs(plan_discriminator(config)),
              ElementsAre(ImageShape{512, 1, 1}, ImageShape{256, 1, 1}, ImageShape{1, 1, 1}));
  EXPECT_EQ(total(plan_generator(config), parameter_count),
            100 * 256 + 256 * 512 + 512 * 784 + 2 * (256 + 512));
}

TEST(Plan, TableShowsEveryLayerAndTheSum) {
  EXPECT_EQ(describe(plan_discriminator(config_of_size(28, 28))),
            "discriminator                                   output        parameters  MFLOP\n"
            "input                                           1 x 28 x 28\n"
            "convolution 4x4 /2, leaky_relu(0.2)             64 x 14 x 14       1,024   0.40\n"
            "convolution 4x4 /2, BatchNorm, leaky_relu(0.2)  128 x 7 x 7      131,328  12.85\n"
            "convolution 3x3 /2, BatchNorm, leaky_relu(0.2)  256 x 4 x 4      295,424   9.44\n"
            "convolution 4x4                                 1 x 1 x 1          4,096   0.01\n"
            "total                                                            431,872  22.69\n");
}

}  // namespace
}  // namespace dcgan
