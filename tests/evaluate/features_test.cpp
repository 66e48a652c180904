#include "evaluate/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <map>

#include "base/file.h"
#include "data/dataset.h"
#include "evaluate/distances.h"
#include "generate/generator_file.h"
#include "runtime/random.h"
#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/fashion_mnist.h"
#include "support/run_program.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "support/tensors.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::ProgramResult;
using testing::relative_distance;
using testing::run_program;
using testing::TempFolder;

const std::filesystem::path kShippedFolder =
    std::filesystem::path(DCGAN_SOURCE_DIR) / "data" / "features";

Dataset test_set(const std::string& folder, std::int64_t limit = 0) {
  DataConfig data;
  data.path = folder;
  data.split = DataSplit::test;
  data.limit = limit;
  return load_dataset(data);
}

std::string mnist_folder() { return std::string(DCGAN_SOURCE_DIR) + "/data/mnist"; }

Features shipped_mnist() { return *Features::shipped("mnist", torch::kCPU); }

/// Per cent of the set's images that the logits tell right.
double accuracy(const Features& features, const Dataset& set) {
  const torch::Tensor told = features.compute(set.images).logits.argmax(1);
  return 100.0 * told.eq(set.labels).to(torch::kFloat64).mean().item<double>();
}

// The shipped networks ----------------------------------------------------------------------------

TEST(ShippedFeatures, TellTheDigitsOfTheTestSet) {
  EXPECT_GE(accuracy(shipped_mnist(), test_set(mnist_folder())), 99.4);
}

TEST(ShippedFeatures, TellTheClothesOfTheTestSet) {
  const std::string folder = testing::fashion_mnist_folder();
  if (folder.empty()) GTEST_SKIP() << "no Fashion-MNIST: set DCGAN_FASHION_MNIST";
  const auto features = Features::shipped("fashion-mnist", torch::kCPU);
  ASSERT_TRUE(features);
  EXPECT_GE(accuracy(*features, test_set(folder)), 92.0);
}

TEST(ShippedFeatures, AreTheFilesOfTheRepository) {
  const std::string table = read_file(kShippedFolder / "README.md");
  for (const std::string set : {"mnist", "fashion-mnist"}) {
    const std::string file = read_file(kShippedFolder / (set + ".pt"));
    EXPECT_TRUE(shipped_features(set) == file) << set;
    EXPECT_LT(file.size(), 2'000'000U) << set;
    const auto features = Features::shipped(set, torch::kCPU);
    ASSERT_TRUE(features) << set;
    EXPECT_EQ(features->name, set + " classifier (shipped)");
    EXPECT_THAT(table, HasSubstr("`" + features->checksum + "`")) << set;
  }
}

