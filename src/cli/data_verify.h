// `dcgan data verify`: what it is told.
#pragma once

#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct DataVerify : Command {
  static constexpr const char* kName = "data verify";
  static constexpr const char* kMeaning =
      "Check that a folder's files are whole and can be trained on";

  std::string path;

  void bind(Flags& flags) {
    flags.positional("DIR", "The folder with the data", path);
    flags.footer("Example:\n  dcgan data verify data/mnist");
  }

  void check() const {
    if (path.empty()) throw missing("data verify needs a folder", "dcgan data verify data/mnist");
  }

  int run() const;
};

}  // namespace dcgan::cli
