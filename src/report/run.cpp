#include "report/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/text.h"
#include "config/resolve.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool holds_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "config.yaml", ignored) ||
         fs::exists(folder / "metrics.jsonl", ignored);
}

/// Runs that a user may have meant who named `path`: those in it, or the one that it is part of.
std::vector<std::string> runs_near(const fs::path& path) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    if (holds_run(entry.path())) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  const fs::path parent = path.lexically_normal().parent_path();
  if (found.empty() && holds_run(parent)) found.push_back(parent.string());
  return found;
}

void require_run(const fs::path& path) {
  if (fs::is_directory(path) && holds_run(path)) return;
  if (!fs::exists(path))
    throw failure("no such folder").in(path).remedy("name the folder of a run");
  constexpr std::size_t kMaxNamed = 3;
  std::vector<std::string> near = runs_near(path);
  const std::size_t count = near.size();
  near.resize(std::min(count, kMaxNamed));
  std::string remedy = "name the folder of a run, which has config.yaml and metrics.jsonl";
  if (count > 0) remedy = fmt::format("did you mean {}?", or_list(near));
  if (count > kMaxNamed) remedy += fmt::format(" It holds {} runs", count);
  throw failure(fs::is_directory(path) ? "there is no run in this folder"
                                       : "a file, not the folder of a run")
      .in(path)
      .remedy(remedy);
}

/// A JSON object with a step and a time, or null: half a line, or one that is none of ours.
Json parse_metrics(const std::string& line) {
  Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto has_number = [&](const char* key) {
    return json.contains(key) && json[key].is_number();
  };
  return json.is_object() && has_number("step") && has_number("seconds") ? json : Json();
}

/// "1,234" or "1234".
std::optional<std::int64_t> parse_step(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ','), text.end());
  return parse_integer(text);
}

/// "step 620: the losses swing apart" has a step.
RunWarning parse_warning(std::string text) {
  const std::size_t colon = text.find(": ");
  if (!text.starts_with("step ") || colon == std::string::npos) return {{}, std::move(text)};
  const auto step = parse_step(text.substr(5, colon - 5));
  return {step, step ? text.substr(colon + 2) : std::move(text)};
}

/// Those of train.log. A run that was resumed from a checkpoint has never been where it was warned
/// after it.
std::vector<RunWarning> read_warnings(const fs::path& file) {
  constexpr std::size_t kTime = std::string_view("2026-01-31 23:59:59 ").size();
  constexpr std::string_view kWarning = "warning warning: ";
  constexpr std::string_view kResumed = "info resuming from ";
  constexpr std::string_view kStep = " (step ";
  std::vector<RunWarning> warnings;
  if (!fs::exists(file)) return warnings;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const std::string_view said = std::string_view(line).substr(std::min(kTime, line.size()));
    if (said.starts_with(kWarning)) {
      warnings.push_back(parse_warning(std::string(said.substr(kWarning.size()))));
    }
    const std::size_t at = said.rfind(kStep);
    if (!said.starts_with(kResumed) || at == said.npos || !said.ends_with(')')) continue;
    const std::string_view number = said.substr(at + kStep.size());
    const auto step = parse_step(std::string(number.substr(0, number.size() - 1)));
    std::erase_if(warnings,
                  [&](const RunWarning& one) { return step && one.step && *one.step > *step; });
  }
  return warnings;
}

Json read_evaluation(const fs::path& file) {
  if (!fs::exists(file)) return nullptr;
  Json json = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("measures") && json["measures"].is_object()) return json;
  throw failure("is not what 'dcgan evaluate --json' prints")
      .in(file)
      .remedy("remove it, or write it again: dcgan evaluate --ckpt " +
              shell_quote(file.parent_path().string()) + " --json > " + shell_quote(file.string()));
}

