#include "training/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double per_unit) { return std::round(value * per_unit) / per_unit; }

/// "GROUP/KEY" for each number of a line of metrics.jsonl but its step, "GROUP/KEY/INDEX" for those
/// of a list.
std::vector<EventFile::Scalar> scalars_of(const Json& line, const std::string& group) {
  std::vector<EventFile::Scalar> scalars;
  for (const auto& [key, value] : line.items()) {
    if (key == "step") continue;
    const std::string tag = fmt::format("{}/{}", group, key);
    if (value.is_number()) scalars.push_back({tag, value.get<double>()});
    if (!value.is_array()) continue;
    for (std::size_t i = 0; i < value.size(); ++i) {
      scalars.push_back({fmt::format("{}/{}", tag, i), value[i].get<double>()});
    }
  }
  return scalars;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::string to_json(const Position& at, const StepNumbers& numbers, double seconds,
                    double images_per_second) {
  Json json{{"step", at.step},
            {"epoch", at.epoch},
            {"images", at.images},
            {"seconds", rounded(seconds, 1000)},
            {"d_loss", numbers.discriminator_loss},
            {"g_loss", numbers.generator_loss},
            {"d_real", numbers.real_score},
            {"d_fake", numbers.fake_score},
            {"d_fake_after", numbers.fake_score_after}};
  if (numbers.r1) json["r1"] = *numbers.r1;
  if (numbers.gradient_penalty) json["gradient_penalty"] = *numbers.gradient_penalty;
  if (numbers.augment_probability) json["augment_probability"] = *numbers.augment_probability;
  json["images_per_second"] = rounded(images_per_second, 10);
  return json.dump();
}

std::string to_json(const Position& at, const QuickScores& scores, double seconds,
                    std::int64_t samples, const std::string& features) {
  Json json{{"step", at.step},
            {"epoch", at.epoch},
            {"seconds", rounded(seconds, 1000)},
            {"samples", samples},
            {"features", features},
            {"fid", scores.fid},
            {"precision", scores.precision},
            {"recall", scores.recall}};
  if (!scores.shares.empty()) {
    json["modes"] = scores.modes;
    json["shares"] = scores.shares;
  }
  return json.dump();
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

Reporter::Reporter(std::filesystem::path metrics, const Position& start, Log& log,
                   EventFile* events)
    : metrics_(std::move(metrics)),
      log_(log),
      events_(events),
      first_step_(start.step),
      window_images_(start.images) {
  std::string kept;
  std::istringstream lines(std::filesystem::exists(metrics_) ? read_file(metrics_) : "");
  for (std::string line; std::getline(lines, line);) {
    try {
      const Json json = Json::parse(line);
      if (json.at("step").get<std::int64_t>() > start.step) continue;
      kept += line + '\n';
      seconds_before_ = json.at("seconds").get<double>();
      if (!json.contains("fid")) continue;
      const auto fid = json["fid"].get<double>();
      double& best =
          best_fids_.try_emplace({json.at("samples"), json.at("features")}, fid).first->second;
      best = std::min(best, fid);
    } catch (const Json::exception&) {  // half a line, or one that is none of ours
    }
  }
  write_file_atomically(metrics_, kept);
  lines_.open(metrics_, std::ios::app);
}

double Reporter::seconds() const { return seconds_before_ + seconds_since(start_); }

std::optional<double> Reporter::best_fid_before(std::int64_t samples,
                                                const std::string& features) const {
  const auto found = best_fids_.find({samples, features});
  return found == best_fids_.end() ? std::nullopt : std::optional(found->second);
}

void Reporter::append(const std::string& line, const std::string& group) {
  lines_ << line << std::endl;
  if (!lines_) throw write_failure(metrics_, errno);
  if (events_ == nullptr) return;
  const Json json = Json::parse(line);
  events_->add_scalars(json["step"], scalars_of(json, group));
}

double Reporter::images_per_second(const Position& at) const {
  const double seconds = std::max(seconds_since(window_start_), 1e-9);
  return static_cast<double>(at.images - window_images_) / seconds;
}

void Reporter::write_metrics(const Position& at, const StepNumbers& numbers) {
  recent_rate_ = images_per_second(at);
  append(to_json(at, numbers, seconds(), recent_rate_), "training");
  window_start_ = Clock::now();
  window_images_ = at.images;
}

void Reporter::write_evaluation(const Position& at, const QuickScores& scores, std::int64_t samples,
                                const std::string& features) {
  append(to_json(at, scores, seconds(), samples, features), "evaluation");
}

void Reporter::show(const Position& at, const StepNumbers& numbers, bool metrics_written) {
  constexpr double kSecondsBetweenLines = 10.0;
  constexpr double kSecondsBetweenBars = 0.2;
  constexpr std::int64_t kMostEpochLines = 1000;  // an epoch of ten pictures is one step
  const std::int64_t epochs_a_line = (at.epochs - 1) / kMostEpochLines + 1;
  const bool epoch_due =
      at.at_epoch_end && (at.epoch % epochs_a_line == 0 || at.epoch == at.epochs);
  const bool line_due = epoch_due || (!log_.has_bar() && metrics_written &&
                                      seconds_since(last_line_) >= kSecondsBetweenLines);
  const bool bar_due =
      log_.has_bar() && (line_due || seconds_since(last_bar_) >= kSecondsBetweenBars);
  if (!line_due && !bar_due && !metrics_written) return;
  const auto done = static_cast<double>(std::max<std::int64_t>(at.step - first_step_, 1));
  const std::string left = format_duration(seconds_since(start_) / done *
                                           static_cast<double>(at.total_steps - at.step)) +
                           " left";
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
