#include "training/metrics.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double per_unit) { return std::round(value * per_unit) / per_unit; }

/// What tells evaluations apart, and which is better; nothing of a line that is none.
std::optional<EvaluationRecord> evaluation_of(const Json& json) {
  const bool complete = json.contains("fid") && json["fid"].is_number() &&
                        json.contains("samples") && json["samples"].is_number_integer() &&
                        json.contains("features") && json["features"].is_string();
  if (!complete) return {};
  EvaluationRecord record;
  record.samples = json["samples"].get<std::int64_t>();
  record.features = json["features"].get<std::string>();
  record.scores.fid = json["fid"].get<double>();
  return record;
}

}  // namespace

std::string to_json(const MetricsRecord& record) {
  Json json;
  json["step"] = record.step;
  json["epoch"] = record.epoch;
  json["images"] = record.images;
  json["seconds"] = rounded(record.seconds, 1000);
  json["d_loss"] = record.numbers.discriminator_loss;
  json["g_loss"] = record.numbers.generator_loss;
  json["d_real"] = record.numbers.real_score;
  json["d_fake"] = record.numbers.fake_score;
  json["d_fake_after"] = record.numbers.fake_score_after;
  if (record.numbers.r1) json["r1"] = *record.numbers.r1;
  if (record.numbers.gradient_penalty) {
    json["gradient_penalty"] = *record.numbers.gradient_penalty;
  }
  json["images_per_second"] = rounded(record.images_per_second, 10);
  return json.dump();
}

std::string to_json(const EvaluationRecord& record) {
  Json json;
  json["step"] = record.step;
  json["epoch"] = record.epoch;
  json["seconds"] = rounded(record.seconds, 1000);
  json["samples"] = record.samples;
  json["features"] = record.features;
  json["fid"] = record.scores.fid;
  json["precision"] = record.scores.precision;
  json["recall"] = record.scores.recall;
  if (!record.scores.shares.empty()) {
    json["modes"] = record.scores.modes;
    json["shares"] = record.scores.shares;
  }
  return json.dump();
}

MetricsFile::MetricsFile(const std::filesystem::path& path, std::int64_t last_step) {
  std::string kept;
  if (std::filesystem::exists(path)) {
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer())
        continue;
      if (json["step"].get<std::int64_t>() > last_step) continue;
      if (json.contains("seconds") && json["seconds"].is_number()) {
        seconds_before_ = json["seconds"].get<double>();
      }
      if (const auto evaluation = evaluation_of(json)) evaluations_before_.push_back(*evaluation);
      kept += line + "\n";
    }
  }
  write_file_atomically(path, kept);
  lines_.emplace(path);
}

std::optional<double> MetricsFile::best_fid_before(std::int64_t samples,
                                                   const std::string& features) const {
  std::optional<double> best;
  for (const EvaluationRecord& record : evaluations_before_) {
    if (record.samples != samples || record.features != features) continue;
    best = std::min(best.value_or(record.scores.fid), record.scores.fid);
  }
  return best;
}

void MetricsFile::append(const MetricsRecord& record) { lines_->append(to_json(record)); }

void MetricsFile::append(const EvaluationRecord& record) { lines_->append(to_json(record)); }

}  // namespace dcgan
