#include "training/load_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "dcgan/error.h"
#include "evaluate/neighbours.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Warns of what is wrong with the values of a set's pixels, as far as some of its images show.
void judge_contrast(const Dataset& dataset, Levels levels, Log& log) {
  constexpr std::int64_t kMaxImages = 1000;
  constexpr std::int64_t kMaxBytes = 1 << 24;
  constexpr int kDark = 64;  // 14 bits of 16
  constexpr double kFlat = 0.02;
  const std::int64_t bytes = dataset.images.numel() / dataset.size();
  const torch::Tensor rows =
      evenly_spaced(dataset.size(), std::clamp<std::int64_t>(kMaxBytes / bytes, 1, kMaxImages));
  const torch::Tensor images = dataset.images.index_select(0, rows);
  const int largest = images.max().item<int>();
  if (levels == Levels::full && largest <= kDark) {
    return log.warn(fmt::format(
        "{}: its largest value is {} of 255, so that the images are nearly black; set data.levels: "
        "auto, which makes the largest value white",
        dataset.name, largest));
  }
  const torch::Tensor values = images.to(torch::kFloat32).div_(255.0);
  const double deviation = values.std(/*unbiased=*/false).item<double>();
  if (deviation >= kFlat) return;
  log.warn(fmt::format(
      "{}: its images have almost no contrast (mean {:.3f}, deviation {:.3f}), so that a generator "
      "can learn little but one grey; spread their values over the whole range first",
      dataset.name, values.mean().item<double>(), deviation));
}

}  // namespace

void PrepareBar::check_stop() const {
  if (stop_.requested()) throw stopped("stopped while reading the images; nothing was written");
}

void PrepareBar::operator()(std::int64_t done, std::int64_t total) {
  constexpr double kQuietSeconds = 1.0;
  constexpr double kSecondsALine = 10.0;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (total == 0) {  // another program is at it
    check_stop();
    if (seconds < kQuietSeconds || waited_) return;
    log_.info("waiting for another program that prepares the same images");
    waited_ = true;
    return;
  }
  if (stop_.requested() && done < total) {
    throw stopped(fmt::format("stopped while preparing images: {} of {} are done",
                              format_count(done), format_count(total)));
  }
  if (seconds < kQuietSeconds || done == 0) return;
  if (done == total) return log_.show_bar("");
  const double rate = static_cast<double>(done) / seconds;
  const std::string text = fmt::format("preparing images: {} of {}, {:.0f}/s, {} left",
                                       format_count(done), format_count(total), rate,
                                       format_duration(static_cast<double>(total - done) / rate));
  log_.show_bar(text);
  if (log_.has_bar() || seconds < kSecondsALine * static_cast<double>(lines_ + 1)) return;
  log_.info(text);
  ++lines_;
}

Dataset load_dataset(const DataConfig& data, Log& log) {
  Dataset dataset;
  {
    PrepareBar bar(log);
    dataset = dcgan::load_dataset(data, std::ref(bar));
    bar.check_stop();
  }
  if (!dataset.warning.empty()) log.warn(dataset.warning);
  if (!dataset.note.empty()) log.info(dataset.note);
  judge_contrast(dataset, data.levels, log);
  return dataset;
}

}  // namespace dcgan
