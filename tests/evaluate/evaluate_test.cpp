// Which measure notices what, on clouds of points whose classes are known.
#include "evaluate/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/random.h"
#include "runtime/torch.h"
#include "support/expect_error.h"
#include "support/small_set.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using testing::caught;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsError;
using ::testing::Not;

constexpr std::int64_t kCount = 600;
constexpr std::int64_t kWidth = 8;
constexpr std::int64_t kClasses = 4;

torch::Tensor noise(std::int64_t position, std::int64_t count = kCount) {
  return normal_rows(position, Purpose::sample_latents, 0, count, kWidth);
}

/// Class i lies around 6 in dimension i; the logits say so.
FeatureBatch classified(const torch::Tensor& features) {
  return {features, features.narrow(1, 0, kClasses) * 2.0};
}

torch::Tensor cloud(std::int64_t position, std::int64_t classes = kClasses) {
  torch::Tensor features = noise(position);
  for (std::int64_t i = 0; i < kCount; ++i) features[i][i % classes] += 6.0;
  return features;
}

/// The features as images, a row of pixels each.
torch::Tensor as_images(const torch::Tensor& features) {
  return (features * 10.0 + 100.0).clamp(0, 255).to(torch::kUInt8).view({-1, 1, 1, kWidth});
}

/// Nothing where the report has no such measure.
const Measure* find_measure(const Report& report, const std::string& key) {
  for (const Measure& measure : report.measures) {
    if (measure.key == key) return &measure;
  }
  return nullptr;
}

class Evaluation : public ::testing::Test {
 protected:
  Report score(const torch::Tensor& features) const {
    const Copies copies =
        find_copies(as_images(features), as_images(real_features_), as_images(reference_features_));
    return evaluate(describe_set(classified(features)), real_, reference_, copies, 1);
  }
  static std::vector<std::string> found(const Report& report) {
    std::vector<std::string> keys;
    for (const Finding& finding : findings(report)) keys.push_back(finding.measure);
    return keys;
  }
  static double value(const Report& report, const std::string& key) {
    const Measure* const measure = find_measure(report, key);
    return measure == nullptr ? -1.0 : measure->samples.value;
  }

  torch::Tensor real_features_ = cloud(2);
  torch::Tensor reference_features_ = cloud(3);
  Described real_ = describe_set(classified(real_features_));
  Described reference_ = describe_set(classified(reference_features_));
};

TEST_F(Evaluation, FindsNothingWrongWithRealImages) {
  const Report report = score(cloud(4));
  EXPECT_THAT(found(report), IsEmpty());
  EXPECT_EQ(value(report, "modes"), 4.0);
  EXPECT_GT(value(report, "precision"), 0.8);
  EXPECT_LT(value(report, "fid"), 0.3);
}

TEST_F(Evaluation, TakesEveryMeasure) {
  const Report report = score(cloud(4));
  std::vector<std::string> keys;
  for (const Measure& measure : report.measures) keys.push_back(measure.key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"fid", "kid", "precision", "recall", "density", "coverage",
                                      "modes", "class_kl", "confidence", "inception_score",
                                      "duplicates", "memorised", "nearest_median", "nearest_q01"}));
  EXPECT_THAT(report.left_out, IsEmpty());
  EXPECT_EQ(report.sample_count, kCount);
}

TEST_F(Evaluation, CountsTheSamplesOfTheClassAskedFor) {
  const Described samples = describe_set(classified(cloud(4)));
  torch::Tensor asked = samples.classes->labels.clone();
  torch::Tensor labels = real_.classes->labels.clone();
  Report report;
  report.sample_count = report.real_count = kCount;
  add_class_accuracy(report, samples, asked, kClasses, real_, labels);
  EXPECT_EQ(report.measures.back().samples.value, 1.0);
  asked.narrow(0, 0, kCount / 4) += 1;
  labels.narrow(0, 0, kCount / 20) += 1;
  add_class_accuracy(report, samples, asked, kClasses, real_, labels.to(torch::kUInt8));
  const Measure& measure = report.measures.back();
  EXPECT_EQ(measure.key, "class_accuracy");
  EXPECT_EQ(measure.samples.value, 0.75);
  EXPECT_EQ(measure.real.value, 0.95);
  EXPECT_THAT(found(report), Contains("class_accuracy"));
  EXPECT_THAT(report.left_out, IsEmpty());
}

