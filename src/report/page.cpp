#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "config/fields.h"
#include "dcgan/image.h"
#include "html/page.h"
#include "image/decode.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// A picture as a data: URI; null, and a problem, where it is no PNG that a browser shows.
Json as_data_uri(const fs::path& file, Json& problems) {
  try {
    const std::string bytes = read_file(file);
    if (image_format(bytes) != ImageFormat::png) throw failure("is no PNG");
    if (bytes.size() > kMaxPngBytes) throw failure("is too large");
    decode_image(bytes, {.max_pixels = kMaxImageBytes});
    return "data:image/png;base64," + to_base64(bytes);
  } catch (Error& error) {
    problems.push_back(error.in(file).summary() + ", left out");
    return nullptr;
  }
}

std::uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

/// So many of `grids`, evenly spaced, the last among them.
std::vector<SampleGrid> evenly_spaced(const std::vector<SampleGrid>& grids, std::size_t count) {
  if (count >= grids.size()) return grids;
  if (count == 1) return {grids.back()};
  std::vector<SampleGrid> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    chosen.push_back(grids[i * (grids.size() - 1) / (count - 1)]);
  }
  return chosen;
}

/// As many as fit into `budget` bytes.
std::vector<SampleGrid> choose_grids(const std::vector<SampleGrid>& grids, std::uintmax_t budget) {
  for (std::size_t count = std::min(grids.size(), kMaxGrids); count > 0; --count) {
    std::vector<SampleGrid> chosen = evenly_spaced(grids, count);
    std::uintmax_t bytes = 0;
    for (const SampleGrid& grid : chosen) bytes += size_of(grid.file);
    if (bytes <= budget) return chosen;
  }
  return {};
}

/// The mean of a key's numbers in some lines; null without one.
Json mean_of(const std::vector<const Json*>& lines, const std::string& key) {
  double sum = 0.0;
  int count = 0;
  for (const Json* const line : lines) {
    if (!line->contains(key) || !(*line)[key].is_number()) continue;
    sum += (*line)[key].get<double>();
    ++count;
  }
  return count == 0 ? Json(nullptr) : Json(sum / count);
}

/// A list for each key. Of several lines a point has the last one's step and the mean of the rest.
Json as_columns(const std::vector<const Json*>& lines, const std::vector<std::string>& keys,
                std::size_t lines_a_point) {
  Json columns = Json::object();
  for (const char* const key : {"step", "seconds"}) columns[key] = Json::array();
  for (const std::string& key : keys) columns[key] = Json::array();
  for (std::size_t begin = 0; begin < lines.size(); begin += lines_a_point) {
    const std::size_t end = std::min(begin + lines_a_point, lines.size());
    const std::vector<const Json*> some(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                                        lines.begin() + static_cast<std::ptrdiff_t>(end));
    for (const char* const key : {"step", "seconds"}) columns[key].push_back((*some.back())[key]);
    for (const std::string& key : keys) columns[key].push_back(mean_of(some, key));
  }
  columns["lines_a_point"] = lines_a_point;
  return columns;
}

Json curves_of(const RunRecord& run, bool evaluations) {
  std::vector<const Json*> lines;
  for (const Json& line : run.metrics) {
    if (line.contains("fid") == evaluations) lines.push_back(&line);
  }
  if (evaluations) return as_columns(lines, {"fid", "precision", "recall"}, 1);
  const std::size_t lines_a_point = (lines.size() + kMaxPoints - 1) / kMaxPoints;
  return as_columns(lines,
                    {"epoch", "d_loss", "g_loss", "d_real", "d_fake", "d_fake_after", "r1",
                     "gradient_penalty", "augment_probability", "images_per_second"},
                    std::max<std::size_t>(lines_a_point, 1));
}

Json describe_run(const RunRecord& run, std::uintmax_t image_budget) {
  const std::uintmax_t real = run.real_samples.empty() ? 0 : size_of(run.real_samples);
  const bool has_real = real > 0 && real <= image_budget;
  Json problems = run.problems;
  Json json{{"name", run.name},
            {"folder", run.folder.string()},
            {"epochs", run.config.train.epochs},
            {"is_training", run.is_training},
            {"of_probabilities", is_of_probabilities(run.config.train.loss)},
            {"steps", curves_of(run, /*evaluations=*/false)},
            {"evaluations", curves_of(run, /*evaluations=*/true)},
            {"warnings", Json::array()},
            {"real", has_real ? as_data_uri(run.real_samples, problems) : Json(nullptr)},
            {"grid_count", run.grids.size()},
            {"grids", Json::array()},
            {"evaluation", run.evaluation}};
  for (const RunWarning& warning : run.warnings) {
    json["warnings"].push_back(
        {{"step", warning.step ? Json(*warning.step) : Json(nullptr)}, {"text", warning.text}});
  }
  for (const SampleGrid& grid : choose_grids(run.grids, image_budget - (has_real ? real : 0))) {
    Json picture = as_data_uri(grid.file, problems);
    if (!picture.is_null()) json["grids"].push_back({{"step", grid.step}, {"image", picture}});
  }
  json["problems"] = problems;
  return json;
}

/// The keys whose values are not the same in all configurations.
Json compare(const std::vector<const Config*>& configs) {
  Json differences = Json::array();
  for (const Field& field : config_fields()) {
    std::vector<std::string> values;
    values.reserve(configs.size());
    for (const Config* const config : configs) values.push_back(field.get(*config));
    const bool same = std::all_of(values.begin(), values.end(),
                                  [&](const std::string& value) { return value == values[0]; });
    if (same) continue;
    differences.push_back({{"key", field.key}, {"meaning", field.meaning}, {"values", values}});
  }
  return differences;
}

}  // namespace

Json report_data(const std::vector<RunRecord>& runs) {
  const Config defaults;
  std::vector<const Config*> configs;
  Json described = Json::array();
  for (const RunRecord& run : runs) {
    configs.push_back(&run.config);
    described.push_back(describe_run(run, kMaxPngBytes / runs.size()));
  }
  if (configs.size() == 1) configs.push_back(&defaults);
  return {{"runs", described}, {"differences", compare(configs)}};
}

std::string to_page(Json data, bool watching) {
  data["watching"] = watching;
  const PageParts files{
#include "page_files.h"
  };
  return fill_page(files, {{"data", script_json(data)}});
}

}  // namespace dcgan
