// `dcgan average`: what it is told.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/text.h"
#include "cli/command.h"
#include "gan/power_average.h"

namespace dcgan::cli {

struct Average : Command {
  static constexpr const char* kName = "average";
  static constexpr const char* kMeaning = "Make a generator of a run's averaged weights";
  std::string folder;  ///< the run's
  double width = 0;
  std::optional<std::int64_t> step;
  std::string out = "average.pt";

  void bind(Flags& flags) {
    flags.positional("RUN", "Run directory, of a run with train.posthoc_ema: true", folder);
    const std::string range = fmt::format("from {} to {}", kMinAverageWidth, kMaxAverageWidth);
    flags.text("--width", "WIDTH", "Of the average, relative to its step: " + range,
               [this, range](const std::string& text) {
                 width = parse_real(text).value_or(0);
                 refuse(
                     width < kMinAverageWidth || width > kMaxAverageWidth,
                     fmt::format("--width must be a number {}, not '{}'", range, printable(text)));
               });
    flags.require("--width");
    flags.integer("--step", 1, std::numeric_limits<std::int64_t>::max(),
                  "After which step, one of a snapshot (default: the last)", step);
    flags.file("--out", ".pt", "The generator to write (default average.pt)", out);
    flags.footer(
        "This is post-hoc EMA (Karras et al. 2024). An average of width 0.1, their sigma_rel, is\n"
        "of weights whose steps have a standard deviation of 0.1 times the last of them.\n"
        "Example, to compare widths:\n"
        "  dcgan average runs/mine-001 --width 0.03 --out narrow.pt\n"
        "  dcgan average runs/mine-001 --width 0.15 --out wide.pt\n"
        "  dcgan evaluate --ckpt narrow.pt\n"
        "  dcgan evaluate --ckpt wide.pt");
  }

  int run() const;
};

}  // namespace dcgan::cli
