#include "training/job.h"

#include <fmt/format.h>

#include "base/text.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "dcgan/error.h"
#include "evaluate/evaluate.h"
#include "evaluate/features.h"
#include "gan/recorded_step.h"
#include "runtime/cpu.h"
#include "training/checkpoint.h"
#include "training/load_data.h"
#include "training/run_directory.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// Refuses a configuration under which the run that `source` tells of would no longer be the same.
void check_resumable(const Config& before, const Config& now, const fs::path& source, Log& log) {
  std::string refused;
  for (const Difference& difference : compare_configs(before, now)) {
    if (difference.may_change) {
      log.info(fmt::format("{} changes from {} to {}", difference.key, difference.before,
                           difference.after));
    } else {
      refused += fmt::format("{}{}: {} in the run, {} now", refused.empty() ? "" : ", ",
                             difference.key, difference.before, difference.after);
    }
  }
  if (refused.empty()) return;
  throw usage_error(
      fmt::format("{} is of a run with another configuration: {}", source.string(), refused))
      .in("--resume")
      .remedy("take these values back, or start a new run with another --out");
}

void check_same_dataset(const CheckpointInfo& checkpoint, const Dataset& dataset,
                        const fs::path& path) {
  if (checkpoint.dataset_fingerprint == dataset.fingerprint) return;
  throw failure(
      fmt::format("its run was trained on other images (CRC-32 {}) than {} holds now (CRC-32 {})",
                  checkpoint.dataset_fingerprint, dataset.name, dataset.fingerprint))
      .in(path)
      .remedy("set data.path to the data of that run");
}

/// Those that the user names: a wrong file of features is told before the images are read.
std::optional<Features> named_features(const Config& config, const Machine& machine) {
  if (config.train.features == "auto" || config.train.evaluate_every == 0) return std::nullopt;
  return Features::find(config.train.features, /*set=*/"", machine.device);
}

/// One that can't measure such images is told before there is a run.
void try_features(const Features& features, const Dataset& dataset) {
  constexpr std::int64_t kTried = 64;
  if (dataset.size() < kMinImages) return;
  const torch::NoGradGuard no_grad;
  const torch::Tensor some = dataset.images.index_select(0, evenly_spaced(dataset.size(), kTried));
  require_distinct_features(describe_set(features.compute(some)));
}

/// The newest checkpoint; says how to go on without it where it is damaged.
Archive read_newest(const std::vector<fs::path>& checkpoints) {
  try {
    return read_archive(checkpoints.back(), ArchiveKind::checkpoint);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    error.remedy(checkpoints.size() > 1
                     ? fmt::format("remove it, and --resume goes on from {}",
                                   checkpoints[checkpoints.size() - 2].string())
                     : "there is no older checkpoint: start a new run with another --out");
    throw;
  }
}

}  // namespace

Machine prepare_training(Config& config, Log& log) {
  const Machine machine = prepare_machine(config.run.device, config.run.threads);
  if (!machine.warning.empty()) log.warn(machine.warning);
  // The same sums in the same order on every run; on a CPU this is so anyway.
  at::globalContext().setDeterministicCuDNN(true);
  Precision& precision = config.train.precision;
  if (precision == Precision::automatic) {
    precision = fastest_precision(machine.device);
    log.info(fmt::format("train.precision: auto is {} here", to_string(precision)));
  } else if (precision == Precision::bf16 && machine.device.is_cpu() && !multiplies_bfloat16()) {
    log.warn("train.precision: this CPU does not multiply bf16; fp32 is faster here");
  }
  return machine;
}

TrainingJob new_job(const Config& config, const Machine& machine, Log& log) {
  // A build that can't record steps on the device is told before the images are read.
  if (config.run.cuda_graph && !machine.device.is_cpu()) make_recorder(machine.device);
  const std::optional<Features> features = named_features(config, machine);
  Dataset dataset = load_dataset(config.data, log);
  check_batches(config, dataset);
  if (features) try_features(*features, dataset);
  TrainState state = make_train_state(config, machine.device, total_steps(config, dataset.size()));
  if (config.model.classes > 0) set_class_counts(state, count_classes(config, dataset));
  return {config, std::move(dataset), std::move(state)};
}

TrainingJob resumed_job(const fs::path& run, const Config& config, const Machine& machine,
                        Log& log) {
  const std::vector<fs::path> checkpoints = list_checkpoints(run);
  if (checkpoints.empty()) {
    if (fs::exists(run / "g.pt")) {
      throw usage_error(
          fmt::format("{} has a g.pt but no checkpoints, so there is nothing to go on from",
                      run.string()))
          .in("--resume")
          .remedy("put its checkpoints back, or start a new run with another --out");
    }
    check_resumable(resolve_config(run / "config.yaml", {}).config, config, run / "config.yaml",
                    log);
    log.info("no checkpoint was written yet: starting from step 0");
    return new_job(config, machine, log);
  }
  const fs::path& path = checkpoints.back();
  const Archive archive = read_newest(checkpoints);
  const CheckpointInfo info = describe_checkpoint(archive, path);
  check_resumable(info.config, config, path, log);
  TrainingJob job = new_job(config, machine, log);
  check_same_dataset(info, job.dataset, path);
  restore(job.state, archive, path);
  log.info(fmt::format("resuming from {} (step {})", path.string(), format_count(info.step)));
  return job;
}

}  // namespace dcgan
