#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "base/text.h"
#include "cli/command_line.h"
#include "cli/summary.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

/// `dcgan: <message>`, further lines below the first.
void print_text(const std::string& message) {
  std::string text = "dcgan: ";
  for (const char c : without_controls(message)) {
    text += c;
    if (c == '\n') text += "       ";
  }
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
}

/// {"errors": [{"where", "line", "key", "problem", "remedy"}, ...]}: "" and 0 where there is none.
void print_json(const Error& error) {
  Json errors = Json::array();
  const auto add = [&](const Error& one) {
    errors.push_back({{"where", one.where()},
                      {"line", one.line()},
                      {"key", one.key()},
                      {"problem", one.problem()},
                      {"remedy", one.remedy()}});
  };
  add(error);
  for (const Error& other : error.others()) add(other);
  std::cout << to_document({{"errors", errors}});
}

/// A full disk behind `dcgan config > file` shows only here. That `| head -1` has seen enough is no
/// error.
int flush_results(int exit_code) {
  std::cout.flush();
  const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (is_written || errno == EPIPE) return exit_code;
  print_text("the standard output cannot be written");
  return exit_code == 0 ? 1 : exit_code;
}

}  // namespace

int run_program(int argc, const char* const* argv, const std::function<int()>& command) {
  try {
    return flush_results(command());
  } catch (const Error& error) {
    print_text(error.what());
    const bool wants_json = std::any_of(
        argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
    if (wants_json) print_json(error);
    return flush_results(error.exit_code());
  } catch (const std::exception& error) {
    print_text(error.what());
  }
  return 1;
}

void leave(int exit_code) {
#ifdef DCGAN_SANITIZED  // the leak sanitizer reports from among them
  std::exit(exit_code);
#else
  std::fflush(nullptr);
  std::_Exit(exit_code);
#endif
}

}  // namespace dcgan::cli
