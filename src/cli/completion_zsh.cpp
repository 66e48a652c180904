#include <fmt/format.h>

#include <algorithm>

#include "cli/completion.h"
#include "config/fields.h"

namespace dcgan::cli {
namespace {

constexpr const char* kZsh = R"zsh(#compdef dcgan
# Made by 'dcgan completion zsh'.

# After --set: a key and its "=", then the values of the key.
_dcgan_keys() {
  local -a keys
  if compset -P 1 '*='; then
    case ${IPREFIX%=} in
@values@
    esac
    return
  fi
  keys=(
@keys@
  )
  _describe -t keys 'configuration key' keys -qS =
}

_dcgan_configs() {
  _alternative 'configs:shipped configuration:(@configs@)' 'files:file:_files'
}

@functions@
# Loaded by its first use, or sourced.
if [ "$funcstack[1]" = _dcgan ]; then _dcgan "$@"; else compdef _dcgan dcgan; fi
)zsh";

/// `text` inside single quotes.
std::string zsh_quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

/// In the brackets of a specification.
std::string zsh_explanation(const std::string& meaning) {
  std::string text;
  for (const char c : meaning) {
    if (c == '[' || c == ']' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

/// What _arguments does for a value: "_files", "(a b)".
std::string zsh_action(const std::string& type) {
  const ValueChoices choices = choices_for(type);
  if (type == "CONFIG") return "_dcgan_configs";
  if (choices.has_keys) return "_dcgan_keys";
  if (choices.has_files) return "_files";
  if (choices.has_folders) return "_files -/";
  return choices.words.empty() ? " " : fmt::format("({})", joined(choices.words));
}

/// The option for _arguments: '(-q --quiet)-q[Print less]', '--out=[The folder]:DIR:_files -/'.
std::string zsh_specifications(const OptionReference& option) {
  std::string value;
  if (!option.type.empty()) value = fmt::format(":{}:{}", option.type, zsh_action(option.type));
  if (option.type.starts_with('[')) value = ":" + value;  // it may be left out
  if (is_argument(option)) {
    return fmt::format("    '{}{}'\n", option.is_repeatable ? "*" : "1", value);
  }
  std::string before;
  if (option.names.size() > 1) before = fmt::format("({})", joined(option.names));
  if (option.is_repeatable) before = "*";
  std::string lines;
  for (const std::string& name : option.names) {
    std::string head = before + name;
    if (!value.empty()) head += name.starts_with("--") ? '=' : '+';
    lines += fmt::format(
        "    {}\n",
        zsh_quoted(fmt::format("{}[{}]{}", head, zsh_explanation(option.meaning), value)));
  }
  return lines;
}

std::string zsh_function_name(const std::string& command) {
  std::string name = command.empty() ? "_dcgan" : "_dcgan_" + command;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::string zsh_function(const CommandReference& command) {
  std::string arguments;
  for (const OptionReference& option : command.options) arguments += zsh_specifications(option);
  if (command.commands.empty()) {
    return fmt::format(
        "{}() {{\n  local -a arguments\n  arguments=(\n{}  )\n  _arguments -s $arguments\n}}\n\n",
        zsh_function_name(command.name), arguments);
  }
  std::string commands;
  std::string branches;
  for (const CommandReference& inner : command.commands) {
    const std::string name = last_word(inner.name);
    commands += fmt::format("    {}\n", zsh_quoted(name + ":" + inner.meaning));
    branches += fmt::format("        {}) {} ;;\n", name, zsh_function_name(inner.name));
  }
  return fmt::format(R"({}() {{
  local curcontext=$curcontext state line
  local -a arguments commands
  arguments=(
{}  )
  commands=(
{}  )
  _arguments -C $arguments '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $line[1] in
{}      esac
      ;;
  esac
}}

)",
                     zsh_function_name(command.name), arguments, commands, branches);
}

}  // namespace

std::string zsh_completion(const CommandReference& program) {
  std::string functions;
  for_each_command(program,
                   [&](const CommandReference& command) { functions += zsh_function(command); });
  std::string keys;
  std::string values;
  for (const Field& field : config_fields()) {
    keys += fmt::format("    {}\n", zsh_quoted(field.key + ":" + field.meaning));
    const ValueChoices choices = choices_for_key(field);
    std::string action;
    if (!choices.words.empty()) action += " compadd " + joined(choices.words) + ';';
    if (choices.has_files) action += " _files;";
    if (!action.empty()) values += fmt::format("      {}){};\n", field.key, action);
  }
  std::string script = replaced(kZsh, "@functions@\n", functions);
  script = replaced(script, "@keys@\n", keys);
  script = replaced(script, "@values@\n", values);
  return replaced(script, "@configs@", joined(choices_for("CONFIG").words));
}

}  // namespace dcgan::cli
