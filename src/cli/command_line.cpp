#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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

/// The nearest of the candidates, or where to read on.
Error with_hint(Error error, const std::string& word, const std::vector<std::string>& candidates,
                const std::string& help) {
  // Of two letters, one in common is no likeness.
  const std::string otherwise = fmt::format("'{} --help' lists them", help);
  return error.remedy(word.size() > 2 ? did_you_mean(word, candidates, otherwise) : otherwise);
}

/// What comes before '=' in "--flag=value".
std::string flag_of(const std::string& word) { return word.substr(0, word.find('=')); }

void check_root_words(const CLI::App& root, const CLI::App* given) {
  const std::vector<std::string> words = root.remaining();
  if (words.empty()) return;
  const std::string& word = words.front();
  if (!word.starts_with('-')) {
    throw with_hint(usage_error(fmt::format("unknown command '{}'", printable(word))), word,
                    commands_of(root), "dcgan");
  }
  const std::string flag = flag_of(word);
  for (const CLI::App* app : root.get_subcommands(nullptr)) {
    const bool here = app->get_option_no_throw(flag) != nullptr;
    if (!here || (given != nullptr && given != app)) continue;
    throw usage_error(fmt::format("'{}' belongs behind the command", flag))
        .remedy(fmt::format("for example: dcgan {} {} ...", app->get_name(), flag));
  }
  throw with_hint(usage_error(fmt::format("unknown option '{}'", printable(flag))), flag,
                  flags_of(root), "dcgan");
}

void check_command_words(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  if (words.empty()) return;
  const std::string name = full_name(app);
  const std::string help = "dcgan " + name;
  // An unknown option's value is left over, too: the option is what to name.
  const auto option =
      std::find_if(words.begin(), words.end(), [](const auto& w) { return w.starts_with('-'); });
  if (option != words.end()) {
    const std::string flag = flag_of(*option);
    throw with_hint(usage_error(fmt::format("{} has no option '{}'", name, printable(flag))), flag,
                    flags_of(app), help);
  }
  const std::string word = printable(words.front());
  if (const auto inner = commands_of(app); !inner.empty()) {
    throw with_hint(usage_error(fmt::format("{} has no command '{}'", name, word)), words.front(),
                    inner, help);
  }
  throw usage_error(fmt::format("'{}' is one word too many", word))
      .remedy(fmt::format("'{} --help' shows how to write it", help));
}

void check_repeated(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() < 2 || option->get_name() == "--set") continue;
    throw usage_error(fmt::format("{} is given {} times", option->get_name(), option->count()))
        .remedy("leave one");
  }
}

/// CLI11's message begins with the option's name, mostly with a colon behind.
[[noreturn]] void explain(const CLI::ParseError& error, const CLI::App* given) {
  const std::string text = error.what();
  const std::string help = given == nullptr ? "dcgan" : fmt::format("dcgan {}", full_name(*given));
  if (text.find("flag override") != std::string::npos) {
    const std::string name = text.substr(0, text.find(' '));  // without its dashes
    throw usage_error(fmt::format("{}{} takes no value", name.size() > 1 ? "--" : "-", name));
  }
  if (error.get_name() == "ArgumentMismatch" && text.starts_with('-')) {
    throw usage_error(fmt::format("{} needs a value", text.substr(0, text.find(':'))))
        .remedy(fmt::format("'{} --help' shows which", help));
  }
  throw usage_error(printable(text)).remedy(fmt::format("'{} --help' shows how to write it", help));
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

}  // namespace

CommandLine parse_command_line(const std::vector<CommandEntry>& commands, int argc,
                               const char* const* argv) {
  CommandLine line;
  CLI::App root{"Trains DCGANs (Radford, Metz and Chintala, 2015) and samples from them.", "dcgan"};
  root.get_formatter()->label("SUBCOMMAND", "COMMAND");
  root.get_formatter()->label("REQUIRED", "(required)");
  Flags(root).on("--version", "Show the versions of dcgan and LibTorch, and the devices",
                 line.is_version);
  root.require_subcommand(0, 1);
  root.allow_extras();  // words that nobody takes are ours to explain
  root.footer(
      "Example:\n  dcgan train --config quick.yaml\n\n"
      "'dcgan COMMAND --help' shows a command's options.");
  add_commands(root, commands);
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.is_help_asked_for = true;
    line.help = root.help();
    return line;
  } catch (const CLI::RequiredError&) {
    // Told later, after unknown options: "--chkpt x" is more likely a slip than a missing --ckpt.
  } catch (const CLI::ParseError& error) {
    explain(error, find_given(root));
  }
  const CLI::App* const given = find_given(root);
  check_root_words(root, given);
  if (given != nullptr) {
    if (given->get_parent() != &root) check_command_words(*given->get_parent());
    check_command_words(*given);
    check_repeated(*given);
    line.command = full_name(*given);
  }
  if (given == nullptr || !commands_of(*given).empty()) line.help = root.help();
  return line;
}

}  // namespace dcgan::cli
