// The one symbol that libdcgan_commands.so exports.
#include <c10/util/Exception.h>

#include <filesystem>
#include <new>
#include <string>

#include "command_context.h"
#include "dcgan/base/error.h"
#include "dcgan/base/file.h"
#include "dcgan/base/text.h"
#include "dcgan/data/cache_file.h"

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

bool is_out_of_memory(const std::string& text) {
  return text.find("out of memory") != std::string::npos ||
         text.find("can't allocate memory") != std::string::npos;
}

}  // namespace
}  // namespace dcgan::cli

extern "C" int dcgan_run_command(const dcgan::cli::Command& command) {
  using dcgan::failure;
  dcgan::explain_lost_caches();
  const auto out_of_memory = [&command] {
    return failure(
        "out of memory: " +
        std::visit([](const auto& options) { return dcgan::cli::smaller(options); }, command));
  };
  try {
    return std::visit([](const auto& options) { return dcgan::cli::dispatch(options); }, command);
  } catch (const std::bad_alloc&) {
    throw out_of_memory();
  } catch (const std::filesystem::filesystem_error& error) {
    throw dcgan::read_failure(error.path1(), error.code().value());
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (dcgan::cli::is_out_of_memory(text)) throw out_of_memory();
    throw failure("internal error in LibTorch, please report it: " + dcgan::first_line(text));
  }
}
