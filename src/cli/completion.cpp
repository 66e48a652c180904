#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <sstream>

#include "cli/commands.h"
#include "config/fields.h"
#include "fetch/known_sets.h"

namespace dcgan::cli {

int Completion::run_in_front() const {
  Commands commands;
  const CommandReference program = describe_command_line(entries_of(commands));
  std::cout << (format == "bash"   ? bash_completion(program)
                : format == "zsh"  ? zsh_completion(program)
                : format == "fish" ? fish_completion(program)
                                   : manual_page(program, DCGAN_VERSION));
  return 0;
}

ValueChoices choices_for_key(const Field& field) {
  const auto accepts = [&](const std::string& word) {
    Config config;
    return !field.set(config, {false, {word}}).has_value();
  };
  ValueChoices choices;
  choices.has_files = accepts("?");  // any text is the name of a file or a folder
  std::istringstream words(field.type);
  for (std::string word; std::getline(words, word, '|');) {
    word = trimmed(word);
    const bool is_any_file = choices.has_files && (word == "file" || word == "folder");
    if (!is_any_file && accepts(word)) choices.words.push_back(word);
  }
  return choices;
}

ValueChoices choices_for(const std::string& type) {
  ValueChoices choices;
  if (type == "DEVICE") return choices_for_key(*find_field("run.device"));
  if (type == "SHELL") choices.words = {"bash", "zsh", "fish", "man"};
  if (type == "SET") {
    for (const KnownSet& set : known_sets()) choices.words.push_back(set.name);
  }
  if (type == "CONFIG") {
    for (const auto& row : list_configs(shipped_configs())) choices.words.push_back(row.front());
  }
  choices.has_files = type.find("FILE") != std::string::npos || type == "PATH" || type == "CONFIG";
  choices.has_folders = type == "DIR" || type == "RUN";
  choices.has_keys = type == "KEY=VALUE";
  return choices;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  return fmt::format("{}", fmt::join(words, between));
}

}  // namespace dcgan::cli
