// Every measure against what other programs say of the same features: tests/fixtures/README.md.
#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/classes.h"
#include "evaluate/distances.h"
#include "evaluate/neighbours.h"
#include "runtime/random.h"
#include "runtime/torch.h"
#include "support/reference_case.h"

namespace dcgan {
namespace {

using testing::load_reference;
using testing::ReferenceCase;

constexpr double kClose = 1e-6;

const ReferenceCase& reference() {
  static const ReferenceCase reference_case = load_reference("measures");
  return reference_case;
}

const torch::Tensor& tensor(const std::string& name) { return reference().at(name); }
double number(const std::string& name) { return tensor(name).item<double>(); }

/// Relative, and so that 0 is expected exactly.
void expect_close(double value, double expected) {
  EXPECT_NEAR(value, expected, kClose * std::fabs(expected));
}

double distance(const std::string& a, const std::string& b) {
  return frechet_distance(fit_gaussian(tensor(a)), fit_gaussian(tensor(b)));
}

TEST(Frechet, EqualsScipy) { expect_close(distance("a", "b"), number("frechet.ab")); }

TEST(Frechet, IsExactForSingularCovariances) {
  expect_close(distance("c", "d"), number("frechet.cd"));
  expect_close(distance("a", "d"), number("frechet.ad"));
}

TEST(Frechet, IsExactForFewerSamplesThanDimensions) {
  expect_close(distance("e", "f"), number("frechet.ef"));
}

TEST(Frechet, IsTheSameFromBothSides) { expect_close(distance("b", "a"), distance("a", "b")); }

TEST(Frechet, IsZeroForTheSameSet) {
  EXPECT_LT(distance("a", "a"), 1e-10);
  EXPECT_LT(distance("e", "e"), 1e-10);
}

/// For unit normal distributions a mean that is off by 1 in one dimension makes a distance of 1.
TEST(Frechet, GrowsWithTheSquareOfTheShift) {
  torch::Tensor shifted = tensor("a").clone();
  shifted.select(1, 2) += 3.0;
  EXPECT_NEAR(frechet_distance(fit_gaussian(tensor("a")), fit_gaussian(shifted)), 9.0, 1e-5);
}

TEST(Kernel, EqualsSklearn) {
  for (const char* pair : {"ab", "cd", "ef"}) {
    SCOPED_TRACE(pair);
    const torch::Tensor& x = tensor(std::string(1, pair[0]));
    const torch::Tensor& y = tensor(std::string(1, pair[1]));
    expect_close(kernel_distance(x, y).value, number("kernel." + std::string(pair)));
  }
}

TEST(Kernel, OfLargeSetsTakesSomeRows) {
  const torch::Tensor b = tensor("b").narrow(0, 0, 100);
  const Estimate whole = kernel_distance(tensor("a"), b);
  const Estimate some = kernel_distance(tensor("a"), b, /*seed=*/1, /*max_rows=*/150);
  EXPECT_NE(some.value, whole.value);
  EXPECT_NEAR(some.value, whole.value, 4.0 * some.error);
  EXPECT_GT(some.error, whole.error);
}

TEST(Kernel, IsTheSameWithOtherThreads) {
  const int threads = at::get_num_threads();
  std::vector<double> values;
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    values.push_back(kernel_distance(tensor("a"), tensor("b")).value);
  }
  at::set_num_threads(threads);
  EXPECT_EQ(values[0], values[1]);
}

TEST(Neighbours, EqualScipy) {
  const Neighbours nearest = nearest_neighbours(tensor("a"), tensor("b"), 5);
  EXPECT_TRUE(torch::equal(nearest.indices, tensor("nearest.indices")));
  EXPECT_TRUE(torch::allclose(nearest.distances, tensor("nearest.distances"), kClose, 0.0));
}

TEST(Neighbours, LeaveThemselvesOut) {
  const Neighbours nearest = nearest_neighbours(tensor("a"), tensor("a"), 5);
  EXPECT_TRUE(torch::allclose(nearest.distances, tensor("nearest.others"), kClose, 0.0));
}

/// More rows than a tile has, and two clouds so small and so far apart that the squares drown their
/// differences in float32, wherever the centre is.
TEST(Neighbours, AreExactWhereFloatsAreNot) {
  torch::Tensor base = normal_rows(1, Purpose::sample_latents, 0, 4500, 7).mul_(0.01);
  const torch::Tensor side = torch::arange(4500).remainder(2).mul(200).sub(100).unsqueeze(1);
  base += side.to(torch::kFloat32);
  const torch::Tensor queries = base.narrow(0, 4200, 270) + 0.001;
  const Neighbours nearest = nearest_neighbours(queries, base, 3);
  const auto expected = torch::cdist(queries.to(torch::kFloat64), base.to(torch::kFloat64), 2.0,
                                     /*compute_mode=*/2)
                            .topk(3, 1, /*largest=*/false);
  EXPECT_TRUE(torch::equal(nearest.indices, std::get<1>(expected)));
  EXPECT_TRUE(torch::allclose(nearest.distances, std::get<0>(expected), 1e-9, 0.0));
}

TEST(Neighbours, OfEqualRowsTheFirst) {
  const torch::Tensor base = torch::ones({40, 3});
  const Neighbours nearest = nearest_neighbours(base, base, 2);
  EXPECT_EQ(nearest.distances.abs().max().item<double>(), 0.0);
  EXPECT_EQ(nearest.indices[0][0].item<std::int64_t>(), 1);
  EXPECT_EQ(nearest.indices[39][1].item<std::int64_t>(), 1);
}

TEST(Overlap, EqualsPrdc) {
  const Overlap result = overlap(make_manifold(tensor("a")), make_manifold(tensor("b")));
  const auto mean = [](const torch::Tensor& numbers) { return numbers.mean().item<double>(); };
  expect_close(mean(result.precise), number("overlap.precision"));
  expect_close(mean(result.recalled), number("overlap.recall"));
  expect_close(mean(result.density), number("overlap.density"));
  expect_close(mean(result.covered), number("overlap.coverage"));
}

/// One sample amid the real images; the ball of the next one holds the upper five of these.
TEST(Overlap, CountsWhatOneSampleAloneReaches) {
  const torch::Tensor line = torch::arange(0, 10, torch::kFloat32).view({10, 1});
  torch::Tensor samples = torch::arange(2, 12, torch::kFloat32).view({10, 1}).mul(100);
  samples[0] = 4.5F;
  const Overlap result = overlap(make_manifold(samples), make_manifold(line));
  EXPECT_EQ(result.covered.sum().item<double>(), 10.0);
  EXPECT_EQ(result.covered_alone[0].item<double>(), 10.0);
  EXPECT_EQ(result.recalled.sum().item<double>(), 10.0);
  EXPECT_EQ(result.recalled_alone[0].item<double>(), 5.0);
  EXPECT_EQ(result.recalled_alone.sum().item<double>(), 5.0);
}

/// Copies of the real images lie in the balls of their neighbours, and on no border.
TEST(Overlap, OfASetWithItselfIsWhole) {
  const Manifold set = make_manifold(tensor("b"));
  const Overlap result = overlap(set, set);
  EXPECT_EQ(result.precise.min().item<double>(), 1.0);
  EXPECT_EQ(result.recalled.min().item<double>(), 1.0);
  EXPECT_EQ(result.covered.min().item<double>(), 1.0);
}

/// A border is outside: four points on a line, each at the very distance of a neighbour.
TEST(Overlap, LeavesTheBorderOut) {
  const torch::Tensor line = torch::arange(0, 10, torch::kFloat32).view({10, 1});
  const Manifold real = make_manifold(line);
  // Row 9's third neighbour is 3 away, its fifth 5.
  torch::Tensor samples = torch::full({10, 1}, 100.0);
  samples[0] = 12.0F;
  samples[1] = 14.0F;
  const Overlap result = overlap(make_manifold(samples), real);
  EXPECT_EQ(result.precise[0].item<double>(), 0.0);
  EXPECT_EQ(result.density[0].item<double>(), 0.2 * 1.0);
  EXPECT_EQ(result.density[1].item<double>(), 0.0);
}

TEST(Classes, EqualScipy) {
  const ClassSummary a = summarise_classes(tensor("logits_a"));
  const ClassSummary b = summarise_classes(tensor("logits_b"));
  EXPECT_TRUE(torch::equal(a.counts.to(torch::kInt64), tensor("classes.counts_a")));
  EXPECT_TRUE(torch::equal(b.counts.to(torch::kInt64), tensor("classes.counts_b")));
  expect_close(a.confidence.mean().item<double>(), number("classes.confidence"));
  EXPECT_EQ(modes_covered(a.counts, b.counts), static_cast<std::int64_t>(number("classes.modes")));
  expect_close(class_divergence(a.counts, b.counts).value, number("classes.divergence"));
}

torch::Tensor counts(const std::vector<double>& numbers) {
  return torch::tensor(numbers, torch::kFloat64);
}

TEST(Classes, CountAModeFromATenthOfItsShareOn) {
  const torch::Tensor real = counts({500, 500});
  EXPECT_EQ(modes_covered(counts({10, 990}), real), 1);
  EXPECT_EQ(modes_covered(counts({50, 950}), real), 2);
  EXPECT_EQ(modes_covered(counts({49, 951}), real), 1);
}

TEST(Classes, AreLostByChanceAmongFewImages) {
  const torch::Tensor even = counts(std::vector<double>(10, 1000));
  EXPECT_EQ(modes_lost_by_chance(even, 10'000), 0);
  EXPECT_EQ(modes_lost_by_chance(even, 100), 0);  // each is absent once in 22,000 sets
  EXPECT_EQ(modes_lost_by_chance(even, 50), 2);   // once in 148
  EXPECT_EQ(modes_lost_by_chance(counts({1000, 0}), 10), 0);
}

TEST(InceptionScore, EqualsScipy) {
  const Estimate score = inception_score(tensor("logits_a"));
  expect_close(score.value, number("classes.score"));
  expect_close(score.error, number("classes.score_deviation") / std::sqrt(10.0 - 1.0));
}

TEST(InceptionScore, IsTheNumberOfClassesAtBest) {
  const torch::Tensor sure = torch::eye(4).repeat({25, 1}) * 1000.0;
  expect_close(inception_score(sure, 5).value, 4.0);
}

TEST(Copies, EqualScipy) {
  const Copies copies =
      find_copies(tensor("images.samples"), tensor("images.trained"), tensor("images.held_out"));
  EXPECT_TRUE(torch::equal(copies.training_rows, tensor("copies.samples_rows")));
  EXPECT_TRUE(torch::allclose(copies.distances, tensor("copies.samples"), kClose, 0.0));
  EXPECT_TRUE(torch::allclose(copies.held_out_distances, tensor("copies.held_out"), kClose, 0.0));
  expect_close(copies.held_out_distances.quantile(0.01).item<double>(), number("copies.threshold"));
}

TEST(Copies, CompareEvenlySpacedSamples) {
  const Copies copies =
      find_copies(tensor("images.samples"), tensor("images.trained"), tensor("images.held_out"), 4);
  EXPECT_TRUE(torch::equal(copies.sample_rows, torch::tensor({0, 5, 10, 15}, torch::kInt64)));
  EXPECT_EQ(copies.held_out_distances.size(0), 4);
}

}  // namespace
}  // namespace dcgan
