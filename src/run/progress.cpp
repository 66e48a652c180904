#include "dcgan/run/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "dcgan/base/text.h"

namespace dcgan {

std::string format_progress(const Progress& progress) {
  const StepNumbers& n = progress.numbers;
  return fmt::format(
      "epoch {}/{}  step {}/{}  D {:.3f}  G {:.3f}  D(x) {:.2f}  D(G(z)) {:.2f} > {:.2f}  "
      "{:.0f} images/s  {} left",
      progress.epoch, progress.epochs, progress.step, progress.total_steps, n.discriminator_loss,
      n.generator_loss, n.real_score, n.fake_score, n.fake_score_after, progress.images_per_second,
      format_duration(progress.seconds_left));
}

std::string format_bar(const Progress& progress, int width) {
  constexpr std::int64_t kCells = 16;
  const std::int64_t total = std::max<std::int64_t>(progress.total_steps, 1);
  const std::int64_t done = std::clamp<std::int64_t>(progress.step, 0, total);
  const auto filled = static_cast<std::size_t>(done * kCells / total);
  const std::string bar = std::string(filled, '#') + std::string(kCells - filled, '-');
  std::string line =
      fmt::format("[{}] {:3d} %  {}", bar, done * 100 / total, format_progress(progress));
  // One column stays free: a full line would wrap, and a wrapped line can't be erased.
  line.resize(std::min(line.size(), static_cast<std::size_t>(std::max(width - 1, 0))));
  return line;
}

}  // namespace dcgan
