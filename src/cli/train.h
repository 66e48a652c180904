// `dcgan train`: what it is told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/launcher.h"
#include "cli/command.h"
#include "config/parts.h"

namespace dcgan::cli {

struct Train : Command {
  static constexpr const char* kName = "train";
  static constexpr const char* kMeaning = "Train a DCGAN as a configuration says";

  std::optional<std::string> config;
  std::vector<Override> overrides;  ///< --set, --seed, --device and --threads, in order
  std::optional<std::string> out;
  bool resume = false;
  bool dry_run = false;
  bool quiet = false;
  bool verbose = false;
  std::int64_t processes = 1;

  void bind(Flags& flags) {
    flags.config("Configuration", config);
    flags.set(overrides);
    flags.text("--out", "DIR", "Run directory; default: a new runs/<config>-NNN", out);
    flags.override_key("--device", "DEVICE", "run.device", "auto, cpu, cuda or cuda:N", overrides);
    flags.override_key("--threads", "N", "run.threads", "CPU threads; 0: as many as it may use",
                       overrides);
    flags.integer("--processes", 1, 1024,
                  "Train on so many processes of this machine (elsewhere: torchrun, srun, mpirun)",
                  processes);
    flags.override_key("--seed", "N", "seed", "What all random numbers are made from", overrides);
    flags.on("--resume", "Go on with the run in --out where it stopped", resume);
    flags.on("--dry-run", "Check everything and run one step; write no run", dry_run);
    flags.on("-q,--quiet", "Print warnings and errors only", quiet);
    flags.on("-v,--verbose", "Print a line every train.log_every steps", verbose);
    flags.exclude({{"-q", "-v"}});
    flags.footer(
        "Examples:\n"
        "  dcgan train --config quick.yaml\n"
        "  dcgan train --config mnist.yaml --set train.epochs=5 --out runs/five\n"
        "  dcgan train --out runs/five --resume\n\n"
        "'dcgan config --list' shows the configurations that come with dcgan.");
  }

  void check() const {
    refuse(resume && !out, "--resume needs --out, the run directory to go on with",
           "for example: dcgan train --out runs/mnist-001 --resume");
    refuse(!config && !resume, "train needs --config",
           "for example: dcgan train --config quick.yaml");
  }

  /// Without --config the run that is resumed has the configuration, and the core reads it.
  Startup startup() const {
    refuse(processes > 1 && read_launch().size > 1,
           "--processes, and a launcher has started several already", "leave --processes out");
    const std::optional<Config> known = early_config(config, overrides);
    refuse(processes > 1 && config && !known,
           "--processes, and a configuration that can be read only once", "name a file");
    if (known) parts_here(*known, processes);  // told once, not by each process
    return {known ? known->run.threads : 0, true, processes};
  }

  int run();
};

}  // namespace dcgan::cli
