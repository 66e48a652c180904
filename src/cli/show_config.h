// `dcgan config`, which the front answers by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dcgan::cli {

struct ShowConfig : Command {
  static constexpr const char* kName = "config";
  static constexpr const char* kMeaning = "Show every configuration key: meaning, value, origin";

  std::optional<std::string> config;
  std::vector<Override> overrides;  ///< --set, in order
  bool defaults = false;            ///< --defaults: nothing resolved, the built-in values
  bool markdown = false;            ///< --markdown: docs/configuration.md
  bool list = false;                ///< --list: the shipped configurations

  void bind(Flags& flags) {
    flags.config("Configuration to resolve", config);
    flags.set(overrides);
    flags.on("--defaults", "Show the built-in values, nothing resolved", defaults);
    flags.on("--markdown", "Print docs/configuration.md instead of YAML", markdown);
    flags.on("--list", "List the configurations that come with dcgan", list);
    flags.footer(
        "Examples:\n"
        "  dcgan config --list\n"
        "  dcgan config --config mnist.yaml --set train.epochs=5\n"
        "  dcgan config --defaults > mine.yaml");
  }

  void check() const {
    refuse((list || markdown || defaults) && (config || !overrides.empty()),
           "--list, --defaults and --markdown show what is built in",
           "leave out --config and --set");
  }

  int run_in_front();
};

}  // namespace dcgan::cli
