// `dcgan report`, which the front answers by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dcgan::cli {

struct MakeReport : Command {
  static constexpr const char* kName = "report";
  static constexpr const char* kMeaning = "Show runs as one page: curves, samples, differences";

  std::vector<std::string> runs;
  std::optional<std::string> out;  ///< the page; report.html unless --csv is given alone
  std::optional<std::string> csv;  ///< "": the standard output
  bool watch = false;

  void bind(Flags& flags) {
    flags.positionals("RUN", "Folders of runs", runs);
    flags.file("--out", ".html", "The page to write (default report.html)", out);
    flags.optional_text("--csv", "[FILE.csv]",
                        "Write the metrics as CSV instead, without FILE to the standard output",
                        [this](const std::string& value) {
                          csv = value.empty() ? value : require_ending("--csv", value, {".csv"});
                        });
    flags.on("--watch", "Write the page again at each epoch until the runs end; it reloads itself",
             watch);
    flags.footer(
        "The page has all in itself and asks no server. It shows the measures of 'dcgan evaluate'\n"
        "where a run's folder holds them as evaluation.json.\n\n"
        "Examples:\n"
        "  dcgan report runs/mnist-001 runs/mnist-002 --out report.html\n"
        "  dcgan report runs/mnist-001 --watch\n"
        "  dcgan report runs/mnist-001 --csv > metrics.csv\n"
        "  dcgan evaluate --ckpt runs/mnist-001 --json > runs/mnist-001/evaluation.json");
  }

  void check() const {
    refuse(watch && csv.has_value(), "--watch and --csv exclude each other", "leave one out");
  }

  int run_in_front() const;
};

}  // namespace dcgan::cli
