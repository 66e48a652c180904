// The one symbol that libdcgan_commands.so exports.
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

#include "base/file.h"
#include "base/system_limits.h"
#include "base/text.h"
#include "cli/command_context.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

int dispatch(const TrainOptions& options) { return run_train(options); }
int dispatch(const SampleOptions& options) { return run_sample(options); }
int dispatch(const EvaluateOptions& options) { return run_evaluate(options); }
int dispatch(const InspectOptions& options) { return run_inspect(options); }
int dispatch(const FeaturesTrainOptions& options) { return run_features_train(options); }
int dispatch(const DataListOptions& options) { return run_data_list(options); }
int dispatch(const DataFetchOptions& options) { return run_data_fetch(options); }
int dispatch(const DataVerifyOptions& options) { return run_data_verify(options); }
int dispatch(const DataShowOptions& options) { return run_data_show(options); }
int dispatch(const VersionOptions& options) { return run_version(options); }

/// What needs less memory.
std::string smaller(const TrainOptions& /*options*/) {
  return "lower train.batch_size, data.image_size or model.base_channels";
}
std::string smaller(const FeaturesTrainOptions& /*options*/) { return "lower data.image_size"; }
std::string smaller(const SampleOptions& /*options*/) { return "lower -n"; }
std::string smaller(const EvaluateOptions& /*options*/) { return "lower --samples"; }
std::string smaller(const DataShowOptions& /*options*/) {
  return "lower -n or data.image_size, or set data.limit to fewer images";
}
template <class Options>
std::string smaller(const Options& /*options*/) {
  return "end other programs";
}

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
      "\ndcgan: a library crashed, most likely for want of memory\n       raise a limit: this "
      "process has {}; a training goes on from its last checkpoint with --resume\n",
      describe_memory_limits());
  std::signal(SIGSEGV, say_crash);
  std::signal(SIGABRT, say_crash);
}

bool is_out_of_memory(const std::string& text) {
  return text.find("out of memory") != std::string::npos ||
         text.find("can't allocate memory") != std::string::npos;
}

}  // namespace
}  // namespace dcgan::cli

extern "C" int dcgan_run_command(const dcgan::cli::Command& command) {
  using dcgan::failure;
  dcgan::cli::explain_crashes_under_limits();
  const auto out_of_memory = [&command] {
    const std::string limits = dcgan::describe_memory_limits();
    return failure(
        "out of memory: " +
        std::visit([](const auto& options) { return dcgan::cli::smaller(options); }, command) +
        (limits.empty() ? "" : "\nor raise a limit: this process has " + limits));
  };
  try {
    return std::visit([](const auto& options) { return dcgan::cli::dispatch(options); }, command);
  } catch (const std::bad_alloc&) {
    throw out_of_memory();
  } catch (const std::filesystem::filesystem_error& error) {
    throw dcgan::read_failure(error.path1(), error.code().value());
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    throw failure(
        "no further thread can be started\nraise the limit on processes and threads (ulimit -u, a "
        "container's pids limit) or on address space (ulimit -v), end other programs, or use fewer "
        "threads (--threads, OMP_NUM_THREADS)");
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (dcgan::cli::is_out_of_memory(text)) throw out_of_memory();
    throw failure("internal error in LibTorch, please report it: " + dcgan::first_line(text));
  }
}
