// `dcgan animate`: what it is told.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct Animate : Command {
  static constexpr const char* kName = "animate";
  static constexpr const char* kMeaning = "Make an animation of a run's sample grids";
  std::string run;  ///< its directory
  std::string out = "training.webp";
  std::int64_t milliseconds = 200;  ///< that a grid is shown

  void bind(Flags& flags) {
    flags.positional("RUN", "Run directory", run);
    flags.text("--out", "FILE",
               "The file to write: .webp (default training.webp), .png or .gif, which has at most "
               "256 colours in a frame",
               [this](const std::string& text) {
                 out = require_ending("--out", text, {".webp", ".png", ".gif"});
               });
    flags.integer("--milliseconds", 10, 10'000,
                  "That each grid is shown (default 200); the last one 2 seconds longer",
                  milliseconds);
    flags.footer(
        "Examples:\n"
        "  dcgan animate runs/mnist-001\n"
        "  dcgan animate runs/mnist-001 --out training.gif --milliseconds 500");
  }

  int run_in_front() const;
};

}  // namespace dcgan::cli
