#include "training/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/text.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double per_unit) { return std::round(value * per_unit) / per_unit; }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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

MetricsFile::MetricsFile(const std::filesystem::path& path, std::int64_t last_step) : path_(path) {
  std::string kept;
  std::istringstream lines(std::filesystem::exists(path) ? read_file(path) : "");
  for (std::string line; std::getline(lines, line);) {
    try {
      const Json json = Json::parse(line);
      if (json.at("step").get<std::int64_t>() > last_step) continue;
      kept += line + '\n';
      seconds_before_ = json.at("seconds").get<double>();
      if (!json.contains("fid")) continue;
      const double fid = json["fid"].get<double>();
      const auto best =
          best_fids_.try_emplace({json.at("samples"), json.at("features")}, fid).first;
      best->second = std::min(best->second, fid);
    } catch (const Json::exception&) {  // half a line, or one that is none of ours
    }
  }
  write_file_atomically(path, kept);
  lines_.open(path, std::ios::app);
}

std::optional<double> MetricsFile::best_fid_before(std::int64_t samples,
                                                   const std::string& features) const {
  const auto found = best_fids_.find({samples, features});
  return found == best_fids_.end() ? std::nullopt : std::optional(found->second);
}

void MetricsFile::write(const std::string& line) {
  lines_ << line << std::endl;
  if (!lines_) throw write_failure(path_, errno);
}

std::string format_progress(const Position& at, const StepNumbers& numbers,
                            double images_per_second) {
  return fmt::format(
      "epoch {}/{}  step {}/{}  D {:.3f}  G {:.3f}  D(x) {:.2f}  D(G(z)) {:.2f} > {:.2f}  "
      "{:.0f} images/s",
      at.epoch, at.epochs, at.step, at.total_steps, numbers.discriminator_loss,
      numbers.generator_loss, numbers.real_score, numbers.fake_score, numbers.fake_score_after,
      images_per_second);
}

std::string format_bar(const Position& at, const std::string& left, const std::string& progress,
                       int width) {
  constexpr std::int64_t kCells = 16;
  const auto done = static_cast<std::size_t>(at.step * kCells / at.total_steps);
  const std::string text =
      fmt::format("{:3d} %  {}  {}", at.step * 100 / at.total_steps, left, progress);
  const std::string bar = fmt::format("[{:-<{}}] {}", std::string(done, '#'), kCells, text);
  // A full line would wrap, and a wrapped line can't be erased.
  const auto room = static_cast<std::size_t>(std::max(width - 1, 0));
  return bar.size() <= room ? bar : text.substr(0, room);
}

Reporter::Reporter(const std::filesystem::path& metrics, const Position& start, Log& log)
    : log_(log),
      metrics_(metrics, start.step),
      first_step_(start.step),
      window_images_(start.images) {}

double Reporter::seconds() const { return metrics_.seconds_before() + seconds_since(start_); }

double Reporter::images_per_second(const Position& at) const {
  const double seconds = std::max(seconds_since(window_start_), 1e-9);
  return static_cast<double>(at.images - window_images_) / seconds;
}

void Reporter::write_metrics(const Position& at, const StepNumbers& numbers) {
  recent_rate_ = images_per_second(at);
  metrics_.append(MetricsRecord{at.step, at.epoch, at.images, seconds(), recent_rate_, numbers});
  window_start_ = Clock::now();
  window_images_ = at.images;
}

void Reporter::show(const Position& at, const StepNumbers& numbers, bool metrics_written) {
  constexpr double kSecondsBetweenLines = 10.0;
  constexpr double kSecondsBetweenBars = 0.2;
  const bool line_due =
      at.at_epoch_end ||
      (!log_.has_bar() && metrics_written &&
       (last_line_ == Clock::time_point() || seconds_since(last_line_) >= kSecondsBetweenLines));
  const bool bar_due = log_.has_bar() && (line_due || metrics_written ||
                                          seconds_since(last_bar_) >= kSecondsBetweenBars);
  if (!line_due && !bar_due && !metrics_written) return;
  const auto done = static_cast<double>(std::max<std::int64_t>(at.step - first_step_, 1));
  const std::string left =
      fmt::format("{} left", format_duration(seconds_since(start_) / done *
                                             static_cast<double>(at.total_steps - at.step)));
  const std::string progress =
      format_progress(at, numbers, recent_rate_ > 0 ? recent_rate_ : images_per_second(at));
  if (bar_due) {
    log_.show_bar(format_bar(at, left, progress, terminal_width()));
    last_bar_ = Clock::now();
  }
  const std::string line = progress + "  " + left;
  if (line_due) {
    log_.info(line);
    last_line_ = Clock::now();
  } else if (metrics_written) {
    log_.debug(line);
  }
}

}  // namespace dcgan
