#include "evaluate/classifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/archive.h"
#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/small_set.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::striped_set;
using testing::TempFolder;

/// Something in every tensor, variances above 0.
Network random_classifier(const ImageShape& image, std::int64_t classes) {
  const torch::NoGradGuard no_grad;
  Network classifier = make_classifier(image, classes, /*folded=*/false, torch::kCPU);
  std::int64_t row = 0;
  for (auto& [name, tensor] : named_tensors(classifier)) {
    torch::Tensor target = tensor;
    target.copy_(normal_rows(1, Purpose::sample_latents, row++, 1, target.numel())
                     .view(target.sizes())
                     .mul(0.2));
    if (name.ends_with("running_var")) target.abs_().add_(0.5);
  }
  return classifier;
}

torch::Tensor random_images(const ImageShape& image, std::int64_t count) {
  return uniform_rows(1, Purpose::train_latents, 0, count, image[0] * image[1] * image[2])
      .abs()
      .view({count, image[0], image[1], image[2]});
}

ClassifierFile small_file() {
  return {.classifier = fold(random_classifier({1, 8, 8}, 3)),
          .set = "mnist",
          .fingerprint = "0badcafe",
          .images = 100,
          .epochs = 3,
          .seed = 7,
          .flip = true,
          .test_images = 10,
          .test_correct = 9};
}

ClassifierFile open(const std::filesystem::path& path) {
  return read_classifier(read_archive(path, ArchiveKind::features), path);
}

TEST(Classifier, HasThePlannedSizeOnMnist) {
  const Network classifier = make_classifier({1, 28, 28}, 10, /*folded=*/true, torch::kCPU);
  // 144 * 784 + 4608 * 196 + 9216 * 196 + 18432 * 49 + 36864 * 49 + 55296 * 16 + 1536 * 128
  std::int64_t flops = 0;
  for (const Layer& layer : body_of(classifier).layers) flops += forward_flops(layer.plan);
  EXPECT_EQ(flops / 2, 6'613'248);
  EXPECT_EQ(body_of(classifier).layers.back().plan.input, (ImageShape{96, 4, 4}));
  std::int64_t bytes = 0;
  for (const torch::Tensor& tensor : parameters(classifier)) bytes += 4 * tensor.numel();
  EXPECT_LT(bytes, 2'000'000);
}

TEST(Classifier, TakesAnySizeFrom8) {
  for (const ImageShape& image :
       {ImageShape{1, 8, 8}, ImageShape{3, 64, 64}, ImageShape{1, 9, 50}, ImageShape{3, 33, 8}}) {
    const Network classifier = random_classifier(image, 5);
    const FeatureBatch output = classify(classifier, random_images(image, 3), Mode::eval);
    EXPECT_EQ(output.features.sizes(), (std::vector<std::int64_t>{3, kFeatureCount}));
    EXPECT_EQ(output.logits.sizes(), (std::vector<std::int64_t>{3, 5}));
    const ImageShape last = body_of(classifier).layers.back().plan.input;
    EXPECT_LE(std::min(last[1], last[2]), 4);
  }
}

TEST(Classifier, FoldedIsTheSameFunction) {
  const ImageShape image{1, 28, 28};
  const Network classifier = random_classifier(image, 10);
  const torch::Tensor images = random_images(image, 4);
  const FeatureBatch before = classify(classifier, images, Mode::eval);
  const FeatureBatch after = classify(fold(classifier), images, Mode::eval);
  const double scale = before.features.abs().max().item<double>();
  EXPECT_GT(scale, 0);
  EXPECT_LT((before.features - after.features).abs().max().item<double>(), 1e-5 * scale);
  EXPECT_TRUE(torch::allclose(before.logits, after.logits, 1e-4, 1e-5 * scale));
}

