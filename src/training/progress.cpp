#include "training/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"

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
  const std::int64_t total = std::max<std::int64_t>(progress.total_steps, 1);
  const std::int64_t done = std::clamp<std::int64_t>(progress.step, 0, total);
  const auto bar = [&](std::int64_t cells) {
    const auto filled = static_cast<std::size_t>(done * cells / total);
    const auto empty = static_cast<std::size_t>(cells) - filled;
    return fmt::format("[{}{}]", std::string(filled, '#'), std::string(empty, '-'));
  };
  const StepNumbers& n = progress.numbers;
  const std::string percent = fmt::format("{:3d} %", done * 100 / total);
  const std::string losses =
      fmt::format("D {:.2f} G {:.2f}", n.discriminator_loss, n.generator_loss);
  const std::string scores = fmt::format("D(x) {:.2f} D(G(z)) {:.2f}", n.real_score, n.fake_score);
  const std::string rate = fmt::format("{:.0f} images/s", progress.images_per_second);
  const std::string left = fmt::format("{} left", format_duration(progress.seconds_left));
  const std::string epoch = fmt::format("epoch {}/{}", progress.epoch, progress.epochs);
  // The most that fits; the share done and the time left go last. One column stays free: a full
  // line would wrap, and a wrapped line can't be erased.
  const auto room = static_cast<std::size_t>(std::max(width - 1, 0));
  const std::vector<std::string> variants{
      fmt::format("{} {}  {}", bar(16), percent, format_progress(progress)),
      fmt::format("{} {} {} {} {} {} {}", bar(10), percent, epoch, losses, scores, rate, left),
      fmt::format("{} {} {} {} {:.0f}/s {}", percent, epoch, losses, scores,
                  progress.images_per_second, left),
      fmt::format("{} {} {} {}", percent, losses, rate, left), fmt::format("{} {}", percent, left)};
  for (const std::string& line : variants) {
    if (line.size() <= room) return line;
  }
  return percent.substr(0, room);
}

}  // namespace dcgan
