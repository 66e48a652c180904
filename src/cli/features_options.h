// What `dcgan features train` takes.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace dcgan::cli {

/// What must be known beyond the options: whether a value was given.
struct FeaturesTrainFlags {
  std::optional<std::string> out;
};

void setup_features(CLI::App& root, FeaturesTrainOptions& options, FeaturesTrainFlags& flags);
void check_features_train(FeaturesTrainOptions& options, const FeaturesTrainFlags& flags);

}  // namespace dcgan::cli
