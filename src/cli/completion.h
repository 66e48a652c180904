// `dcgan completion`, which the front answers by itself: what a shell completes, and the manual
// page, both made of the table of commands. The build writes them to build/<preset>/share.
#pragma once

#include <string>

#include "base/text.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "config/fields.h"

namespace dcgan::cli {

struct Completion : Command {
  static constexpr const char* kName = "completion";
  static constexpr const char* kMeaning = "Print the completions of a shell, or the manual page";

  std::string format;

  void bind(Flags& flags) {
    flags.positional("SHELL", "bash, zsh or fish; or man, the manual page", format);
    flags.footer(
        "Examples:\n"
        "  source <(dcgan completion bash)\n"
        "  dcgan completion zsh > ~/.zfunc/_dcgan\n"
        "  dcgan completion fish > ~/.config/fish/completions/dcgan.fish\n"
        "  dcgan completion man > dcgan.1");
  }

  void check() const {
    refuse(format != "bash" && format != "zsh" && format != "fish" && format != "man",
           "SHELL must be bash, zsh, fish or man, not '" + printable(format) + "'",
           did_you_mean(format, {"bash", "zsh", "fish", "man"}));
  }

  int run_in_front() const;
};

/// What can stand for a value.
struct ValueChoices {
  std::vector<std::string> words;
  bool has_files = false;    ///< any file or folder as well
  bool has_folders = false;  ///< any folder as well
  bool has_keys = false;     ///< KEY=VALUE
};

/// For OptionReference::type.
ValueChoices choices_for(const std::string& type);

ValueChoices choices_for_key(const Field& field);

// For the scripts of the three shells, which offer the same, each in its own way.

/// Calls `visit` for `command` and all below it.
template <typename Visit>
void for_each_command(const CommandReference& command, const Visit& visit) {
  visit(command);
  for (const CommandReference& inner : command.commands) for_each_command(inner, visit);
}

/// "show" of "data show".
inline std::string last_word(const std::string& name) { return name.substr(name.rfind(' ') + 1); }

/// An argument has no name.
inline bool is_argument(const OptionReference& option) { return option.names.empty(); }

/// `text` with all of `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to);

/// "relu elu gelu".
std::string joined(const std::vector<std::string>& words, const std::string& between = " ");

std::string bash_completion(const CommandReference& program);
std::string zsh_completion(const CommandReference& program);
std::string fish_completion(const CommandReference& program);

/// In roff, with the macros of man(7).
std::string manual_page(const CommandReference& program, const std::string& version);

}  // namespace dcgan::cli
