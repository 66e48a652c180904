// Whether each ± of `dcgan evaluate` is what real images scatter by.
//
//     evaluation_errors [DATA [DRAWS [COUNT...]]]
//                       data/mnist 200 50 100 500 2000
//
// Draws sets of COUNT images, DRAWS of them, from the last two thirds of DATA's training split, and
// measures each against the test split; the first sixth stands for the images that a generator was
// trained on. Prints a row for each measure and COUNT: the standard deviation of its values, the
// mean of the ± that the evaluations say, how many times the one is the other, and how often one
// set is called worse than another (memorised: than the images held out).
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "data/dataset.h"
#include "dcgan/error.h"
#include "evaluate/evaluate.h"
#include "sources/image_source.h"

namespace {

using namespace dcgan;

/// What every draw needs, computed once.
struct Images {
  FeatureBatch batch;       ///< of the images that are drawn
  torch::Tensor labels;     ///< int64: theirs
  torch::Tensor distances;  ///< float64: of each to the nearest image of the training
  Copies held_out;          ///< of the reference
  Described reference;
  std::int64_t classes = 0;

  std::int64_t size() const { return labels.size(0); }
};

Images prepare(const std::string& path) {
  DataConfig data;
  data.path = path;
  data.format = guess_format(path);
  const Dataset training = load_dataset(data);
  const Dataset test = load_dataset(other_split(data));
  const Features features = Features::find("auto", training.set, torch::kCPU);
  const std::int64_t first = training.size() / 3;
  const torch::Tensor drawn = training.images.slice(0, first);
  const torch::Tensor trained_on = training.images.slice(0, 0, training.size() / 6);
  Images images;
  images.batch = features.compute(drawn);
  images.labels = training.labels.slice(0, first).to(torch::kInt64);
  images.distances = find_copies(drawn, trained_on, drawn.slice(0, 0, 1), drawn.size(0)).distances;
  images.held_out = find_copies(drawn.slice(0, 0, 1), trained_on, test.images);
  images.reference = describe_set(features.compute(test.images));
  images.classes = images.batch.logits.defined() ? images.batch.logits.size(1) : 0;
  return images;
}

/// A set of real images.
struct Draw {
  torch::Tensor rows;
  Described set;
};

Draw draw(const Images& images, std::int64_t seed, std::int64_t count) {
  const torch::Tensor rows =
      choose_images(torch::arange(images.size()), count, seed, Purpose::evaluation_order);
  FeatureBatch batch{images.batch.features.index_select(0, rows), {}};
  if (images.batch.logits.defined()) batch.logits = images.batch.logits.index_select(0, rows);
  return {rows, describe_set(std::move(batch))};
}

Report compare(const Images& images, const Draw& samples, const Draw& real) {
  Copies copies = images.held_out;
  const torch::Tensor rows =
      samples.rows.index_select(0, evenly_spaced(samples.rows.size(0), kMaxCompared));
  copies.distances = images.distances.index_select(0, rows);
  Report report = evaluate(samples.set, real.set, images.reference, copies, /*seed=*/1);
  const auto labels = [&](const Draw& one) { return images.labels.index_select(0, one.rows); };
  add_class_accuracy(report, samples.set, labels(samples), images.classes, real.set, labels(real));
  return report;
}

bool is_of_copies(const std::string& key) {
  return key == "memorised" || key.starts_with("nearest");
}

using Draws = std::vector<Measure>;  ///< a measure of each draw, as `samples`

/// By the measures' keys, whose order goes into `keys`.
std::map<std::string, Draws> measure(const Images& images, std::int64_t draws, std::int64_t count,
                                     std::vector<std::string>& keys) {
  std::map<std::string, Draws> all;
  keys.clear();
  for (std::int64_t i = 0; i + 1 < draws; i += 2) {
    const Report report = compare(images, draw(images, i, count), draw(images, i + 1, count));
    for (const Measure& one : report.measures) {
      if (i == 0) keys.push_back(one.key);
      Draws& of_measure = all[one.key];
      of_measure.push_back(one);
      if (is_of_copies(one.key)) continue;
      of_measure.push_back(one);
      of_measure.back().samples = one.real;
    }
  }
  return all;
}

struct Verdicts {
  std::int64_t worse = 0;
  std::int64_t all = 0;
};

bool is_worse(const Measure& measure, std::int64_t count) {
  Report report;
  report.sample_count = report.real_count = count;
  report.measures = {measure};
  return !findings(report).empty();
}

/// Each draw beside each other one, or beside the images held out.
Verdicts judge(const Draws& draws, std::int64_t count) {
  Verdicts verdicts;
  for (const Measure& one : draws) {
    if (is_of_copies(one.key)) {
      verdicts.worse += is_worse(one, count) ? 1 : 0;
      ++verdicts.all;
      continue;
    }
    for (const Measure& other : draws) {
      if (&one == &other) continue;
      Measure pair = one;
      pair.real = other.samples;
      verdicts.worse += is_worse(pair, count) ? 1 : 0;
      ++verdicts.all;
    }
  }
  return verdicts;
}

std::vector<std::string> table_row(const std::string& key, std::int64_t count, const Draws& draws,
                                   const Verdicts& verdicts) {
  std::vector<double> values;
  std::vector<double> errors;
  for (const Measure& one : draws) {
    values.push_back(one.samples.value);
    errors.push_back(one.samples.error);
  }
  const double scatter = torch::tensor(values, torch::kFloat64).std().item<double>();
  const double said = torch::tensor(errors, torch::kFloat64).mean().item<double>();
  return {key,
          format_count(count),
          fmt::format("{:.5f}", torch::tensor(values, torch::kFloat64).mean().item<double>()),
          fmt::format("{:.5f}", scatter),
          said > 0.0 ? fmt::format("{:.5f}", said) : "none",
          said > 0.0 && scatter > 0.0 ? fmt::format("{:.2f}", said / scatter) : "",
          fmt::format("{:.5f}",
                      static_cast<double>(verdicts.worse) / static_cast<double>(verdicts.all))};
}

/// Returns the mean share of verdicts.
double print_scatter(const Images& images, std::int64_t draws, std::int64_t count) {
  std::vector<std::vector<std::string>> rows;
  double worse = 0.0;
  std::vector<std::string> keys;
  const auto all = measure(images, draws, count, keys);
  for (const std::string& key : keys) {
    const Verdicts verdicts = judge(all.at(key), count);
    rows.push_back(table_row(key, count, all.at(key), verdicts));
    worse += static_cast<double>(verdicts.worse) / static_cast<double>(verdicts.all);
  }
  fmt::print("{}\n", format_table({"measure", "images", "mean", "scatter", "mean ±", "± / scatter",
                                   "called worse"},
                                  rows));
  std::fflush(stdout);
  return worse / static_cast<double>(rows.size());
}

void print_all(const std::string& path, std::int64_t draws,
               const std::vector<std::int64_t>& counts) {
  const Images images = prepare(path);
  double worse = 0.0;
  for (const std::int64_t count : counts) worse += print_scatter(images, draws, count);
  fmt::print("called worse: {:.6f} of all rows\n", worse / static_cast<double>(counts.size()));
}

}  // namespace

int main(int argc, char** argv) {
  const torch::NoGradGuard no_grad;
  std::vector<std::int64_t> numbers;
  for (int i = 2; i < argc; ++i) numbers.push_back(parse_integer(argv[i]).value_or(0));
  if (std::any_of(numbers.begin(), numbers.end(), [](std::int64_t n) { return n < 10; })) {
    std::fputs("usage: evaluation_errors [DATA [DRAWS [COUNT...]]], numbers from 10 on\n", stderr);
    return 2;
  }
  std::vector<std::int64_t> counts{50, 100, 500, 2000};
  if (numbers.size() > 1) counts.assign(numbers.begin() + 1, numbers.end());
  try {
    print_all(argc > 1 ? argv[1] : "data/mnist", numbers.empty() ? 200 : numbers[0], counts);
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "evaluation_errors: {}\n", error.what());
    return error.exit_code();
  }
}
