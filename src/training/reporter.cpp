#include "training/reporter.h"

#include <algorithm>

#include "training/progress.h"

namespace dcgan {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Reporter::Reporter(const std::filesystem::path& metrics, const Position& start,
                   bool has_fresh_numbers, Log& log)
    : log_(log),
      metrics_(metrics, start.step),
      has_fresh_numbers_(has_fresh_numbers),
      first_step_(start.step),
      window_images_(start.images) {}

double Reporter::seconds() const { return metrics_.seconds_before() + seconds_since(start_); }

double Reporter::images_per_second(const Position& at) const {
  const double seconds = std::max(seconds_since(window_start_), 1e-9);
  return static_cast<double>(at.images - window_images_) / seconds;
}

void Reporter::write_metrics(const Position& at, const StepNumbers& numbers) {
  recent_rate_ = images_per_second(at);
  metrics_.append({at.step, at.epoch, at.images, seconds(), recent_rate_, numbers});
  window_start_ = Clock::now();
  window_images_ = at.images;
}

bool Reporter::line_is_due(const Position& at, bool metrics_written) const {
  constexpr double kSecondsBetweenLines = 10.0;
  if (at.at_epoch_end) return true;
  return !log_.has_bar() && metrics_written &&
         (last_line_ == Clock::time_point() || seconds_since(last_line_) >= kSecondsBetweenLines);
}

void Reporter::show(const Position& at, const StepNumbers& numbers, bool metrics_written) {
  constexpr double kSecondsBetweenBars = 0.2;
  const bool line_due = line_is_due(at, metrics_written);
  const bool bar_due =
      log_.has_bar() && (line_due || metrics_written ||
                         (has_fresh_numbers_ && seconds_since(last_bar_) >= kSecondsBetweenBars));
  if (!line_due && !bar_due && !metrics_written) return;
  const auto done = static_cast<double>(std::max<std::int64_t>(at.step - first_step_, 1));
  const double left = seconds_since(start_) / done * static_cast<double>(at.total_steps - at.step);
  const double rate = recent_rate_ > 0 ? recent_rate_ : images_per_second(at);
  const Progress progress{at.step, at.total_steps, at.epoch, at.epochs, rate, left, numbers};
  if (bar_due) {
    log_.show_bar(format_bar(progress, terminal_width()));
    last_bar_ = Clock::now();
  }
  if (line_due) {
    log_.info(format_progress(progress));
    last_line_ = Clock::now();
  } else if (metrics_written) {
    log_.debug(format_progress(progress));
  }
}

}  // namespace dcgan
