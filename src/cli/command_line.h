// From argv to one command as plain data, checked.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/commands.h"

namespace dcgan::cli {

/// `dcgan config`, which the executable answers by itself.
struct ConfigOptions {
  std::optional<std::string> config;  ///< --config
  std::vector<Override> overrides;    ///< --set, in order
  bool defaults = false;              ///< --defaults: nothing resolved, the built-in values
  bool markdown = false;              ///< --markdown: docs/configuration.md
  bool list = false;                  ///< --list: the shipped configurations
};

/// What the user asked to read instead of running anything.
struct HelpOptions {
  std::string text;
  bool asked_for = true;  ///< false: there was no sub-command, so this answers a mistake
};

using ParsedCommand =
    std::variant<TrainOptions, SampleOptions, EvaluateOptions, InspectOptions, FeaturesTrainOptions,
                 DataListOptions, DataFetchOptions, DataVerifyOptions, DataShowOptions,
                 VersionOptions, ConfigOptions, HelpOptions>;

/// Parses and checks everything that can be checked without a file. Throws a usage error that names
/// the flag and the remedy.
ParsedCommand parse_command_line(int argc, const char* const* argv);

}  // namespace dcgan::cli
