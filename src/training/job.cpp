#include <fmt/format.h>
#include <torch/version.h>

#include <functional>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "config/automatic.h"
#include "config/fields.h"
#include "config/parts.h"
#include "config/resolve.h"
#include "dcgan/error.h"
#include "dcgan/train.h"
#include "gan/recorded_step.h"
#include "runtime/cpu.h"
#include "training/checkpoint.h"
#include "training/initial_weights.h"
#include "training/load_data.h"
#include "training/run_directory.h"
#include "training/trainer.h"

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

void check_same_dataset(const Archive& archive, const Dataset& dataset, const fs::path& path) {
  const auto found = archive.notes.find("dataset_crc32");
  const std::string trained_on = found == archive.notes.end() ? "" : found->second;
  if (trained_on == dataset.fingerprint) return;
  throw failure(
      fmt::format("its run was trained on other images (CRC-32 {}) than {} holds now (CRC-32 {})",
                  trained_on, dataset.name, dataset.fingerprint))
      .in(path)
      .remedy("set data.path to the data of that run");
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

/// Throws where the processes would not train one model.
void compare_processes(const TrainingJob& job, ProcessGroup& group) {
  group.require_same("version", fmt::format("dcgan {}, LibTorch {}", DCGAN_VERSION, TORCH_VERSION));
  const std::string config = to_yaml(job.config);
  group.require_same("configuration",
                     fmt::format("CRC-32 {:08x}", crc32_of(config.data(), config.size())));
  group.require_same("data set", job.dataset.fingerprint);
  group.require_same("weights", checksum_of(job.state));
}

/// `first`: whether the run begins here, rather than goes on from a checkpoint.
TrainingJob new_job(const Config& config, const Machine& machine, bool first, Log& log) {
  // A build that can't record steps on the device is told before the images are read.
  if (config.run.cuda_graph && supports_graph(machine.device)) make_recorder(machine.device);
  // So is whoever names a file or layers that do not fit.
  TrainState state = make_train_state(config, machine.device);
  if (first && config.train.init_from != "none") take_initial_weights(state, log);
  Dataset dataset = load_dataset(config.data, log);
  check_batches(config, dataset);
  state.total_steps = total_steps(config, dataset.size());
  if (config.model.classes > 0) set_class_counts(state, count_classes(config, dataset));
  std::optional<Scorer> scorer = Scorer::make(config, dataset, machine.device, log);
  return {config, std::move(dataset), std::move(state), std::move(scorer)};
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
    return new_job(config, machine, /*first=*/true, log);
  }
  const fs::path& path = checkpoints.back();
  const Archive archive = read_newest(checkpoints);
  check_resumable(parse_config(archive.config, path.string() + ": config.yaml"), config, path, log);
  TrainingJob job = new_job(config, machine, /*first=*/false, log);
  check_same_dataset(archive, job.dataset, path);
  restore(job.state, archive, path);
  log.info(fmt::format("resuming from {} (step {})", path.string(), format_count(job.state.step)));
  return job;
}

}  // namespace

Machine prepare_training(Config& config, Log& log, std::int64_t local_rank) {
  if (config.train.accumulate > 1) share_one_heap();
  Machine machine = prepare_machine(config.run.device, config.run.threads, local_rank);
  if (!machine.warning.empty()) log.warn(machine.warning);
  // The same sums in the same order on every run; on a CPU this is so anyway.
  at::globalContext().setDeterministicCuDNN(true);
  Precision& precision = config.train.precision;
  if (precision == Precision::automatic) {
    precision = fastest_precision(machine.device);
    log.info(fmt::format("train.precision: auto is {} here", to_string(precision)));
  } else if (precision == Precision::bf16 && machine.device.is_cpu() && !multiplies_bfloat16()) {
    log.warn("train.precision: this CPU does not multiply bf16; fp32 is faster here");
  } else if (precision == Precision::tf32 && !machine.device.is_cuda()) {
    precision = Precision::fp32;
    log.warn("train.precision: tf32 is a GPU's; fp32 is used here");
  }
  if (has_automatic(config)) {  // what prepares the images keeps them for the run
    PrepareBar bar(log);
    const std::int64_t images = dcgan::load_dataset(config.data, std::ref(bar)).size();
    for (const std::string& line : choose_automatic(config, images)) log.info(line);
  }
  return machine;
}

TrainingJob load_job(const std::optional<std::string>& out, bool resume, const Config& config,
                     const Machine& machine, Log& log, ProcessGroup* group) {
  const PartsHere here = parts_here(config, group == nullptr ? 1 : group->size());
  if (here.at_once > 1 && machine.device.is_cuda()) {
    throw usage_error(
        fmt::format("a GPU takes one of train.shards at a time, not {}", here.at_once))
        .key("train.shards")
        .remedy(fmt::format("start a process for each, with a GPU of its own, or set "
                            "train.accumulate: {}",
                            here.count));
  }
  if (group != nullptr && config.run.cuda_graph) {
    throw usage_error("a CUDA graph records the steps of one process alone")
        .key("run.cuda_graph")
        .remedy("set run.cuda_graph: false");
  }
  const bool leads = group == nullptr || group->leads();
  if (!resume && out && leads) check_is_free(*out);
  TrainingJob job = resume ? resumed_job(*out, config, machine, log)
                           : new_job(config, machine, /*first=*/true, log);
  job.group = group;
  if (group != nullptr) compare_processes(job, *group);
  return job;
}

TrainResult train(const Config& config, const TrainOptions& options) {
  Log log(Verbosity::quiet);
  Config resolved = config;
  const Machine machine = prepare_training(resolved, log);
  const std::string out = options.out.string();
  std::optional<RunDirectory> run;
  if (options.resume) run.emplace(RunDirectory::open(out));  // locked while it is read
  TrainingJob job = load_job(out, options.resume, resolved, machine, log);
  if (!run) run.emplace(RunDirectory::create(out, "run"));
  write_file_atomically(run->config(), to_yaml(resolved));
  log.add_file(run->log());
  const bool finished = train(job, &*run, log, options.on_step);
  return {run->generator(), job.state.step, finished};
}

}  // namespace dcgan