TEST(Classifier, SurvivesItsFile) {
  const TempFolder folder;
  const ClassifierFile written = small_file();
  save_classifier(folder / "features.pt", written);
  const ClassifierFile read = open(folder / "features.pt");
  EXPECT_EQ(read.classifier.layers.front().plan.input, (ImageShape{1, 8, 8}));
  EXPECT_EQ(read.classifier.layers.back().plan.output[0], 3);
  EXPECT_EQ(read.set, "mnist");
  EXPECT_EQ(read.fingerprint, "0badcafe");
  EXPECT_EQ(read.images, 100);
  EXPECT_EQ(read.epochs, 3);
  EXPECT_EQ(read.seed, 7);
  EXPECT_TRUE(read.flip);
  EXPECT_EQ(read.test_images, 10);
  EXPECT_EQ(read.test_correct, 9);
  const torch::Tensor images = random_images({1, 8, 8}, 4);
  EXPECT_TRUE(torch::equal(classify(read.classifier, images, Mode::eval).logits,
                           classify(written.classifier, images, Mode::eval).logits));
}

TEST(Classifier, FileWithoutANumberIsRefused) {
  const TempFolder folder;
  const auto path = folder / "features.pt";
  save_classifier(path, small_file());
  const Archive good = read_archive(path, ArchiveKind::features);
  for (const auto& [name, number] : good.numbers) {
    Archive archive = good;
    archive.numbers.erase(name);
    write_archive(path, archive);
    EXPECT_THAT(caught([&] { open(path); }),
                IsError(ErrorKind::failure, path, HasSubstr("does not say all"),
                        "train it again with 'dcgan features train'"));
  }
}

TEST(Classifier, FileOfAnotherSizeIsRefused) {
  const TempFolder folder;
  const auto path = folder / "features.pt";
  save_classifier(path, small_file());
  Archive archive = read_archive(path, ArchiveKind::features);
  archive.numbers["classes"] = 4;
  write_archive(path, archive);
  EXPECT_THAT(caught([&] { open(path); }),
              IsError(ErrorKind::failure, path, HasSubstr("'head.weight' has another size"),
                      "use another file"));
}

TEST(ClassifierTraining, LearnsStripes) {
  const Dataset set = striped_set(512);
  const auto classifier = train_classifier(set, {.epochs = 4, .seed = 1});
  ASSERT_TRUE(classifier);
  EXPECT_GE(count_correct(*classifier, striped_set(200), torch::kCPU), 196);
}

TEST(ClassifierTraining, IsAFunctionOfSeedAndOptions) {
  const Dataset set = striped_set(300);
  const auto logits = [&](const ClassifierOptions& options) {
    return classify(*train_classifier(set, options),
                    set.images.narrow(0, 0, 8).to(torch::kFloat32).div(255), Mode::eval)
        .logits;
  };
  const torch::Tensor first = logits({.epochs = 1, .seed = 1});
  EXPECT_TRUE(torch::equal(first, logits({.epochs = 1, .seed = 1})));
  EXPECT_FALSE(torch::equal(first, logits({.epochs = 1, .seed = 2})));
  EXPECT_FALSE(torch::equal(first, logits({.epochs = 1, .seed = 1, .flip = true})));
}

TEST(ClassifierTraining, TellsEachEpochAndStopsWhenAsked) {
  std::vector<std::int64_t> epochs;
  EXPECT_FALSE(train_classifier(
      striped_set(128), {.epochs = 5,
                         .seed = 1,
                         .epoch_done = [&](std::int64_t epoch, double) { epochs.push_back(epoch); },
                         .stop_requested = [&] { return epochs.size() == 2; }}));
  EXPECT_EQ(epochs, (std::vector<std::int64_t>{1, 2}));
}

TEST(ClassifierTraining, NeedsTwoClassesAndEightPixels) {
  const auto refused = [](const Dataset& set, const std::string& problem) {
    EXPECT_THAT(caught([&] { count_classes(set); }),
                IsError(ErrorKind::failure, "stripes", problem, HasSubstr("2 classes or more")));
  };
  Dataset set = striped_set(10);
  EXPECT_EQ(count_classes(set), 2);
  set.labels.fill_(0);
  refused(set, "every image has the same label");
  refused(striped_set(1), "every image has the same label");
  refused(striped_set(10, 7), "images of 7 x 7 pixels");
}

}  // namespace
}  // namespace dcgan
