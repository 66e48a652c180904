// dcgan.1, from the table of commands.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion.h"
#include "config/fields.h"

namespace dcgan::cli {
namespace {

/// Text as roff prints it: backslashes and minus signs as they are, no line taken for a request.
std::string roff(const std::string& text) {
  std::string escaped;
  bool starts_line = true;
  for (const char c : text) {
    if (starts_line && (c == '.' || c == '\'')) escaped += "\\&";
    starts_line = c == '\n';
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// "-q, --quiet", "--out DIR", "PATH".
std::string heading(const OptionReference& option) {
  if (option.names.empty()) return fmt::format("\\fI{}\\fR", roff(option.type));
  std::string text =
      fmt::format("\\fB{}\\fR", roff(fmt::format("{}", fmt::join(option.names, ", "))));
  if (!option.type.empty()) text += fmt::format(" \\fI{}\\fR", roff(option.type));
  return text + (option.is_required ? " (required)" : "");
}

std::string described(const std::string& head, const std::string& text) {
  return fmt::format(".TP\n{}\n{}.\n", head, roff(text));
}

/// The examples and what else the help ends with, line by line.
std::string footer(const CommandReference& command) {
  if (command.footer.empty()) return "";
  return fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command.footer));
}

void add_command(const CommandReference& command, std::string& page) {
  page += fmt::format(".SS dcgan {}\n{}.\n", roff(command.name), roff(command.meaning));
  for (const OptionReference& option : command.options) {
    // That of every command.
    if (option.names != std::vector<std::string>{"-h", "--help"}) {
      page += described(heading(option), option.meaning);
    }
  }
  page += footer(command);
  for (const CommandReference& inner : command.commands) add_command(inner, page);
}

std::string configuration_keys() {
  std::string text;
  for (const Field& field : config_fields()) {
    const std::string range = field.range.empty() ? std::string() : ", " + field.range;
    text +=
        fmt::format(".TP\n\\fB{}\\fR ({}{}; default {})\n{}\n", roff(field.key), roff(field.type),
                    roff(range), roff(field.get(Config{})), roff(field.meaning));
  }
  return text;
}

}  // namespace

std::string manual_page(const CommandReference& program, const std::string& version) {
  std::string page = fmt::format(R"(.\" Made by 'dcgan completion man'.
.TH DCGAN 1 "" "dcgan {}" "User Commands"
.SH NAME
dcgan \- train, sample and evaluate DCGANs
.SH SYNOPSIS
\fBdcgan\fR \fICOMMAND\fR [\fIOPTIONS\fR]
.SH DESCRIPTION
{}
Results go to the standard output, the log and the progress bar to the standard error.
.SH OPTIONS
)",
                                 roff(version), roff(program.meaning));
  for (const OptionReference& option : program.options) {
    page += described(heading(option), option.meaning);
  }
  page += ".SH COMMANDS\n";
  for (const CommandReference& command : program.commands) add_command(command, page);
  page +=
      ".SH CONFIGURATION KEYS\nOf the YAML file that \\fB\\-\\-config\\fR names, and of "
      "\\fB\\-\\-set\\fR.\n";
  page += configuration_keys();
  page += R"(.SH EXIT STATUS
.TP
0
Done.
.TP
1
A run or a file failed.
.TP
2
The command line or the configuration is wrong.
.TP
130
Stopped by a signal, after a checkpoint was written.
)";
  return page;
}

}  // namespace dcgan::cli
