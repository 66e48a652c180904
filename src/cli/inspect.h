// `dcgan inspect`: what it is told.
#pragma once

#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct Inspect : Command {
  static constexpr const char* kName = "inspect";
  static constexpr const char* kMeaning = "Show what a g.pt, a checkpoint or a run directory holds";

  std::string path;
  bool json = false;

  void bind(Flags& flags) {
    flags.positional("PATH", "g.pt, checkpoint or run directory", path);
    flags.on("--json", "Print it as JSON", json);
    flags.footer("Example:\n  dcgan inspect runs/mnist-001/g.pt");
  }

  int run() const;
};

}  // namespace dcgan::cli
