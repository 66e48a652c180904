// The list of sub-commands, in the order of the help, and the way from argv to one of them.
#pragma once

#include <tuple>
#include <vector>

#include "cli/animate.h"
#include "cli/average.h"
#include "cli/blend.h"
#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/data.h"
#include "cli/evaluate.h"
#include "cli/export.h"
#include "cli/features_train.h"
#include "cli/import.h"
#include "cli/inspect.h"
#include "cli/probe.h"
#include "cli/project.h"
#include "cli/report.h"
#include "cli/sample.h"
#include "cli/show_config.h"
#include "cli/train.h"

namespace dcgan::cli {

using Commands = std::tuple<Train, Sample, Blend, Project, Animate, Average, Evaluate, MakeReport,
                            Export, Import, Inspect, Probe, FeaturesTrain, DataList, DataFetch,
                            DataVerify, DataShow, ShowConfig, Completion>;

/// The table of `commands`, which must outlive it.
inline std::vector<CommandEntry> entries_of(Commands& commands) {
  std::vector<CommandEntry> entries;
  const auto add = [&](auto& command) {
    entries.push_back(
        {command.kName, command.kMeaning, [&](Flags& flags) { command.bind(flags); }});
  };
  std::apply([&](auto&... command) { (add(command), ...); }, commands);
  return entries;
}

/// Parses argv for the commands, checks the one that was given and calls `visit` with it. Help and
/// --version are `other(line)`'s. Returns what they return.
template <typename Visit, typename Other>
int dispatch(int argc, const char* const* argv, Visit visit, Other other) {
  Commands commands;
  const CommandLine line = parse_command_line(entries_of(commands), argc, argv);
  if (line.is_version || !line.help.empty()) return other(line);
  int exit_code = 0;
  const auto try_one = [&](auto& command) {
    if (line.command != command.kName) return;
    command.check();
    exit_code = visit(command);
  };
  std::apply([&](auto&... command) { (try_one(command), ...); }, commands);
  return exit_code;
}

}  // namespace dcgan::cli
