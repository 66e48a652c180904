// The program's front: parses, answers what needs no LibTorch, and loads the commands that do. The
// one place that turns an exception into a message and an exit code.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <variant>

#include "base/text.h"
#include "cli/command_line.h"
#include "cli/config_command.h"
#include "cli/load_commands.h"
#include "cli/read_config.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

void write_to(std::FILE* stream, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

/// One visitor a kind of command; each returns the exit code.
struct Runner {
  int operator()(const HelpOptions& help) const {
    write_to(help.asked_for ? stdout : stderr, help.text);
    return help.asked_for ? 0 : 2;
  }
  int operator()(const ConfigOptions& options) const {
    write_to(stdout, config_command(options));
    return 0;
  }
  int operator()(const VersionOptions& options) const {
    write_to(stdout, "dcgan " DCGAN_VERSION "\n");
    std::fflush(stdout);
    return load_run_command()(options);
  }
  int operator()(TrainOptions options) const {
    // A mistyped key answers at once, before LibTorch is loaded. Without --config the run that is
    // resumed has the configuration, and the command reads it.
    std::int64_t threads = 0;
    if (options.config) {
      options.resolved = read_config(options.config, options.overrides, options.verbosity < 0);
      threads = options.resolved.config.run.threads;
    }
    return load_run_command({Binding::now, threads, IdleThreads::spin})(options);
  }
  int operator()(const SampleOptions& options) const {
    return load_run_command({.threads = options.threads})(options);
  }
  int operator()(EvaluateOptions options) const {
    if (options.config) options.resolved = read_config(options.config, {});
    return load_run_command({.threads = options.threads})(options);
  }
  int operator()(const InspectOptions& options) const { return load_run_command()(options); }
  int operator()(FeaturesTrainOptions options) const {
    if (options.config) options.resolved = read_config(options.config, {});
    return load_run_command({Binding::now, options.threads, IdleThreads::spin})(options);
  }
  int operator()(const DataListOptions& options) const { return load_run_command()(options); }
  int operator()(const DataFetchOptions& options) const { return load_run_command()(options); }
  int operator()(const DataVerifyOptions& options) const { return load_run_command()(options); }
  int operator()(DataShowOptions options) const {
    options.resolved = read_config(options.config, options.overrides);
    return load_run_command()(options);
  }
};

/// `dcgan: <message>`, further lines below the first.
void print_error(const std::string& message) {
  std::string text = "dcgan: ";
  for (const char c : without_controls(message)) {
    text += c;
    if (c == '\n') text += "       ";
  }
  write_to(stderr, text + '\n');
}

/// Whether nobody is left to read the results: `| head -1` has seen enough, a terminal is gone.
bool is_reader_gone() {
  pollfd out{STDOUT_FILENO, /*events=*/0, /*revents=*/0};
  return poll(&out, 1, /*timeout=*/0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/// A full disk behind `dcgan config > file` shows only here.
int flush_results(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  if (is_reader_gone()) return exit_code;
  print_error("the standard output cannot be written");
  return exit_code == 0 ? 1 : exit_code;
}

int run(int argc, const char* const* argv) {
  try {
    return flush_results(std::visit(Runner{}, parse_command_line(argc, argv)));
  } catch (const Error& error) {
    print_error(error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    print_error("out of memory; a smaller train.batch_size or model.base_channels needs less");
  } catch (const std::exception& error) {
    // LibTorch's own errors carry a backtrace below their first line.
    print_error(first_line(error.what()));
  }
  return 1;
}

/// Ends the process without the destructors of static objects: LibTorch's take longer than drawing
/// a grid of samples, and nothing waits for what they do. The leak sanitizer reports from among
/// them, though.
[[noreturn]] void leave(int exit_code) {
#ifdef DCGAN_SANITIZED
  std::exit(exit_code);
#else
  std::fflush(nullptr);
  std::_Exit(exit_code);
#endif
}

}  // namespace
}  // namespace dcgan::cli

int main(int argc, char** argv) {
  // A closed standard stream would give its number to the next file opened, and its text too.
  while (true) {
    const int descriptor = open("/dev/null", O_RDWR);
    if (descriptor < 0 || descriptor > 2) {
      if (descriptor > 2) close(descriptor);
      break;
    }
  }
  // A file that grows past `ulimit -f` is an error with a message, not a death by signal.
  std::signal(SIGXFSZ, SIG_IGN);
  // `train 2>&1 | head` loses the text, not the run.
  std::signal(SIGPIPE, SIG_IGN);
  dcgan::cli::leave(dcgan::cli::run(argc, argv));
}
