// `dcgan data list`.
#pragma once

#include "cli/command.h"

namespace dcgan::cli {

struct DataList : Command {
  static constexpr const char* kName = "data list";
  static constexpr const char* kMeaning =
      "Show the known sets: size, licence, and where they are already";

  void bind(Flags& flags) { flags.footer("Example:\n  dcgan data list"); }

  int run() const;
};

}  // namespace dcgan::cli
