// `dcgan features train`: what it is told.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct FeaturesTrain : Command {
  static constexpr const char* kName = "features train";
  static constexpr const char* kMeaning = "Train a classifier on a labelled set, for its features";

  std::optional<std::string> data;    ///< a folder with a training and a test set
  std::optional<std::string> config;  ///< a configuration that names them, instead
  std::string out;                    ///< the file to write
  std::int64_t epochs = 12;
  std::int64_t seed = 1;
  bool flip = false;   ///< mirror images at random
  bool force = false;  ///< replace an existing file
  std::string device = "auto";
  std::int64_t threads = 0;

  void bind(Flags& flags) {
    flags.text("--data", "DIR", "Folder with the training and the test set, see data/README.md",
               data);
    flags.config("A configuration whose data section says what to read", config);
    flags.text("--out", "FILE", "The file to write, such as features.pt", out);
    flags.require("--out");
    flags.integer("--epochs", 1, 100'000, "Passes over the training set (default 12)", epochs);
    flags.seed("What all random numbers are made from (default 1)", seed);
    flags.on("--flip", "Mirror images at random: for clothes or faces, not for digits", flip);
    flags.on("--force", "Replace an existing file", force);
    flags.machine(device, threads);
    flags.exclude({{"--data", "--config"}});
    flags.footer("Example:\n  dcgan features train --data data/mnist --out features.pt");
  }

  void check() const {
    refuse(!data && !config,
           "features train needs --data, the folder of a labelled set, or --config",
           "for example: dcgan features train --data data/mnist --out features.pt");
  }

  Startup startup() const { return {threads, true}; }

  int run();
};

}  // namespace dcgan::cli
