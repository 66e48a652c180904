#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

/// The groups of commands, "data show".
constexpr std::pair<const char*, const char*> kGroups[] = {
    {"features", "Make a network whose features measure images"},
    {"data", "Fetch, check and show data sets"}};

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& meaning) {
  return parent.add_subcommand(name, meaning)->group("Commands")->allow_extras();
}

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
  const auto nearest = word.size() > 2 ? nearest_match(word, candidates) : std::nullopt;
  return error.remedy(nearest ? fmt::format("did you mean '{}'?", *nearest)
                              : fmt::format("'{} --help' lists them", help));
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
    const auto flags = flags_of(*app);
    const bool here = std::find(flags.begin(), flags.end(), flag) != flags.end();
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

}  // namespace

struct CommandLine::Impl {
  CLI::App root{"Trains DCGANs (Radford, Metz and Chintala, 2015) and samples from them.", "dcgan"};
  bool version = false;
  bool help_asked_for = false;

  /// The sub-command that was given, the innermost one, or nullptr.
  const CLI::App* given() const {
    const CLI::App* app = nullptr;
    for (auto apps = root.get_subcommands(); !apps.empty(); apps = app->get_subcommands()) {
      app = apps.front();
    }
    return app;
  }
};

CommandLine::CommandLine() : impl_(std::make_unique<Impl>()) {
  CLI::App& root = impl_->root;
  root.get_formatter()->label("SUBCOMMAND", "COMMAND");
  root.get_formatter()->label("REQUIRED", "(required)");
  Flags(root).on("--version", "Show the versions of dcgan and LibTorch, and the devices",
                 impl_->version);
  root.require_subcommand(0, 1);
  root.allow_extras();  // words that nobody takes are ours to explain
  root.footer(
      "Example:\n  dcgan train --config quick.yaml\n\n"
      "'dcgan COMMAND --help' shows a command's options.");
}

CommandLine::~CommandLine() = default;

void CommandLine::add(const std::string& name, const std::string& meaning,
                      const std::function<void(Flags&)>& bind) {
  CLI::App* parent = &impl_->root;
  std::string own = name;
  for (const auto& [group, of_group] : kGroups) {
    if (!name.starts_with(std::string(group) + ' ')) continue;
    own = name.substr(std::string(group).size() + 1);
    const std::vector<std::string> known = commands_of(*parent);
    const bool is_known = std::find(known.begin(), known.end(), group) != known.end();
    parent = is_known ? parent->get_subcommand(group) : add_command(*parent, group, of_group);
    parent->require_subcommand(0, 1);
    parent->get_formatter()->label("SUBCOMMAND", "COMMAND");
    break;
  }
  Flags flags(*add_command(*parent, own, meaning));
  bind(flags);
}

void CommandLine::parse(int argc, const char* const* argv) {
  CLI::App& root = impl_->root;
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    impl_->help_asked_for = true;
    return;
  } catch (const CLI::RequiredError&) {
    // Told later, after unknown options: "--chkpt x" is more likely a slip than a missing --ckpt.
  } catch (const CLI::ParseError& error) {
    explain(error, impl_->given());
  }
  const CLI::App* const given = impl_->given();
  check_root_words(root, given);
  if (given == nullptr) return;
  if (given->get_parent() != &root) check_command_words(*given->get_parent());
  check_command_words(*given);
  check_repeated(*given);
}

bool CommandLine::is_version() const { return impl_->version; }

std::string CommandLine::command() const {
  const CLI::App* const given = impl_->given();
  return given == nullptr ? "" : full_name(*given);
}

bool CommandLine::is_help() const {
  const CLI::App* const given = impl_->given();
  return impl_->help_asked_for || given == nullptr || !commands_of(*given).empty();
}

bool CommandLine::is_help_asked_for() const { return impl_->help_asked_for; }

std::string CommandLine::help() const { return impl_->root.help(); }

}  // namespace dcgan::cli
