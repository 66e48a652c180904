#include <fmt/format.h>

#include "cli/completion.h"
#include "config/fields.h"

namespace dcgan::cli {
namespace {

constexpr const char* kFish = R"fish(# Made by 'dcgan completion fish'.
# True where the command so far is the argument: "", "train", "data", "data show".
function __dcgan_at
    set -l words (commandline -opc)[2..]
    set -l command $words[1]
    contains -- "$command" @groups@; and set command $words[1..2]
    test "$command" = "$argv"
end

# After --set: a key and its "=", then the values of the key.
function __dcgan_keys
    switch (commandline -ct)
@values@
        case '*'
            printf '%s\n' \
@keys@
    end
end

complete -c dcgan -f
@options@
)fish";

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

/// The arguments of `complete` that offer the values.
std::string in_fish(const ValueChoices& choices) {
  std::string text;
  if (choices.has_files) text += " -F";
  if (choices.has_folders) text += " -a '(__fish_complete_directories)'";
  if (choices.has_keys) text += " -a '(__dcgan_keys)'";
  if (!choices.words.empty()) text += fmt::format(" -a '{}'", joined(choices.words));
  return text;
}

std::string fish_lines(const CommandReference& command) {
  const std::string start = fmt::format("complete -c dcgan -n '__dcgan_at {}'", command.name);
  std::string lines;
  for (const CommandReference& inner : command.commands) {
    lines +=
        fmt::format("{} -a {} -d {}\n", start, last_word(inner.name), fish_quoted(inner.meaning));
  }
  for (const OptionReference& option : command.options) {
    lines += start;
    for (const std::string& name : option.names) {
      lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.type.empty()) {
      const ValueChoices choices = choices_for(option.type);
      if (!is_argument(option)) lines += choices.has_files ? " -r" : " -x";
      lines += in_fish(choices);
    }
    if (!is_argument(option)) lines += " -d " + fish_quoted(option.meaning);
    lines += '\n';
  }
  return lines;
}

}  // namespace

std::string fish_completion(const CommandReference& program) {
  std::vector<std::string> groups;
  std::string options;
  for_each_command(program, [&](const CommandReference& command) {
    if (!command.commands.empty() && !command.name.empty()) groups.push_back(command.name);
    options += fish_lines(command);
  });
  std::vector<std::string> keys;
  std::string values;
  for (const Field& field : config_fields()) {
    keys.push_back(fmt::format("                {}=\\t{}", field.key, fish_quoted(field.meaning)));
    const ValueChoices choices = choices_for_key(field);
    if (choices.words.empty()) continue;
    values += fmt::format("        case '{0}=*'\n            printf '%s\\n' {0}={1}\n", field.key,
                          joined(choices.words, " " + field.key + "="));
  }
  std::string script = replaced(kFish, "@groups@", joined(groups));
  script = replaced(script, "@options@\n", options);
  script = replaced(script, "@keys@", joined(keys, " \\\n"));
  return replaced(script, "@values@\n", values);
}

}  // namespace dcgan::cli
