#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

/// The groups of commands, "data show".
const std::map<std::string, std::string> kGroups{
    {"features", "Make a network whose features measure images"},
    {"data", "Fetch, check and show data sets"}};

/// "sample", "features train".
std::string full_name(const CLI::App& app) {
  const CLI::App* const parent = app.get_parent();
  const bool nested = parent != nullptr && parent->get_parent() != nullptr;
  return nested ? fmt::format("{} {}", full_name(*parent), app.get_name()) : app.get_name();
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    for (const auto& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* inner : app.get_subcommands(nullptr)) names.push_back(inner->get_name());
  return names;
}

/// "dcgan data show".
std::string with_program(const CLI::App* app) {
  return app == nullptr || app->get_parent() == nullptr ? "dcgan" : "dcgan " + full_name(*app);
}

/// Throws for the first word that `app` was given and does not know.
void check_words(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  if (words.empty()) return;
  const std::string word = words.front().substr(0, words.front().find('='));
  const bool is_option = word.starts_with('-');
  const std::vector<std::string> commands = commands_of(app);
  if (!is_option && word != words.front() && app.get_option_no_throw("--set") != nullptr) {
    throw usage_error(fmt::format("unknown argument '{}'", printable(words.front())))
        .remedy("each key needs a --set of its own: --set " + shell_quote(words.front()));
  }
  throw usage_error(fmt::format("unknown {} '{}'",
                                is_option          ? "option"
                                : commands.empty() ? "argument"
                                                   : "command",
                                printable(word)))
      .remedy(did_you_mean(word, is_option ? flags_of(app) : commands,
                           fmt::format("'{} --help' lists them", with_program(&app))));
}

/// The error of CLI11 as ours.
Error explain(const CLI::ParseError& error, const CLI::App* given) {
  const std::string text = error.what();
  const bool lacks_value = error.get_name() == "ArgumentMismatch";
  return usage_error(lacks_value ? text.substr(0, text.find(':')) + " needs a value"
                                 : printable(text))
      .remedy(fmt::format("'{} --help' shows how to write it", with_program(given)));
}

/// The sub-command that was given, the innermost one, or nullptr.
const CLI::App* find_given(const CLI::App& root) {
  const CLI::App* app = nullptr;
  for (auto apps = root.get_subcommands(); !apps.empty(); apps = app->get_subcommands()) {
    app = apps.front();
  }
  return app;
}

void add_commands(CLI::App& root, const std::vector<CommandEntry>& commands) {
  std::map<std::string, CLI::App*> groups;
  for (const auto& [name, meaning, bind] : commands) {
    CLI::App* parent = &root;
    const std::size_t space = name.find(' ');
    if (space != std::string::npos) {
      const std::string group = name.substr(0, space);
      CLI::App*& app = groups[group];
      if (app == nullptr) app = root.add_subcommand(group, kGroups.at(group))->group("Commands");
      parent = app;
    }
    Flags flags(*parent->add_subcommand(name.substr(space + 1), meaning)->group("Commands"));
    bind(flags);
  }
}

constexpr const char* kMeaning =
    "Trains DCGANs (Radford, Metz and Chintala, 2015) and samples from them.";

void set_up(CLI::App& root, const std::vector<CommandEntry>& commands, bool& is_version) {
  root.get_formatter()->label("SUBCOMMAND", "COMMAND");
  root.get_formatter()->label("REQUIRED", "(required)");
  Flags(root).on("--version", "Show the versions of dcgan and LibTorch, and the devices",
                 is_version);
  root.require_subcommand(0, 1);
  root.allow_extras();  // words that nobody takes are ours to explain
  root.footer(
      "Example:\n  dcgan train --config quick.yaml\n\n"
      "'dcgan COMMAND --help' shows a command's options.");
  add_commands(root, commands);
}

OptionReference describe(const CLI::Option& option) {
  OptionReference reference;
  for (const auto& name : option.get_snames()) reference.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) reference.names.push_back("--" + name);
  const bool takes_value = option.get_items_expected_max() > 0;
  if (takes_value) reference.type = option.get_type_name();
  if (reference.names.empty()) reference.type = option.get_name();
  reference.meaning = option.get_description();
  reference.is_required = option.get_required();
  reference.is_repeatable = option.get_items_expected_max() > 1;
  return reference;
}

CommandReference describe(const CLI::App& app) {
  CommandReference reference;
  if (app.get_parent() != nullptr) reference.name = full_name(app);
  reference.meaning = app.get_description();
  reference.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    reference.options.push_back(describe(*option));
  }
  for (const CLI::App* inner : app.get_subcommands(nullptr)) {
    reference.commands.push_back(describe(*inner));
  }
  return reference;
}

}  // namespace

CommandReference describe_command_line(const std::vector<CommandEntry>& commands) {
  CLI::App root{kMeaning, "dcgan"};
  bool is_version = false;
  set_up(root, commands, is_version);
  return describe(root);
}

CommandLine parse_command_line(const std::vector<CommandEntry>& commands, int argc,
                               const char* const* argv) {
  CommandLine line;
  CLI::App root{kMeaning, "dcgan"};
  set_up(root, commands, line.is_version);
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.is_help_asked_for = true;
    line.help = root.help();
    return line;
  } catch (const CLI::ParseError& error) {
    // "--chkpt x" is more likely a slip than a missing --ckpt.
    const CLI::App* const given = find_given(root);
    if (given != nullptr) check_words(*given);
    throw explain(error, given);
  }
  const CLI::App* const given = find_given(root);
  check_words(root);
  if (given != nullptr) {
    check_words(*given->get_parent());
    check_words(*given);
    line.command = full_name(*given);
  }
  if (given == nullptr || !commands_of(*given).empty()) line.help = root.help();
  return line;
}

}  // namespace dcgan::cli
