#include "cli/features_options.h"

#include "cli/options.h"

namespace dcgan::cli {

void setup_features(CLI::App& root, FeaturesTrainOptions& options, FeaturesTrainFlags& flags) {
  CLI::App* const features =
      add_command(root, "features", "Make a network whose features measure images");
  features->get_formatter()->label("SUBCOMMAND", "COMMAND");
  features->require_subcommand(0, 1);
  CLI::App* const app =
      add_command(*features, "train", "Train a classifier on a labelled set, for its features");
  add_text(*app, "--data", "DIR", "Folder with the training and the test set, see data/README.md",
           options.data);
  add_config(*app, "A configuration whose data section says what to read", options.config);
  add_text(*app, "--out", "FILE", "The file to write, such as features.pt", flags.out)->required();
  constexpr std::int64_t kMaxEpochs = 100'000;
  add_integer(*app, "--epochs", 1, kMaxEpochs,
              fmt::format("Passes over the training set (default {})", options.epochs),
              options.epochs);
  add_key(*app, "--seed", "N", "seed", "What all random numbers are made from (default 1)",
          [&options](const Config& config) { options.seed = config.seed; });
  add_switch(*app, "--flip", "Mirror images at random: for clothes or faces, not for digits",
             options.flip);
  add_switch(*app, "--force", "Replace an existing file", options.force);
  add_machine(*app, options);
  app->footer("Example:\n  dcgan features train --data data/mnist --out features.pt");
}

void check_features_train(FeaturesTrainOptions& options, const FeaturesTrainFlags& flags) {
  constexpr const char* kExample =
      "as in:\ndcgan features train --data data/mnist --out features.pt";
  if (options.data && options.config) {
    throw usage_error("--data and --config both say what to read; leave one out");
  }
  if (!options.data && !options.config) {
    throw usage_error(fmt::format(
        "features train needs --data, the folder of a labelled set, or --config, {}", kExample));
  }
  if (!flags.out) {
    throw usage_error(fmt::format("features train needs --out, the file to write, {}", kExample));
  }
  options.out = *flags.out;
}

}  // namespace dcgan::cli
