// `dcgan import`: what it is told.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct Import : Command {
  static constexpr const char* kName = "import";
  static constexpr const char* kMeaning = "Make a g.pt of a generator's PyTorch state_dict";
  std::string from;
  std::string to;
  std::optional<std::string> config;

  void bind(Flags& flags) {
    flags.text("--from", "FILE", "A state_dict: .pth or .safetensors", from);
    flags.require("--from");
    flags.file("--to", ".pt", "The g.pt to write", to);
    flags.require("--to");
    flags.config("The generator's configuration, where the file doesn't say it", config);
    flags.footer(
        "It takes netG of PyTorch's DCGAN example, whose shapes say its sizes, and what\n"
        "dcgan export wrote.\n"
        "Example:\n  dcgan import --from netG_epoch_24.pth --to g.pt");
  }

  int run() const;
};

}  // namespace dcgan::cli
