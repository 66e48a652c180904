#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/command_context.h"
#include "cli/load_data.h"
#include "cli/output_file.h"
#include "config/fields.h"
#include "data/batch_stream.h"
#include "dcgan/error.h"
#include "dcgan/image.h"
#include "dcgan/sampler.h"
#include "gan/translate.h"
#include "runtime/torch.h"
#include "training/log.h"
#include "training/trainer.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Of one class: its name or number, and how many images it has.
struct ClassCount {
  std::string name;
  std::int64_t images = 0;
};

/// What a person wants to know of a set before training on it.
struct Summary {
  std::string name;
  std::int64_t images = 0;
  std::int64_t held_out = 0;     ///< of the other split; 0 where there is none
  std::string held_out_problem;  ///< why it can't be read; "" otherwise
  SizeRange originals;
  std::array<std::int64_t, 3> shape{};  ///< C, H, W
  std::vector<double> means;            ///< a channel each, of pixels in [0, 1]
  std::vector<double> deviations;
  std::int64_t largest = 0;         ///< value of a pixel, of 255, before it was moved
  std::uint32_t white = 0;          ///< Dataset::white
  std::int64_t measured = 0;        ///< images of which the two are
  std::vector<ClassCount> classes;  ///< none where all labels are 0
};

/// So many images, evenly spaced: float [N, C, H, W] in [0, 1].
torch::Tensor spaced_images(const Dataset& dataset, std::int64_t most) {
  const std::int64_t count = std::min(most, dataset.size());
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < count; ++i) rows.push_back(i * dataset.size() / count);
  return dataset.images.index_select(0, torch::tensor(rows)).to(torch::kFloat32).div(255.0);
}

std::vector<ClassCount> count_by_class(const Dataset& dataset) {
  if (dataset.labels.max().item<std::int64_t>() == 0) return {};
  const torch::Tensor counts =
      torch::bincount(dataset.labels.to(torch::kInt64), /*weights=*/{},
                      /*minlength=*/static_cast<std::int64_t>(dataset.classes.size()));
  std::vector<ClassCount> classes;
  for (std::int64_t label = 0; label < counts.size(0); ++label) {
    const auto at = static_cast<std::size_t>(label);
    classes.push_back({at < dataset.classes.size() ? dataset.classes[at] : std::to_string(label),
                       counts[label].item<std::int64_t>()});
  }
  return classes;
}

/// How many images are not trained on; 0 and why where they can't be read.
std::pair<std::int64_t, std::string> count_held_out(const DataConfig& data) {
  if (!has_other_split(data)) return {0, ""};
  try {
    return {load_dataset(other_split(data)).size(), ""};
  } catch (const Error& error) {
    return {0, first_line(error.what())};
  }
}

Summary summarise(const Dataset& dataset, const DataConfig& data) {
  constexpr std::int64_t kMaxMeasured = 10'000;
  const torch::Tensor images = spaced_images(dataset, kMaxMeasured);
  const auto [held_out, problem] = count_held_out(data);
  Summary summary{.name = dataset.name,
                  .images = dataset.size(),
                  .held_out = held_out,
                  .held_out_problem = problem,
                  .originals = dataset.originals,
                  .shape = {images.size(1), images.size(2), images.size(3)},
                  .largest = std::lround(255 * images.max().item<double>()),
                  .white = dataset.white,
                  .measured = images.size(0),
                  .classes = count_by_class(dataset)};
  for (std::int64_t channel = 0; channel < images.size(1); ++channel) {
    const torch::Tensor values = images.select(1, channel);
    summary.means.push_back(values.mean().item<double>());
    summary.deviations.push_back(values.std(/*unbiased=*/false).item<double>());
  }
  return summary;
}

/// "16 of 255", and under data.levels: auto what became white.
std::string describe_levels(const Summary& summary) {
  const std::string largest = fmt::format("{} of 255", summary.largest);
  if (summary.white == kFullRange) return largest;
  return fmt::format("{}; 255 is {} of {} in the files (data.levels: auto)", largest,
                     format_count(summary.white), format_count(kFullRange));
}