TEST_F(Evaluation, ClassesOfOtherFeaturesAreNotThoseAskedFor) {
  const Described samples = describe_set(classified(cloud(4)));
  const torch::Tensor asked = samples.classes->labels;
  Report report;
  add_class_accuracy(report, samples, asked, kClasses + 1, real_, real_.classes->labels);
  // As many, but of other images: real ones are taken for anything.
  add_class_accuracy(report, samples, asked, kClasses, real_, real_.classes->labels.add(1));
  Described without = describe_set(classified(cloud(4)));
  without.classes.reset();
  add_class_accuracy(report, without, asked, kClasses, real_, real_.classes->labels);
  EXPECT_THAT(report.measures, IsEmpty());
  EXPECT_THAT(
      report.left_out,
      ElementsAre(AllOf(HasSubstr("class_accuracy: "), HasSubstr("the generator has")),
                  HasSubstr("take 0 % of the real images"), HasSubstr("tell 0 classes apart")));
}

TEST(ClassifierScore, IsThatOfRealImagesForPerfectSamplesAndLowForNoise) {
  const Dataset training = testing::striped_set(256);
  const Dataset test = testing::striped_set(100);
  const torch::Tensor noise = uniform_rows(5, Purpose::sample_latents, 0, 256, 64);
  Report report;
  for (const torch::Tensor& generated :
       {training.images, ((noise + 1) * 127).to(torch::kUInt8).view({-1, 1, 8, 8})}) {
    add_classifier_score(report, generated, training, test, {.seed = 2});
  }
  const Measure& perfect = report.measures[0];
  const Measure& noisy = report.measures[1];
  EXPECT_EQ(perfect.key, "classifier_score");
  EXPECT_GT(perfect.real.value, 0.9);
  EXPECT_EQ(perfect.samples.value, perfect.real.value);
  EXPECT_EQ(noisy.real.value, perfect.real.value);
  EXPECT_LT(noisy.samples.value, 0.8);
}

TEST_F(Evaluation, NoticesSamplesUnlikeRealOnes) {
  const Report report = score(noise(5) * 8.0);
  EXPECT_THAT(found(report), Contains("fid"));
  EXPECT_THAT(found(report), Contains("kid"));
  EXPECT_THAT(found(report), Contains("precision"));
  EXPECT_THAT(found(report), Contains("density"));
  EXPECT_LT(value(report, "precision"), 0.1);
}

TEST_F(Evaluation, NoticesALackOfVariety) {
  torch::Tensor narrow = cloud(6);
  narrow = narrow * 0.1 + cloud(7).where(narrow > 1e9, (narrow > 3.0) * 5.4);
  const Report report = score(narrow);
  EXPECT_THAT(found(report), Contains("recall"));
  EXPECT_THAT(found(report), Not(Contains("precision")));
  EXPECT_LT(value(report, "recall"), 0.4);
}

TEST_F(Evaluation, NoticesMissingClasses) {
  const Report report = score(cloud(8, /*classes=*/2));
  EXPECT_THAT(found(report), Contains("modes"));
  EXPECT_THAT(found(report), Contains("class_kl"));
  EXPECT_THAT(found(report), Contains("inception_score"));
  EXPECT_THAT(found(report), Not(Contains("precision")));
  EXPECT_EQ(value(report, "modes"), 2.0);
}

TEST_F(Evaluation, NoticesUnsureClasses) {
  EXPECT_THAT(found(score(cloud(9) * 0.4)), Contains("confidence"));
}

TEST_F(Evaluation, NoticesCollapse) {
  const torch::Tensor few = cloud(10).narrow(0, 0, 20).repeat({kCount / 20, 1});
  const Report report = score(few + noise(11) * 1e-3);
  EXPECT_THAT(found(report), Contains("duplicates"));
  EXPECT_GT(value(report, "duplicates"), 0.9);
}

TEST_F(Evaluation, NoticesCopiesOfTrainingImages) {
  const Report report = score(real_features_);
  EXPECT_EQ(found(report), std::vector<std::string>{"memorised"});
  EXPECT_EQ(value(report, "memorised"), 1.0);
  EXPECT_EQ(value(report, "nearest_median"), 0.0);
}

