// The program `dcgan`: parses, answers what needs no LibTorch, and starts the core for the rest.
// So `--help` and a mistyped key answer at once, and what LibTorch and OpenMP read while they are
// loaded stands in the environment.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/program.h"
#include "cli/start_core.h"

namespace {

using namespace dcgan::cli;  // NOLINT(google-build-using-namespace): this is its main()

/// A closed standard stream would give its number to the next file opened, and its text too.
void open_standard_streams() {
  int descriptor = 0;
  do {
    descriptor = open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) close(descriptor);
}

int show(const CommandLine& line) {
  (line.is_help_asked_for() ? std::cout : std::cerr) << line.help();
  return line.is_help_asked_for() ? 0 : 2;
}

int run(int argc, char** argv) {
  Commands commands;
  return dispatch(
      commands, argc, argv,
      [argv](auto& command) {
        if constexpr (requires { command.run_in_front(); }) {
          return command.run_in_front();
        } else {
          start_core(command.startup(), argv);
          return 1;
        }
      },
      [argv](const CommandLine& line) {
        if (!line.is_version()) return show(line);
        std::cout << "dcgan " DCGAN_VERSION << std::endl;
        start_core({}, argv);
        return 1;
      });
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  // A file that grows past `ulimit -f` is an error with a message, not a death by signal;
  // `train 2>&1 | head` loses the text, not the run. The core inherits both.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  leave(run_program(argc, argv, [&] { return run(argc, argv); }));
}