RunRecord read_run(const fs::path& folder) {
  require_run(folder);
  RunRecord run;
  run.folder = folder;
  run.name = fs::weakly_canonical(folder).filename().string();
  // First: a run that ends meanwhile is read to its end the next time.
  run.is_training = is_training(folder);
  const fs::path config = folder / "config.yaml";
  run.config = parse_config(read_file(config), config.string());
  const fs::path metrics = folder / "metrics.jsonl";
  auto [lines, left_out, ends_in_half] = read_metrics(metrics);
  run.metrics = std::move(lines);
  if (ends_in_half && !run.is_training) ++left_out;
  if (left_out > 0) {
    run.problems.push_back(fmt::format("{}: {} line(s) cut short or no metrics, left out",
                                       metrics.string(), left_out));
  }
  run.warnings = read_warnings(folder / "train.log");
  for (const auto& [step, file] : numbered_files(folder / "samples", ".png")) {
    run.grids.push_back({step, file});
  }
  run.evaluation = read_evaluation(folder / "evaluation.json");
  const fs::path real = folder / "samples" / "real.png";
  if (fs::exists(real)) run.real_samples = real;
  return run;
}

}  // namespace

Metrics read_metrics(const fs::path& file) {
  Metrics metrics;
  if (!fs::exists(file)) return metrics;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    Json json = parse_metrics(line);
    if (!json.is_null()) {
      metrics.lines.push_back(std::move(json));
    } else if (lines.eof()) {
      metrics.ends_in_half = true;
    } else if (!line.empty()) {
      ++metrics.left_out;
    }
  }
  return metrics;
}

std::vector<RunRecord> read_runs(const std::vector<std::string>& folders) {
  std::vector<RunRecord> runs;
  for (const std::string& folder : folders) {
    RunRecord run = read_run(folder);
    for (const RunRecord& other : runs) {
      if (fs::equivalent(other.folder, run.folder)) {
        throw usage_error("the same run is named twice").in(folder).remedy("name it once");
      }
    }
    runs.push_back(std::move(run));
  }
  const auto share_a_name = [&](const RunRecord& run) {
    return std::count_if(runs.begin(), runs.end(),
                         [&](const RunRecord& other) { return other.name == run.name; }) > 1;
  };
  std::vector<RunRecord*> ambiguous;
  for (RunRecord& run : runs) {
    if (share_a_name(run)) ambiguous.push_back(&run);
  }
  for (RunRecord* const run : ambiguous) run->name = run->folder.lexically_normal().string();
  return runs;
}

void require_metrics(std::vector<RunRecord>& runs) {
  const bool has_some = std::any_of(runs.begin(), runs.end(),
                                    [](const RunRecord& run) { return !run.metrics.empty(); });
  for (RunRecord& run : runs) {
    if (!run.metrics.empty()) continue;
    const Error error =
        failure("has no metrics: no line of a step was written")
            .in(run.folder / "metrics.jsonl")
            .remedy(run.is_training ? "wait a moment, or add --watch"
                                    : "a run writes one each train.log_every steps: train longer, "
                                      "or lower train.log_every");
    if (!has_some) throw error;
    run.problems.push_back(error.summary());
  }
}

std::int64_t newest_epoch(const fs::path& folder) {
  constexpr std::streamoff kTail = 1 << 16;  // holds several lines, whatever the classes
  std::ifstream file(folder / "metrics.jsonl", std::ios::binary | std::ios::ate);
  if (!file) return 0;
  file.seekg(std::max<std::streamoff>(0, file.tellg() - kTail));
  std::int64_t epoch = 0;
  for (std::string line; std::getline(file, line);) {
    const Json json = parse_metrics(line);
    if (!json.is_null() && json.contains("epoch") && json["epoch"].is_number_integer()) {
      epoch = json["epoch"].get<std::int64_t>();
    }
  }
  return epoch;
}

bool is_training(const fs::path& folder) {
  // A lock would make a file where nothing is.
  return fs::is_directory(folder) && FileLock(folder).busy();
}

}  // namespace dcgan