TEST(ShippedFeatures, HaveTheSumsThatTheirFolderNames) {
  const ProgramResult result =
      run_program({"--check", "--strict", "SHA256SUMS"},
                  {.folder = kShippedFolder, .program = "/usr/bin/sha256sum"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

TEST(ShippedFeatures, AreNoneForAnotherSet) {
  EXPECT_FALSE(Features::shipped("", torch::kCPU));
  EXPECT_FALSE(Features::shipped("kmnist", torch::kCPU));
}

// Random features ---------------------------------------------------------------------------------

TEST(RandomFeatures, AreTheSameBitsEverywhere) {
  const Features features = Features::random(torch::kCPU);
  EXPECT_EQ(features.name, "random convolutions");
  EXPECT_EQ(features.checksum, "7b6fa433");
}

TEST(RandomFeatures, StandInWhereASetHasNone) {
  EXPECT_EQ(Features::find("auto", "", torch::kCPU).name, "random convolutions");
  EXPECT_EQ(Features::find("auto", "mnist", torch::kCPU).name, "mnist classifier (shipped)");
}

TEST(RandomFeatures, AreSmallDistancesForRealImagesOnly) {
  const Features features = Features::random(torch::kCPU);
  const auto order = torch::tensor(permutation(1, Purpose::evaluation_order, 0, 10000));
  const torch::Tensor images = test_set(mnist_folder()).images.index_select(0, order);
  const auto gaussian = [&](const torch::Tensor& some) {
    return fit_gaussian(features.compute(some).features);
  };
  const Gaussian real = gaussian(images.narrow(0, 0, 1000));
  const torch::Tensor others = images.narrow(0, 1000, 1000);
  const double floor = frechet_distance(real, gaussian(others));
  const torch::Tensor small = torch::avg_pool2d(others.to(torch::kFloat32), 2);
  const torch::Tensor noise =
      others.to(torch::kFloat32) +
      normal_rows(1, Purpose::sample_latents, 0, 1000, 784).view({1000, 1, 28, 28}) * 40;
  const std::map<std::string, torch::Tensor> spoiled{
      {"blurred", torch::upsample_nearest2d(small, {28, 28})},
      {"noisy", noise.clamp(0, 255)},
      {"inverted", 255 - others},
      {"one image", others.narrow(0, 0, 1).expand({1000, -1, -1, -1})},
      {"two at a time", (others.to(torch::kFloat32) + others.to(torch::kFloat32).roll(1, 0)) / 2},
      {"moved", others.roll({4, 4}, {2, 3})}};
  for (const auto& [what, some] : spoiled) {
    EXPECT_GT(frechet_distance(real, gaussian(some.to(torch::kUInt8))), 2 * floor) << what;
  }
}

// Computing ---------------------------------------------------------------------------------------

TEST(Features, OfAnImageDoNotDependOnItsBatchMates) {
  // A matrix product may sum the last rows of a batch in another order than the others.
  constexpr double kRounding = 1e-5;
  const Features features = shipped_mnist();
  const torch::Tensor images = test_set(mnist_folder(), 150).images;
  const FeatureBatch all = features.compute(images);
  EXPECT_EQ(all.features.sizes(), (std::vector<std::int64_t>{150, 128}));
  EXPECT_EQ(all.logits.sizes(), (std::vector<std::int64_t>{150, 10}));
  for (const std::int64_t i : {0, 63, 64, 149}) {
    const FeatureBatch one = features.compute(images.narrow(0, i, 1));
    EXPECT_LT(relative_distance(one.features, all.features.narrow(0, i, 1)), kRounding) << i;
    EXPECT_LT(relative_distance(one.logits, all.logits.narrow(0, i, 1)), kRounding) << i;
  }
  const FeatureBatch tail = features.compute(images.narrow(0, 50, 100));
  EXPECT_LT(relative_distance(tail.features, all.features.narrow(0, 50, 100)), kRounding);
}

TEST(Features, OfAGreyImageAreThoseOfItsRgb) {
  const Features features = shipped_mnist();
  const torch::Tensor grey = test_set(mnist_folder(), 20).images;
  const torch::Tensor rgb = grey.expand({-1, 3, -1, -1});
  EXPECT_LT(relative_distance(features.compute(rgb).features, features.compute(grey).features),
            1e-4);
}

TEST(Features, OfAColourAreThoseOfItsLuma) {
  const Features features = shipped_mnist();
  // 0.299 * 100 + 0.587 * 200 + 0.114 * 150 = 164.4; 0.299 * 100 + 0.114 * 150 = 47
  torch::Tensor rgb = torch::zeros({1, 3, 28, 28}, torch::kUInt8);
  rgb.select(1, 0).fill_(100);
  rgb.select(1, 2).fill_(150);
  const torch::Tensor grey = torch::full({1, 1, 28, 28}, 47, torch::kUInt8);
  EXPECT_LT(relative_distance(features.compute(rgb).features, features.compute(grey).features),
            1e-4);
}

TEST(Features, OfALargerImageAreThoseOfItsReduction) {
  const Features features = shipped_mnist();
  const Dataset set = test_set(mnist_folder(), 200);
  const torch::Tensor large =
      set.images.repeat_interleave(4, /*dim=*/2).repeat_interleave(3, /*dim=*/3);  // 112 x 84
  const torch::Tensor told = features.compute(large).logits.argmax(1);
  EXPECT_GE(told.eq(set.labels).sum().item<std::int64_t>(), 195);
  const torch::Tensor flat = torch::full({1, 1, 50, 9}, 77, torch::kUInt8);
  const torch::Tensor same = torch::full({1, 1, 28, 28}, 77, torch::kUInt8);
  EXPECT_LT(relative_distance(features.compute(flat).features, features.compute(same).features),
            1e-4);
}

// Files -------------------------------------------------------------------------------------------

class FeaturesFile : public ::testing::Test {
 protected:
  Features open() const { return Features::open(path_, torch::kCPU); }
  Error error() const {
    return caught([this] { open(); });
  }
  /// A TorchScript with that forward, opened.
  Features foreign(const std::string& forward) const {
    torch::jit::Module module("Other");
    module.register_parameter("weight", torch::full({5, 3, 1, 1}, 0.5), false);
    module.define(forward);
    module.save(path_.string());
    return open();
  }
  Error compute_error(const Features& features) const {
    return caught([&] { features.compute(torch::ones({2, 1, 9, 8}, torch::kUInt8)); });
  }
  std::string shipped() const { return std::string(shipped_features("mnist")); }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "features.pt";
};

TEST_F(FeaturesFile, OfOursIsNamedByItsPath) {
  write_file_atomically(path_, shipped());
  const Features features = open();
  EXPECT_EQ(features.name, path_.string());
  EXPECT_EQ(features.checksum, shipped_mnist().checksum);
  const torch::Tensor images = test_set(mnist_folder(), 10).images;
  EXPECT_TRUE(
      torch::equal(features.compute(images).features, shipped_mnist().compute(images).features));
}

TEST_F(FeaturesFile, OfOursGivesTheSameInPython) {
  if (std::string(DCGAN_PYTHON).empty()) GTEST_SKIP() << "no Python with torch was found";
  write_file_atomically(path_, shipped());
  const torch::Tensor images = test_set(mnist_folder(), 16).images;
  torch::jit::Module holder("Images");
  holder.register_buffer("x", images);
  holder.save((folder_ / "images.pt").string());
  const ProgramResult result = run_program(
      {"-c",
       "import array, torch\n"
       "x = torch.jit.load('images.pt').x.float() / 255\n"
       "network = torch.jit.load('features.pt').train()\n"
       "output = torch.cat(network(x), 1)\n"
       "array.array('f', output.flatten().tolist()).tofile(open('output.bin', 'wb'))\n"},
      {.folder = folder_.path(), .program = DCGAN_PYTHON});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::string bytes = read_file(folder_ / "output.bin");
  ASSERT_EQ(bytes.size(), 16U * (128 + 10) * sizeof(float));
  const torch::Tensor theirs = torch::from_blob(bytes.data(), {16, 138}, torch::kFloat32);
  const FeatureBatch ours = open().compute(images);
  EXPECT_LT(relative_distance(theirs.narrow(1, 0, 128), ours.features), 1e-4);
  EXPECT_LT(relative_distance(theirs.narrow(1, 128, 10), ours.logits), 1e-4);
}

TEST_F(FeaturesFile, TruncatedIsRefused) {
  const std::string bytes = shipped();
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{10}, bytes.size() / 2, bytes.size() - 1}) {
    write_file_atomically(path_, bytes.substr(0, length));
    EXPECT_EQ(error().where(), path_.string()) << length;
  }
}

TEST_F(FeaturesFile, DamagedIsRefused) {
  std::string bytes = shipped();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file_atomically(path_, bytes);
  EXPECT_EQ(error().kind(), ErrorKind::damaged);
}

TEST_F(FeaturesFile, OfAGeneratorOrACheckpointIsRefused) {
  const Config config = testing::small_config();
  const TrainState state = testing::small_trained_state(config, 1);
  const auto refused =
      IsError(ErrorKind::failure, path_,
              "it makes images, where a network that makes features of images is needed",
              "'dcgan features train' makes one");
  save_generator(path_, state.generator, config, 1);
  EXPECT_THAT(error(), refused);
  save_checkpoint(path_, state, config, "");
  EXPECT_THAT(error(), refused);
}

// Other people's networks -------------------------------------------------------------------------

TEST_F(FeaturesFile, OfSomebodyElseTakesImagesInTheUnitRange) {
  const Features features = foreign("def forward(self, x):\n    return x.flatten(1)[:, :4]\n");
  const torch::Tensor images = torch::tensor({0, 51, 255, 102}, torch::kUInt8).view({1, 1, 2, 2});
  const FeatureBatch batch = features.compute(images);
  EXPECT_TRUE(torch::allclose(batch.features, torch::tensor({{0.0F, 0.2F, 1.0F, 0.4F}})));
  EXPECT_FALSE(batch.logits.defined());
}

TEST_F(FeaturesFile, OfSomebodyElseMayGiveColumns) {
  const Features features =
      foreign("def forward(self, x):\n    return x.mean([2, 3], keepdim=True)\n");
  EXPECT_EQ(features.compute(torch::ones({70, 3, 4, 4}, torch::kUInt8)).features.sizes(),
            (std::vector<std::int64_t>{70, 3}));
}

TEST_F(FeaturesFile, OfSomebodyElseMayGiveLogits) {
  const Features features =
      foreign("def forward(self, x):\n    y = x.flatten(1)\n    return (y, y[:, :2] * 2.0)\n");
  const FeatureBatch batch = features.compute(torch::full({3, 1, 2, 2}, 255, torch::kUInt8));
  EXPECT_TRUE(torch::equal(batch.features, torch::ones({3, 4})));
  EXPECT_TRUE(torch::equal(batch.logits, torch::full({3, 2}, 2.0)));
}

TEST_F(FeaturesFile, OfSomebodyElseGetsRgbWhereItFailsOnGrey) {
  const Features features =
      foreign("def forward(self, x):\n    return torch.conv2d(x, self.weight).mean([2, 3])\n");
  const torch::Tensor images = torch::full({2, 1, 4, 4}, 51, torch::kUInt8);
  EXPECT_TRUE(torch::allclose(features.compute(images).features, torch::full({2, 5}, 0.3)));
}

TEST_F(FeaturesFile, OfSomebodyElseGetsGreyWhereItFailsOnRgb) {
  const Features features = foreign(
      "def forward(self, x):\n    return torch.conv2d(x, self.weight[:, :1]).mean([2, 3])\n");
  const torch::Tensor images = torch::full({2, 3, 4, 4}, 51, torch::kUInt8);
  EXPECT_TRUE(torch::allclose(features.compute(images).features, torch::full({2, 5}, 0.1)));
}

TEST_F(FeaturesFile, OfTheInceptionKindGetsBytesInRgb) {
  const Features features = foreign(
      "def forward(self, img, return_features: bool = False):\n"
      "    assert not img.is_floating_point() and img.size(1) == 3 and return_features\n"
      "    return img.float().mean([2, 3])\n");
  const torch::Tensor images = torch::full({2, 1, 4, 4}, 51, torch::kUInt8);
  EXPECT_TRUE(torch::equal(features.compute(images).features, torch::full({2, 3}, 51.0)));
}

TEST_F(FeaturesFile, OfSomebodyElseThatGivesNoFeaturesIsRefused) {
  for (const char* forward :
       {"def forward(self, x):\n    return x\n", "def forward(self, x):\n    return x.mean()\n",
        "def forward(self, x):\n    return x.flatten(1)[:1]\n",
        "def forward(self, x):\n    return (x, x)\n", "def forward(self, x):\n    return 3\n",
        "def forward(self, x):\n    assert False\n    return x\n",
        "def forward(self, x, y):\n    return x\n"}) {
    EXPECT_THAT(compute_error(foreign(forward)),
                IsError(ErrorKind::failure, path_,
                        "it fails, or makes no features, for images of 1 x 9 x 8",
                        "it must map float32 [N, C, H, W] in [0, 1] to [N, D]"))
        << forward;
  }
}

TEST_F(FeaturesFile, OfSomebodyElseThatGivesNaNIsRefused) {
  for (const char* forward : {"def forward(self, x):\n    return x.flatten(1) / 0.0 * 0.0\n",
                              "def forward(self, x):\n    y = x.flatten(1)\n"
                              "    return (y, y / 0.0 * 0.0)\n"}) {
    EXPECT_THAT(compute_error(foreign(forward)),
                IsError(ErrorKind::failure, path_,
                        "it makes features with NaN or infinity, so its weights are broken",
                        "use another file"))
        << forward;
  }
}

}  // namespace
}  // namespace dcgan
