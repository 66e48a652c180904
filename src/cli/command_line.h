// From argv to one command, its options filled in.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "cli/flags.h"

namespace dcgan::cli {

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  /// name: "sample", or "data show" for one in a group.
  void add(const std::string& name, const std::string& meaning,
           const std::function<void(Flags&)>& bind);

  /// Throws a usage error that names the flag and the remedy.
  void parse(int argc, const char* const* argv);

  bool is_version() const;         ///< --version
  std::string command() const;     ///< the full name of the one given; "" where there is none
  bool is_help() const;            ///< --help, or no command
  bool is_help_asked_for() const;  ///< else the help answers a mistake
  std::string help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Parses argv for `commands`, a tuple of commands, checks the one that was given and calls
/// `visit` with it. Help and --version are `other(line)`'s. Returns what they return.
template <typename Commands, typename Visit, typename Other>
int dispatch(Commands& commands, int argc, const char* const* argv, Visit visit, Other other) {
  CommandLine line;
  const auto add = [&line](auto& command) {
    line.add(command.kName, command.kMeaning, [&](Flags& flags) { command.bind(flags); });
  };
  std::apply([&](auto&... command) { (add(command), ...); }, commands);
  line.parse(argc, argv);
  if (line.is_version() || line.is_help()) return other(line);
  int exit_code = 0;
  const auto try_one = [&](auto& command) {
    if (line.command() != command.kName) return;
    command.check();
    exit_code = visit(command);
  };
  std::apply([&](auto&... command) { (try_one(command), ...); }, commands);
  return exit_code;
}

}  // namespace dcgan::cli
