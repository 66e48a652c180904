// What the report says of real digits, and of digits that something was done to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset.h"
#include "evaluate/evaluate.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kCount = 1000;

torch::Tensor load_images(DataSplit split, std::int64_t limit) {
  DataConfig data;
  data.path = DCGAN_SOURCE_DIR "/data/mnist";
  data.split = split;
  data.limit = limit;
  return load_dataset(data).images;
}

/// What all tests compare with, made once.
struct Digits {
  Features features = *Features::shipped("mnist", torch::kCPU);
  torch::Tensor test = load_images(DataSplit::test, 3 * kCount);
  torch::Tensor training = load_images(DataSplit::train, 6 * kCount);
  torch::Tensor held_out = test.narrow(0, 0, kCount);
  torch::Tensor fresh = test.narrow(0, kCount, kCount);  // neither reference nor training
  Described reference = describe(held_out);
  Described real = describe(training.narrow(0, 0, kCount));

  Described describe(const torch::Tensor& images) const {
    return describe_set(features.compute(images));
  }
};

const Digits& digits() {
  static const Digits all;
  return all;
}

Report score(const torch::Tensor& images) {
  const Copies copies = find_copies(images, digits().training, digits().held_out);
  return evaluate(digits().describe(images), digits().real, digits().reference, copies, 1);
}

std::vector<std::string> found(const torch::Tensor& images) {
  std::vector<std::string> keys;
  for (const Finding& finding : findings(score(images))) keys.push_back(finding.measure);
  return keys;
}

torch::Tensor noise() {
  return normal_rows(7, Purpose::sample_latents, 0, kCount, 784)
      .mul_(64.0)
      .add_(128.0)
      .clamp_(0, 255)
      .to(torch::kUInt8)
      .view({kCount, 1, 28, 28});
}

torch::Tensor blurred(const torch::Tensor& images) {
  return torch::avg_pool2d(images.to(torch::kFloat32), 7, 1, 3).to(torch::kUInt8);
}

TEST(Digits, OfATestSetAreRealImages) {
  const Report report = score(digits().fresh);
  EXPECT_THAT(findings(report), IsEmpty()) << to_table(report);
}

TEST(Digits, OfNoiseAreNone) {
  EXPECT_THAT(found(noise()), AllOf(Contains("fid"), Contains("kid"), Contains("precision"),
                                    Contains("recall"), Contains("coverage")));
}

TEST(Digits, OfOneImageAreACollapse) {
  EXPECT_THAT(found(digits().fresh.narrow(0, 0, 1).repeat({kCount, 1, 1, 1})),
              AllOf(Contains("duplicates"), Contains("recall"), Contains("coverage"),
                    Contains("modes"), Contains("class_kl"), Not(Contains("precision"))));
}

TEST(Digits, OfOneClassLackTheOthers) {
  const FeatureBatch batch = digits().features.compute(digits().test);
  const torch::Tensor threes = batch.logits.argmax(1).eq(3).nonzero().squeeze(1);
  EXPECT_THAT(found(digits().test.index_select(0, threes)),
              AllOf(Contains("modes"), Contains("class_kl"), Contains("coverage"),
                    Contains("recall"), Not(Contains("duplicates")), Not(Contains("precision"))));
}

TEST(Digits, ThatAreBlurredLookUnlikeRealOnes) {
  EXPECT_THAT(found(blurred(digits().fresh)),
              AllOf(Contains("fid"), Contains("kid"), Contains("precision")));
}

TEST(Digits, ThatAreShiftedLookUnlikeRealOnes) {
  EXPECT_THAT(found(digits().fresh.roll(8, 3)),
              AllOf(Contains("fid"), Contains("kid"), Contains("precision")));
}

TEST(Digits, ThatAreInvertedLookUnlikeRealOnes) {
  EXPECT_THAT(found(255 - digits().fresh),
              AllOf(Contains("fid"), Contains("kid"), Contains("precision")));
}

TEST(Digits, OfTheTrainingSetAreMemorised) {
  EXPECT_THAT(found(digits().training.narrow(0, 2 * kCount, kCount)),
              ::testing::ElementsAre("memorised"));
}

/// A copy need not be exact.
TEST(Digits, OfTheTrainingSetWithNoiseAreMemorised) {
  const torch::Tensor faint = noise().to(torch::kInt16).sub(128).div(16, "trunc");
  const torch::Tensor copies =
      (digits().training.narrow(0, 2 * kCount, kCount).to(torch::kInt16) + faint).clamp(0, 255);
  EXPECT_THAT(found(copies.to(torch::kUInt8)), Contains("memorised"));
}

}  // namespace
}  // namespace dcgan
