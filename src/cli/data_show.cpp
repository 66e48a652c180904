#include "cli/data_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/fields.h"
#include "data/batch_stream.h"
#include "dcgan/error.h"
#include "dcgan/image.h"
#include "dcgan/sampler.h"
#include "evaluate/evaluate.h"
#include "gan/translate.h"
#include "runtime/torch.h"
#include "sources/output_file.h"
#include "training/load_data.h"
#include "training/log.h"
#include "training/trainer.h"

namespace dcgan::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A class's name, or its number, and how many images it has: none where all labels are 0.
Json count_by_class(const Dataset& dataset) {
  Json classes = Json::array();
  if (dataset.labels.max().item<std::int64_t>() == 0) return classes;
  const torch::Tensor counts =
      torch::bincount(dataset.labels.to(torch::kInt64), /*weights=*/{},
                      /*minlength=*/static_cast<std::int64_t>(dataset.classes.size()));
  for (std::int64_t label = 0; label < counts.size(0); ++label) {
    classes.push_back({{"name", class_name(dataset.classes, static_cast<std::size_t>(label))},
                       {"images", counts[label].item<std::int64_t>()}});
  }
  return classes;
}

/// How many images are not trained on; 0 and why where they can't be read.
std::pair<std::int64_t, std::string> count_held_out(const DataConfig& data) {
  if (!has_other_split(data)) return {0, ""};
  try {
    return {load_dataset(other_split(data)).size(), ""};
  } catch (const Error& error) {
    return {0, error.summary()};
  }
}

/// What a person wants to know of a set before training on it. Means and deviations: a channel
/// each, of pixels in [0, 1].
Json summarise(const Dataset& dataset, const DataConfig& data, const std::string& picture) {
  constexpr std::int64_t kMaxMeasured = 10'000;
  // At random: evenly spaced ones share what has the same period, and MNIST's training set has
  // such.
  const torch::Tensor images =
      choose_images(dataset.images, kMaxMeasured, /*seed=*/1, Purpose::evaluation_order)
          .to(torch::kFloat32)
          .div(255.0);
  const auto [held_out, problem] = count_held_out(data);
  std::vector<double> means;
  std::vector<double> deviations;
  for (const torch::Tensor& values : images.unbind(1)) {
    means.push_back(values.mean().item<double>());
    deviations.push_back(values.std(/*unbiased=*/false).item<double>());
  }
  return {{"name", dataset.name},
          {"images", dataset.size()},
          {"not_trained_on", held_out},
          {"not_trained_on_problem", problem},
          {"smallest", dataset.originals.smallest},
          {"largest", dataset.originals.largest},
          {"shape", images.sizes().slice(1).vec()},
          {"largest_value", std::lround(255 * images.max().item<double>())},
          {"white", dataset.white},
          {"mean", means},
          {"deviation", deviations},
          {"measured", images.size(0)},
          {"classes", count_by_class(dataset)},
          {"picture", picture}};
}

/// "0.131 0.245".
std::string format_channels(const Json& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(fmt::format("{:.3f}", value));
  return fmt::format("{}", fmt::join(texts, " "));
}

std::string to_text(const Json& summary, const Dataset& dataset) {
  std::string text;
  const auto row = [&](const std::string& name, const std::string& value) {
    text += fmt::format("{:<16}{}\n", name, value);
  };
  const std::string problem = summary["not_trained_on_problem"];
  const std::vector<std::int64_t> shape = summary["shape"];
  row("set", dataset.name);
  row("images", format_count(dataset.size()));
  row("not trained on",
      format_count(summary["not_trained_on"]) + (problem.empty() ? "" : ": " + problem));
  row("as stored", dataset.originals.text());
  row("as trained", fmt::format("{}", fmt::join(shape, " x ")));
  const std::string white =
      dataset.white == kFullRange
          ? ""
          : fmt::format("; 255 is {} of {} in the files (data.levels: auto)",
                        format_count(dataset.white), format_count(kFullRange));
  row("largest value",
      fmt::format("{} of 255{}", summary["largest_value"].get<std::int64_t>(), white));
  row("mean", format_channels(summary["mean"]));
  row("deviation", format_channels(summary["deviation"]));
  const Json& classes = summary["classes"];
  if (!classes.empty()) {
    row("classes", fmt::format("{}, numbered from 0 in this order", classes.size()));
  }
  for (const Json& one : classes) {
    row("class " + printable(one["name"].get<std::string>()), format_count(one["images"]));
  }
  row("picture", summary["picture"]);
  return text;
}

/// The first `count` images that the discriminator will see: of the training's own stream, and
/// moved as train.translation says.
torch::Tensor first_seen(const Dataset& dataset, Config config, std::int64_t count) {
  config.train.batch_size = std::min(count, dataset.size());
  BatchStream stream(dataset, stream_options(config, torch::kCPU), /*first_step=*/0);
  const bool symmetric = config.output == OutputRange::tanh;
  torch::Tensor images = stream.next().images;
  if (config.train.translation > 0) {
    const Translations shifts =
        draw_translations(config.seed, /*first=*/0, images.size(0), config.train.translation);
    images = translate(images, shifts.real, border_fill(config));
  }
  return symmetric ? images.add(1.0).mul(127.5) : images.mul(255.0);
}

}  // namespace

int DataShow::run() {
  const torch::NoGradGuard no_grad;
  require_folder_of(out());
  Log log(Verbosity::normal);
  const Config resolved = read_config(config, overrides).config;
  keep_out_of_pictures("--out", out(), out(), resolved.data);
  const Dataset dataset = load_dataset(resolved.data, log);
  const torch::Tensor seen =
      first_seen(dataset, resolved, count).round().clamp(0, 255).to(torch::kUInt8);
  GridOptions grid;
  grid.columns = square_columns(seen.size(0));
  grid.background = 128;  // so that black and white edges are seen
  write_png(out(), make_grid(to_images(seen), grid));
  const Json summary = summarise(dataset, resolved.data, out());
  std::cout << (json ? summary.dump(2, ' ', false, Json::error_handler_t::replace) + '\n'
                     : to_text(summary, dataset));
  return 0;
}

}  // namespace dcgan::cli