std::string to_text(const Summary& summary) {
  const auto numbers = [](const std::vector<double>& values) {
    std::vector<std::string> texts;
    for (const double value : values) texts.push_back(fmt::format("{:.3f}", value));
    return fmt::format("{}", fmt::join(texts, " "));
  };
  std::vector<std::vector<std::string>> rows{
      {"set", summary.name},
      {"images", format_count(summary.images)},
      {"not trained on", format_count(summary.held_out) +
                             (summary.held_out_problem.empty() ? "" : ": ") +
                             summary.held_out_problem},
      {"as stored", summary.originals.text()},
      {"as trained",
       fmt::format("{} x {} x {}", summary.shape[0], summary.shape[1], summary.shape[2])},
      {"largest value", describe_levels(summary)},
      {"mean", numbers(summary.means)},
      {"deviation", numbers(summary.deviations)}};
  if (!summary.classes.empty()) {
    rows.push_back(
        {"classes", fmt::format("{}, numbered from 0 in this order", summary.classes.size())});
  }
  for (const ClassCount& one : summary.classes) {
    rows.push_back({fmt::format("class {}", printable(one.name)), format_count(one.images)});
  }
  std::string text;
  for (const auto& row : rows) text += fmt::format("{:<16}{}\n", row[0], row[1]);
  return text;
}

nlohmann::ordered_json to_json(const Summary& summary, const std::string& picture) {
  nlohmann::ordered_json json{{"name", summary.name},
                              {"images", summary.images},
                              {"not_trained_on", summary.held_out},
                              {"not_trained_on_problem", summary.held_out_problem},
                              {"smallest", summary.originals.smallest},
                              {"largest", summary.originals.largest},
                              {"shape", summary.shape},
                              {"largest_value", summary.largest},
                              {"white", summary.white},
                              {"mean", summary.means},
                              {"deviation", summary.deviations},
                              {"measured", summary.measured}};
  json["classes"] = nlohmann::ordered_json::array();
  for (const ClassCount& one : summary.classes) {
    json["classes"].push_back({{"name", one.name}, {"images", one.images}});
  }
  json["picture"] = picture;
  return json;
}

/// The first `count` images that the discriminator will see: of the training's own stream, and
/// moved as train.translation says.
torch::Tensor first_seen(const Dataset& dataset, Config config, std::int64_t count) {
  config.train.batch_size = std::min(count, dataset.size());
  BatchStream stream(dataset, stream_options(config, torch::kCPU), /*first_step=*/0);
  const bool symmetric = config.output == OutputRange::tanh;
  torch::Tensor images = stream.next().images;
  if (config.train.translation > 0) {
    const Translations moves =
        draw_translations(config.seed, /*first=*/0, images.size(0), config.train.translation);
    images = translate(images, moves.real, border_fill(config));
  }
  return symmetric ? images.add(1.0).mul(127.5) : images.mul(255.0);
}

}  // namespace

int run_data_show(const DataShowOptions& options) {
  const torch::NoGradGuard no_grad;
  require_folder_of(options.out);
  Log log(Verbosity::normal);
  const Config& config = options.resolved.config;
  keep_out_of_pictures("--out", options.out, options.out, config.data);
  const Dataset dataset = load_dataset(config.data, log);
  const torch::Tensor seen =
      first_seen(dataset, config, options.count).round().clamp(0, 255).to(torch::kUInt8);
  GridOptions grid;
  grid.columns = square_columns(seen.size(0));
  grid.background = 128;  // so that black and white edges are seen
  write_png(options.out, make_grid(to_images(seen), grid));
  const Summary summary = summarise(dataset, config.data);
  if (options.json) {
    using nlohmann::ordered_json;
    std::cout
        << to_json(summary, options.out).dump(2, ' ', false, ordered_json::error_handler_t::replace)
        << '\n';
  } else {
    std::cout << to_text(summary) << fmt::format("{:<16}{}\n", "picture", options.out);
  }
  return 0;
}

}  // namespace dcgan::cli
