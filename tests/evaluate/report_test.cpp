#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dcgan/evaluate.h"

namespace dcgan {
namespace {

Report small_report() {
  Report report;
  report.samples = "g.pt";
  report.sample_count = 10000;
  report.seed = 1;
  report.features = "mnist classifier (shipped)";
  report.features_crc32 = "01234567";
  report.data = "MNIST test, /data";
  report.data_crc32 = "89abcdef";
  report.reference_split = "test";
  report.reference_count = 10000;
  report.real_count = 9000;
  report.measures = {{"fid", {12.3456, 0.2345}, {1.0123, 0.0456}},
                     {"kid", {-0.00001, 0.0014}, {0.0001, 0.0014}},
                     {"precision", {0.6123, 0.0049}, {0.8612, 0.0035}},
                     {"modes", {1, 0}, {2, 0}},
                     {"class_kl", {0.5123, 0.012}, {0.0012, 0.0003}},
                     {"nearest_median", {0.1234, 0.0012}, {0.15, 0.0012}}};
  report.shares = {1.0, 0.0};
  report.real_shares = {0.45, 0.55};
  return report;
}

TEST(Report, CallsClassesByTheirNames) {
  Report report = small_report();
  report.class_names = {"5", "26"};
  EXPECT_THAT(to_table(report), ::testing::HasSubstr("class           5    26\n"));
  EXPECT_THAT(to_table(report), ::testing::HasSubstr("classes are missing (26)"));
  EXPECT_THAT(to_table(report), ::testing::HasSubstr("(class 5: 100.0 %, real 45.0 %)"));
  EXPECT_EQ(nlohmann::json::parse(to_json(report))["classes"]["names"], report.class_names);
}

/// A report of one measure.
std::vector<Finding> findings_of(const std::string& key, Estimate samples, Estimate real) {
  Report report = small_report();
  report.measures = {{key, samples, real}};
  return findings(report);
}

TEST(Report, IsATableForPeople) {
  EXPECT_EQ(
      to_table(small_report()),
      "10,000 samples: g.pt, seed 1\n"
      "reference: 10,000 images of MNIST test, /data\n"
      "real: 9,000 images of its other split, measured in the same way\n"
      "features: mnist classifier (shipped), CRC-32 01234567\n"
      "\n"
      "measure                 samples               real  better  samples are  what it is\n"
      "fid                12.35 ± 0.23      1.012 ± 0.046  lower   worse        Fréchet distance "
      "of the sets\n"
      "kid             0.0000 ± 0.0014    0.0001 ± 0.0014  lower                kernel distance "
      "of the sets\n"
      "precision       0.6123 ± 0.0049    0.8612 ± 0.0035  higher  worse        samples near real "
      "images\n"
      "modes                         1                  2  higher  worse        classes that are "
      "there\n"
      "class_kl          0.512 ± 0.012  0.00120 ± 0.00030  lower   worse        unevenness of the "
      "classes\n"
      "nearest_median  0.1234 ± 0.0012    0.1500 ± 0.0012                       pixels to the "
      "nearest training image\n"
      "\n"
      "class           0     1\n"
      "samples, %  100.0   0.0\n"
      "real, %      45.0  55.0\n"
      "\n"
      "Clearly worse than among real images:\n"
      "- fid is high, 12.35 (real 1.012): as a whole the samples are distributed unlike real "
      "images\n"
      "- precision is low, 0.6123 (real 0.8612): many samples look unlike any real image\n"
      "- modes is low, 1 (real 2): classes are missing (1)\n"
      "- class_kl is high, 0.512 (real 0.00120): the classes are not as frequent as among real "
      "images (class 0: 100.0 %, real 45.0 %)\n");
}

TEST(Report, SaysWhenNothingIsOff) {
  Report report = small_report();
  report.measures = {{"precision", {0.86, 0.01}, {0.87, 0.01}}};
  report.left_out = {"kid: for a reason"};
  const std::string table = to_table(report);
  EXPECT_TRUE(
      table.ends_with("\nleft out: kid: for a reason\n"
                      "\nNo measure is clearly worse than among real images.\n"))
      << table;
}

TEST(Report, TakesRoundingForNoError) {
  Report report;
  report.sample_count = report.real_count = 10000;
  report.measures = {{"fid", {1726.5426177, 4e-7}, {2.0, 1e-16}}};
  EXPECT_THAT(to_table(report), ::testing::HasSubstr("fid         1727     2  lower   worse"));
}

TEST(Findings, AreBeyondTheError) {
  EXPECT_EQ(findings_of("recall", {0.45, 0.1}, {0.9, 0.0}).size(), 1U);
  EXPECT_EQ(findings_of("recall", {0.5, 0.1}, {0.9, 0.1}).size(), 0U);
}

/// The errors of few images are uncertain.
TEST(Findings, OfFewImagesNeedMore) {
  Report report = small_report();
  report.measures = {{"recall", {0.4, 0.1}, {0.9, 0.0}}};
  EXPECT_EQ(findings(report).size(), 1U);
  report.sample_count = 50;
  EXPECT_EQ(findings(report).size(), 0U);
}

/// Two of ten classes may be absent from fifty real images.
TEST(Findings, AreMoreThanChance) {
  Report report = small_report();
  report.measures = {{"modes", {8, 0}, {10, 0}, /*by_chance=*/2}};
  EXPECT_EQ(findings(report).size(), 0U);
  report.measures[0].samples.value = 7;
  EXPECT_EQ(findings(report).size(), 1U);
}

TEST(Findings, AreMoreThanWhatMatters) {
  EXPECT_EQ(findings_of("recall", {0.82, 0.0}, {0.9, 0.0}).size(), 0U);
  EXPECT_EQ(findings_of("recall", {0.80, 0.0}, {0.9, 0.0}).size(), 1U);
  EXPECT_EQ(findings_of("memorised", {0.09, 0.001}, {0.01, 0.001}).size(), 0U);
  EXPECT_EQ(findings_of("memorised", {0.12, 0.001}, {0.01, 0.001}).size(), 1U);
}

TEST(Findings, AreForTheWorseOnly) {
  EXPECT_EQ(findings_of("fid", {1.0, 0.1}, {9.0, 0.1}).size(), 0U);
  EXPECT_EQ(findings_of("precision", {1.0, 0.0}, {0.5, 0.0}).size(), 0U);
  EXPECT_EQ(findings_of("nearest_median", {9.0, 0.0}, {0.5, 0.0}).size(), 0U);
}

TEST(Report, IsJson) {
  const auto json = nlohmann::json::parse(to_json(small_report()));
  EXPECT_EQ(json["samples"]["source"], "g.pt");
  EXPECT_EQ(json["samples"]["count"], 10000);
  EXPECT_EQ(json["samples"]["seed"], 1);
  EXPECT_EQ(json["features"]["name"], "mnist classifier (shipped)");
  EXPECT_EQ(json["features"]["crc32"], "01234567");
  EXPECT_EQ(json["reference"]["name"], "MNIST test, /data");
  EXPECT_EQ(json["reference"]["split"], "test");
  EXPECT_EQ(json["reference"]["crc32"], "89abcdef");
  EXPECT_EQ(json["reference"]["count"], 10000);
  EXPECT_EQ(json["real"]["count"], 9000);
  EXPECT_EQ(json["measures"]["precision"]["value"], 0.6123);
  EXPECT_EQ(json["measures"]["precision"]["error"], 0.0049);
  EXPECT_EQ(json["measures"]["precision"]["real"], 0.8612);
  EXPECT_EQ(json["measures"]["precision"]["real_error"], 0.0035);
  EXPECT_EQ(json["measures"]["precision"]["worse"], true);
  EXPECT_EQ(json["classes"]["shares"], (std::vector<double>{1.0, 0.0}));
  EXPECT_EQ(json["classes"]["real_shares"], (std::vector<double>{0.45, 0.55}));
  EXPECT_EQ(json["findings"][1]["measure"], "precision");
  EXPECT_EQ(json["left_out"].size(), 0U);
}

TEST(Report, IsJsonWhateverTheNumbers) {
  Report report = small_report();
  report.seed.reset();
  report.measures[0].samples.value = NAN;
  report.samples = "bad \xff text";
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_TRUE(json["measures"]["fid"]["value"].is_null());
  EXPECT_TRUE(json["samples"]["seed"].is_null());
}

}  // namespace
}  // namespace dcgan
