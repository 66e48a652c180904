// From argv to one command, its options filled in, and what both programs do around it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dcgan::cli {

struct CommandEntry {
  std::string name;  ///< "sample", or "data show" for one in a group
  std::string meaning;
  std::function<void(Flags&)> bind;
};

/// What a command line asks for.
struct CommandLine {
  std::string command;  ///< the full name of the one given; "" where there is none
  bool is_version = false;
  bool is_help_asked_for = false;  ///< else the help answers a mistake
  std::string help;                ///< what to show in place of a command; "" for one that can run
};

/// Throws a usage error that names the flag and the remedy.
CommandLine parse_command_line(const std::vector<CommandEntry>& commands, int argc,
                               const char* const* argv);

/// An option or an argument, as the help shows it.
struct OptionReference {
  std::vector<std::string> names;  ///< "-q", "--quiet"; none of an argument
  std::string type;                ///< "FILE", of its value; "" of a flag
  std::string meaning;
  bool is_required = false;
  bool is_repeatable = false;
};

/// A command, or a group of them.
struct CommandReference {
  std::string name;  ///< "data show"; "" of the program itself
  std::string meaning;
  std::string footer;
  std::vector<OptionReference> options;
  std::vector<CommandReference> commands;
};

/// All that the help shows, for the manual page and the completions.
CommandReference describe_command_line(const std::vector<CommandEntry>& commands);

/// Calls `command` and returns its exit code. The one place that turns an exception into a message
/// and an exit code: on stderr as text, and on stdout as JSON where `--json` is among the words.
int run_program(int argc, const char* const* argv, const std::function<int()>& command);

/// Ends the process without the destructors of static objects: LibTorch's take longer than drawing
/// a grid of samples, and nothing waits for what they do.
[[noreturn]] void leave(int exit_code);

}  // namespace dcgan::cli