/// 30 of the reference's images are training images, too: more than the 1 % that set the threshold.
TEST_F(Evaluation, NoticesCopiesWhereRealImagesHaveTwins) {
  reference_features_.narrow(0, 0, 30).copy_(real_features_.narrow(0, 0, 30));
  reference_ = describe_set(classified(reference_features_));
  const Report report = score(real_features_);
  EXPECT_THAT(found(report), Contains("memorised"));
  EXPECT_EQ(value(report, "memorised"), 1.0);
  EXPECT_EQ(find_measure(report, "memorised")->real.value, 0.05);
}

TEST_F(Evaluation, NoticesCollapseWhereRealImagesHaveTwins) {
  for (const torch::Tensor& set : {real_features_, reference_features_}) {
    set.narrow(0, 0, 30).copy_(set.narrow(0, 30, 30));
  }
  real_ = describe_set(classified(real_features_));
  reference_ = describe_set(classified(reference_features_));
  const Report report = score(cloud(10).narrow(0, 0, 20).repeat({kCount / 20, 1}));
  EXPECT_THAT(found(report), Contains("duplicates"));
  EXPECT_EQ(value(report, "duplicates"), 1.0);
  EXPECT_EQ(find_measure(report, "duplicates")->real.value, 0.1);
}

/// Twins come in pairs, which the error counts.
TEST_F(Evaluation, AFewNearSamplesOfFewAreNoCollapse) {
  torch::Tensor samples = cloud(4);
  samples.narrow(0, 0, 8).copy_(samples.narrow(0, 20, 8) + noise(11, 8) * 1e-3);
  const Report report = score(samples);
  EXPECT_THAT(found(report), Not(Contains("duplicates")));
  const Measure& measure = *find_measure(report, "duplicates");
  EXPECT_GT(measure.samples.value, 0.025);
  EXPECT_GT(measure.real.error, std::sqrt(measure.real.value / kCount));
}

TEST_F(Evaluation, IsTheSameAgain) {
  EXPECT_EQ(to_json(score(cloud(4))), to_json(score(cloud(4))));
}

TEST_F(Evaluation, LeavesTheClassesOutWhereThereAreNone) {
  FeatureBatch batch = classified(cloud(4));
  batch.logits = torch::Tensor();
  const torch::Tensor images = as_images(batch.features);
  const Report report =
      evaluate(describe_set(batch), real_, reference_, find_copies(images, images, images), 1);
  EXPECT_EQ(report.left_out,
            std::vector<std::string>{"modes, class_kl, confidence and inception_score: these "
                                     "features tell no classes apart"});
  EXPECT_EQ(find_measure(report, "modes"), nullptr);
}

TEST_F(Evaluation, LeavesOutTheScoreOfFewSamples) {
  const Report report = score(cloud(4).narrow(0, 0, kMinImages));
  EXPECT_THAT(report.left_out,
              ElementsAre("inception_score: it needs 100 images of each kind, there are 10",
                          "duplicates: it needs 100 images of each kind, there are 10"));
  EXPECT_NE(find_measure(report, "kid"), nullptr);
}

TEST_F(Evaluation, RefusesFeaturesThatTellNothingApart) {
  reference_ = describe_set(classified(torch::ones({kCount, kWidth})));
  EXPECT_THAT(caught([&] { score(cloud(4)); }),
              IsError(ErrorKind::failure, "",
                      "the features of 600 real images are all the same, so nothing can be "
                      "measured with them",
                      "name others with --features or train.features"));
}

TEST_F(Evaluation, QuickScoresAreThoseOfTheWhole) {
  const torch::Tensor samples = cloud(8, /*classes=*/3) * 1.1;
  const QuickScores quick = score_quickly(classified(samples), reference_);
  const Report report = score(samples);
  EXPECT_EQ(quick.fid, value(report, "fid"));
  EXPECT_EQ(quick.precision, value(report, "precision"));
  EXPECT_EQ(quick.recall, value(report, "recall"));
  EXPECT_EQ(static_cast<double>(quick.modes), value(report, "modes"));
  EXPECT_EQ(quick.shares, report.shares);
}

}  // namespace
}  // namespace dcgan
