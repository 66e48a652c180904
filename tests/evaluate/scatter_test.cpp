// Whether each ± of the report is what other real images would show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "evaluate/evaluate.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kWidth = 6;
constexpr std::int64_t kClasses = 4;
constexpr std::int64_t kReference = 1000;
constexpr std::int64_t kDraws = 60;

/// `count` points of kClasses overlapping clouds, in random order.
torch::Tensor draw(std::int64_t position, std::int64_t count) {
  torch::Tensor points = normal_rows(position, Purpose::sample_latents, 0, count, kWidth);
  const torch::Tensor which = uniform_rows(position, Purpose::mixture, 0, count, 1);
  const torch::Tensor classes = which.add(1.0).mul(kClasses / 2.0).floor().to(torch::kInt64);
  return points.scatter_add(1, classes, torch::full({count, 1}, 3.0F));
}

Described describe(const torch::Tensor& points) {
  return describe_set({points, points.narrow(1, 0, kClasses) * 2.0});
}

/// The measures of real images against the reference, those of one draw a row.
const std::vector<std::vector<Measure>>& real_draws(std::int64_t count) {
  static std::map<std::int64_t, std::vector<std::vector<Measure>>> all;
  std::vector<std::vector<Measure>>& draws = all[count];
  const Described reference = describe(draw(1, kReference));
  const torch::Tensor held_out = torch::arange(1, kReference + 1, torch::kFloat64);
  while (static_cast<std::int64_t>(draws.size()) < kDraws) {
    const std::int64_t position = 2 + count + static_cast<std::int64_t>(draws.size());
    const torch::Tensor points = draw(position, count);
    const torch::Tensor labels = points.narrow(1, 0, kClasses).argmax(1);
    Copies copies;  // as far from the training images as those that were held out
    copies.distances = held_out.index_select(
        0, torch::tensor(resample(position, Purpose::data_order, 0, kReference), torch::kInt64)
               .narrow(0, 0, count));
    copies.held_out_distances = held_out;
    const Described set = describe(points);
    Report report = evaluate(set, set, reference, copies, 1);
    // The classifier is wrong about some.
    torch::Tensor asked = set.classes->labels.clone();
    asked.masked_fill_(points.select(1, kWidth - 1) > 1.6, 0);
    add_class_accuracy(report, set, asked, kClasses, set, asked);
    draws.push_back(report.measures);
  }
  return draws;
}

/// Measure i of every draw.
std::vector<Estimate> estimates_of(const std::vector<std::vector<Measure>>& draws, std::size_t i) {
  std::vector<Estimate> estimates;
  for (const std::vector<Measure>& measures : draws) estimates.push_back(measures[i].samples);
  return estimates;
}

double scatter_of(const std::vector<Estimate>& estimates) {
  std::vector<double> values;
  for (const Estimate& one : estimates) values.push_back(one.value);
  return torch::tensor(values, torch::kFloat64).std().item<double>();
}

double mean_error(const std::vector<Estimate>& estimates) {
  double sum = 0.0;
  for (const Estimate& one : estimates) sum += one.error;
  return sum / static_cast<double>(estimates.size());
}

class Errors : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Errors, AreTheScatterOfRealDraws) {
  const auto& draws = real_draws(GetParam());
  for (std::size_t i = 0; i < draws[0].size(); ++i) {
    const std::vector<Estimate> estimates = estimates_of(draws, i);
    if (draws[0][i].key == "modes") continue;  // a count without an error
    EXPECT_NEAR(mean_error(estimates) / scatter_of(estimates), 1.0, 1.0 / 3.0) << draws[0][i].key;
  }
}

/// Each draw beside each other one, as samples beside real images.
TEST_P(Errors, MakeNoRealDrawWorseThanAnother) {
  const auto& draws = real_draws(GetParam());
  std::int64_t rows = 0;
  std::int64_t worse = 0;
  for (const std::vector<Measure>& samples : draws) {
    for (const std::vector<Measure>& real : draws) {
      Report report;
      report.sample_count = report.real_count = GetParam();
      for (std::size_t i = 0; i < samples.size(); ++i) {
        report.measures.push_back(samples[i]);
        report.measures.back().real = real[i].samples;
      }
      rows += static_cast<std::int64_t>(report.measures.size());
      worse += static_cast<std::int64_t>(findings(report).size());
    }
  }
  EXPECT_GT(rows, 50'000);
  EXPECT_LT(worse * 1000, rows);
}

INSTANTIATE_TEST_SUITE_P(Draws, Errors, ::testing::Values(100, 400));

}  // namespace
}  // namespace dcgan
