// The program `dcgan-core`: runs the commands. `dcgan` starts it; see front.cpp.
#include <c10/util/Exception.h>

#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <system_error>

#include "base/file.h"
#include "cli/commands.h"
#include "dcgan/error.h"
#include "runtime/device.h"

namespace dcgan::cli {
namespace {

constexpr const char* kNeedsLess =
    "lower the number of images, their size, the batch size or model.base_channels";

Error out_of_memory() { return failure("out of memory").remedy(kNeedsLess); }

/// What LibTorch says, as ours.
Error translate(const std::string& text) {
  const auto says = [&](const char* part) { return text.find(part) != std::string::npos; };
  if (says("CUDA out of memory") || says("CUDA error: out of memory")) {
    return failure("out of memory on the GPU")
        .remedy(std::string(kNeedsLess) + ", or end what else uses it (nvidia-smi lists it)");
  }
  if (says("out of memory") || says("can't allocate memory")) return out_of_memory();
  if (says("busy or unavailable")) {
    return failure("the GPU is in exclusive use by another process")
        .remedy("end that (nvidia-smi lists it), or use another --device");
  }
  return failure("internal error in LibTorch: " + text.substr(0, text.find('\n')))
      .remedy("please report it");
}

/// The errors of libraries as ours.
template <typename Command>
int run(Command& command) {
  try {
    return command.run();
  } catch (const std::bad_alloc&) {
    throw out_of_memory();
  } catch (const std::filesystem::filesystem_error& error) {
    throw read_failure(error.path1(), error.code().value());
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    throw failure("no further thread can be started")
        .remedy("raise the limit on processes (ulimit -u), or use fewer threads (--threads)");
  } catch (const c10::Error& error) {
    throw translate(error.what_without_backtrace());
  }
}

}  // namespace
}  // namespace dcgan::cli

int main(int argc, char** argv) {
  namespace cli = dcgan::cli;
  cli::leave(cli::run_program(argc, argv, [&] {
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
