// The program `dcgan-core`: runs the commands. `dcgan` starts it; see front.cpp.
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <system_error>

#include "base/file.h"
#include "base/system_limits.h"
#include "cli/commands.h"
#include "dcgan/error.h"
#include "runtime/device.h"

namespace dcgan::cli {
namespace {

std::string crash_words;  // made before there is a crash: a signal handler may only read

void say_crash(int /*signal*/) {
  [[maybe_unused]] const ssize_t ignored =
      write(STDERR_FILENO, crash_words.data(), crash_words.size());
  _exit(1);
}

/// Where an address space is full, oneDNN writes into memory that it did not get.
void explain_crashes_under_limits() {
  if (!address_space_limit() && !data_limit()) return;
  crash_words = fmt::format(
      "\ndcgan: a library crashed, most likely for want of memory; raise a limit: this process has "
      "{}; a run goes on from its last checkpoint with --resume\n",
      describe_memory_limits());
  std::signal(SIGSEGV, say_crash);
  std::signal(SIGABRT, say_crash);
}

bool is_out_of_memory(const std::string& text) {
  return text.find("out of memory") != std::string::npos ||
         text.find("can't allocate memory") != std::string::npos;
}

Error out_of_memory(const std::string& needs_less) {
  const std::string limits = describe_memory_limits();
  return failure("out of memory")
      .remedy(needs_less +
              (limits.empty() ? "" : ", or raise a limit: this process has " + limits));
}

/// The errors of libraries as ours.
template <typename Command>
int run(Command& command) {
  try {
    return command.run();
  } catch (const std::bad_alloc&) {
    throw out_of_memory(Command::kNeedsLess);
  } catch (const std::filesystem::filesystem_error& error) {
    throw read_failure(error.path1(), error.code().value());
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    throw failure("no further thread can be started")
        .remedy(
            "raise the limit on processes and threads (ulimit -u, a container's pids limit) or on "
            "address space (ulimit -v), end other programs, or use fewer threads (--threads, "
            "OMP_NUM_THREADS)");
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (is_out_of_memory(text)) throw out_of_memory(Command::kNeedsLess);
    throw failure("internal error in LibTorch: " + text.substr(0, text.find('\n')))
        .remedy("please report it");
  }
}

}  // namespace
}  // namespace dcgan::cli

int main(int argc, char** argv) {
  namespace cli = dcgan::cli;
  cli::leave(cli::run_program(argc, argv, [&] {
    cli::explain_crashes_under_limits();
    return cli::dispatch(
        argc, argv,
        [](auto& command) {
          if constexpr (requires { command.run(); }) return cli::run(command);
          return 2;  // the front's own
        },
        [](const cli::CommandLine&) {
          for (const std::string& line : dcgan::describe_machine()) std::cout << line << '\n';
          return 0;
        });
  }));
}
