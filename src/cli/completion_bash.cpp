#include <fmt/format.h>

#include "cli/completion.h"
#include "config/fields.h"

namespace dcgan::cli {
namespace {

constexpr const char* kBash = R"bash(# Made by 'dcgan completion bash'.
_dcgan_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$value")
  compopt -o filenames 2>/dev/null
}

_dcgan_folders() {
  mapfile -t COMPREPLY < <(compgen -d -- "$value")
  compopt -o filenames 2>/dev/null
}

# After --set: a key and its "=", then the values of the key.
_dcgan_keys() {
  local key=${value%%=*}
  if [[ $value != *=* ]]; then
    list=$keys
    compopt -o nospace 2>/dev/null
    return
  fi
  value=${value#*=}
  case $key in
@values@
  esac
}

_dcgan() {
  local word last='' command flag='' value list='' i
  local -a words=()
  local keys='
@keys@
'
  # Bash cuts words at "=": put "--out=x" and "KEY=VALUE" together again.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ ${#words[@]} -gt 0 && ( $word == = || $last == = ) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    last=$word
  done
  local current=${words[-1]}
  unset 'words[-1]'
  command=${words[0]-}
  case $command in
@groups@
  esac
  command=${command% }
  if [[ $current == --*=* ]]; then
    flag=${current%%=*} value=${current#*=}
  else
    ((${#words[@]})) && flag=${words[-1]}
    value=$current
  fi
  COMPREPLY=()
  case "$command $flag" in
@options@
    *)
      case $command in
@commands@
      esac
      ;;
  esac
  mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$list" -- "$value")
  # Bash replaces what stands behind the "=" only.
  [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/"${current%"$value"}"}")
}
complete -F _dcgan dcgan
)bash";

/// The commands of a branch that offers `choices`.
std::string in_bash(const ValueChoices& choices) {
  std::vector<std::string> parts;
  if (choices.has_files) parts.emplace_back("_dcgan_files");
  if (choices.has_folders) parts.emplace_back("_dcgan_folders");
  if (choices.has_keys) parts.emplace_back("_dcgan_keys");
  if (!choices.words.empty()) parts.push_back(fmt::format("list='{}'", joined(choices.words)));
  if (parts.empty()) parts.emplace_back(":");
  return joined(parts, "; ");
}

/// Offers what can follow `command`.
std::string bash_branch(const CommandReference& command) {
  std::vector<std::string> words;
  std::string files;
  for (const CommandReference& inner : command.commands) words.push_back(last_word(inner.name));
  for (const OptionReference& option : command.options) {
    words.insert(words.end(), option.names.begin(), option.names.end());
    if (!is_argument(option)) continue;
    const ValueChoices choices = choices_for(option.type);
    words.insert(words.end(), choices.words.begin(), choices.words.end());
    const char* const is_value = "[[ $value == -* ]] || ";
    if (choices.has_files) files = fmt::format("{}_dcgan_files; ", is_value);
    if (choices.has_folders) files = fmt::format("{}_dcgan_folders; ", is_value);
  }
  return fmt::format("        '{}') {}list='{}' ;;\n", command.name, files, joined(words));
}

/// Offers the values of those of `command`'s options that take one.
std::string bash_options(const CommandReference& command) {
  std::string lines;
  for (const OptionReference& option : command.options) {
    if (is_argument(option) || option.type.empty()) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : option.names) {
      patterns.push_back(fmt::format("'{} {}'", command.name, name));
    }
    lines +=
        fmt::format("    {}) {} ;;\n", joined(patterns, " | "), in_bash(choices_for(option.type)));
  }
  return lines;
}

}  // namespace

std::string bash_completion(const CommandReference& program) {
  std::string groups;
  std::string options;
  std::string commands;
  for_each_command(program, [&](const CommandReference& command) {
    if (!command.commands.empty() && !command.name.empty()) {
      groups += fmt::format("    {}) command+=\" ${{words[1]-}}\" ;;\n", command.name);
    }
    options += bash_options(command);
    commands += bash_branch(command);
  });
  std::string keys;
  std::string values;
  for (const Field& field : config_fields()) {
    keys += field.key + "=\n";
    const std::string branch = in_bash(choices_for_key(field));
    if (branch != ":") values += fmt::format("    {}) {} ;;\n", field.key, branch);
  }
  std::string script = replaced(kBash, "@groups@\n", groups);
  script = replaced(script, "@options@\n", options);
  script = replaced(script, "@commands@\n", commands);
  script = replaced(script, "@keys@\n", keys);
  return replaced(script, "@values@\n", values);
}

}  // namespace dcgan::cli
