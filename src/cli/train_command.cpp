#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/stop.h"
#include "base/system_limits.h"
#include "base/text.h"
#include "cli/command_context.h"
#include "cli/load_data.h"
#include "config/fields.h"
#include "data/batch_stream.h"
#include "dcgan/error.h"
#include "evaluate/evaluate.h"
#include "evaluate/features.h"
#include "gan/recorded_step.h"
#include "runtime/cpu.h"
#include "runtime/device.h"
#include "training/checkpoint.h"
#include "training/log.h"
#include "training/run_directory.h"
#include "training/trainer.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// The configuration that the command line asks for; a resumed run's own file is the default.
ResolvedConfig resolve(const TrainOptions& options) {
  if (options.resume) check_is_run(*options.out);
  if (options.config) return options.resolved;
  return resolve_config(fs::path(*options.out) / "config.yaml", options.overrides);
}

std::string config_name(const TrainOptions& options) {
  const fs::path& file = options.resolved.file;
  return file.empty() ? "run" : file.stem().string();
}

/// Refuses a configuration under which the run that `source` tells of would no longer be the same.
void check_resumable(const Config& before, const Config& now, const fs::path& source, Log& log) {
  std::string refused;
  for (const Difference& difference : compare_configs(before, now)) {
    if (difference.may_change) {
      log.info(fmt::format("{} changes from {} to {}", difference.key, difference.before,
                           difference.after));
    } else {
      refused += fmt::format("{}{}: {} in the run, {} now", refused.empty() ? "" : "; ",
                             difference.key, difference.before, difference.after);
    }
  }
  if (refused.empty()) return;
  throw usage_error(fmt::format(
      "--resume: {} is of a run with another configuration\n{}\ntake these values back, "
      "or start a new run with another --out",
      source.string(), refused));
}

void check_same_dataset(const CheckpointInfo& checkpoint, const Dataset& dataset,
                        const fs::path& path) {
  if (checkpoint.dataset_fingerprint == dataset.fingerprint) return;
  throw failure(fmt::format(
      "{}: its run was trained on other images (CRC-32 {}) than {} holds now (CRC-32 {})\nset "
      "data.path to the data of that run",
      path.string(), checkpoint.dataset_fingerprint, dataset.name, dataset.fingerprint));
}

/// Replaces train.precision's `auto` by what it is on this machine: the run keeps it.
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

std::string describe_networks(const TrainState& state) {
  return fmt::format("{}\n{}", describe(plan_of(state.generator)),
                     describe(plan_of(state.discriminator)));
}

std::string describe_start(const Config& config, const Dataset& dataset, const Machine& machine) {
  const std::int64_t per_epoch =
      batches_per_epoch(dataset.size(), config.train.batch_size, config.data.drop_last);
  return fmt::format(
      "{}: {} images; {} steps an epoch, {} in all\ndevice {}, {} threads, LibTorch {}",
      dataset.name, format_count(dataset.size()), format_count(per_epoch),
      format_count(per_epoch * config.train.epochs), machine.device.str(), machine.threads,
      TORCH_VERSION);
}

/// The program as the user called it, so that the commands we print can be pasted.
std::string program() { return shell_quote(program_invocation_name); }

std::string resume_command(const RunDirectory& run) {
  return fmt::format("{} train --resume --out {}", program(), shell_quote(run.root().string()));
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

/// So is a build that can't record steps on the device.
void check_recorder(const Config& config, const Machine& machine) {
  if (config.run.cuda_graph) make_recorder(machine.device);
}

/// A training from its first step.
TrainingJob new_job(const Config& config, const Machine& machine, Log& log) {
  const std::optional<Features> features = named_features(config, machine);
  Dataset dataset = load_dataset(config.data, log);
  check_batches(config, dataset);
  if (features) try_features(*features, dataset);
  TrainState state = make_train_state(config, machine.device, total_steps(config, dataset.size()));
  if (config.model.classes > 0) set_class_counts(state, count_classes(config, dataset));
  return {config, std::move(dataset), std::move(state)};
}

/// The newest checkpoint; says how to go on without it where it is damaged.
Archive read_newest(const std::vector<fs::path>& checkpoints) {
  try {
    return read_archive(checkpoints.back(), ArchiveKind::checkpoint);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    const std::string remedy =
        checkpoints.size() > 1 ? fmt::format("remove it, and --resume goes on from {}",
                                             checkpoints[checkpoints.size() - 2].string())
                               : "there is no older checkpoint: start a new run with another --out";
    throw failure(error.problem()).in(error.where()).remedy(remedy);
  }
}

/// The training in `out` from its newest checkpoint, or from its first step if it was stopped
/// before there was one.
TrainingJob resumed_job(const fs::path& out, const Config& config, const Machine& machine,
                        Log& log) {
  const std::vector<fs::path> checkpoints = list_checkpoints(out);
  if (checkpoints.empty()) {
    if (fs::exists(out / "g.pt")) {
      throw usage_error(fmt::format(
          "--resume: {} has a g.pt but no checkpoints, so there is nothing to go on from\nput its "
          "checkpoints back, or start a new run with another --out",
          out.string()));
    }
    check_resumable(resolve_config(out / "config.yaml", {}).config, config, out / "config.yaml",
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

/// Everything is loaded and checked before anything is written.
TrainingJob load_job(const TrainOptions& options, const Config& config, const Machine& machine,
                     Log& log) {
  check_recorder(config, machine);
  if (options.resume) return resumed_job(*options.out, config, machine, log);
  if (options.out) check_is_free(*options.out);
  return new_job(config, machine, log);
}

/// Everything but writing: one step on real data, the tables, the memory.
int dry_run(const TrainOptions& options, Log& log) {
  ResolvedConfig resolved = resolve(options);
  const Machine machine = prepare_training(resolved.config, log);
  const Config& config = resolved.config;
  TrainingJob job = load_job(options, config, machine, log);
  const ConfigTables tables = describe_config(resolved);
  std::cout << tables.changed << '\n'
            << describe_networks(job.state) << '\n'
            << describe_start(config, job.dataset, machine) << std::endl;
  BatchStream stream(job.dataset, stream_options(config, machine.device), job.state.step);
  const Batch batch = stream.next();
  const StepNumbers numbers =
      read(train_step(job.state, batch.images, batch.labels, batch.latents));
  const std::string limits = describe_memory_limits();
  std::cout << fmt::format("one step: D {:.3f}  G {:.3f}  D(x) {:.2f}  D(G(z)) {:.2f} > {:.2f}\n",
                           numbers.discriminator_loss, numbers.generator_loss, numbers.real_score,
                           numbers.fake_score, numbers.fake_score_after)
            << fmt::format("memory: {} at the peak{}\n", format_bytes(peak_memory()),
                           limits.empty() ? "" : "; this process may have " + limits);
  log.info(job.dataset.cache.empty()
               ? "dry run: nothing was written"
               : fmt::format("dry run: no run was written; the decoded images are kept in {}",
                             job.dataset.cache));
  return 0;
}

/// A grid with a column for each of the first classes. A name with a comma can't be asked for.
std::string class_command(const std::string& generator, std::int64_t classes,
                          const std::vector<std::string>& names) {
  constexpr std::int64_t kColumns = 10;
  std::vector<std::string> asked;
  for (std::int64_t i = 0; i < classes && i < kColumns; ++i) {
    const std::string name = printable(class_name(names, static_cast<std::size_t>(i)));
    if (name.find(',') == std::string::npos) asked.push_back(name);
  }
  if (asked.empty()) return "";
  return fmt::format("  {} sample --ckpt {} --class {} --columns {} -n {}\n", program(), generator,
                     shell_quote(fmt::format("{}", fmt::join(asked, ","))), asked.size(),
                     asked.size() * kColumns);
}

int finish(TrainingOutcome outcome, const TrainingJob& job, const RunDirectory& run, Log& log) {
  const std::int64_t step = job.state.step;
  if (outcome == TrainingOutcome::stopped) {
    log.notice(fmt::format("stopped at step {}; a checkpoint is written. Go on with:\n  {}",
                           format_count(step), resume_command(run)));
    return kExitStopped;
  }
  const std::string generator = shell_quote(run.generator().string());
  const std::int64_t per_epoch =
      total_steps(job.config, job.dataset.size()) / job.config.train.epochs;
  const std::int64_t epochs_done = (step + per_epoch - 1) / per_epoch;
  std::cout << fmt::format("trained {} steps\n", format_count(step));
  if (fs::exists(run.samples(step))) {
    std::cout << fmt::format("samples:   {}\n", run.samples(step).string());
  }
  std::cout << fmt::format("generator: {}\n", run.generator().string()) << "try next:\n"
            << fmt::format("  {} sample --ckpt {} -n 64 --seed 7\n", program(), generator)
            << fmt::format("  {} sample --ckpt {} --interpolate 8\n", program(), generator);
  if (job.config.model.classes > 0) {
    std::cout << class_command(generator, job.config.model.classes, job.dataset.classes);
  }
  const std::string more = std::to_string(epochs_done * 2);
  Config longer = job.config;
  const bool can_be_longer = !find_field("train.epochs")->set(longer, {false, {more}});
  if (job.config.train.lr_schedule == LrSchedule::constant && can_be_longer) {
    std::cout << fmt::format("  {} --set train.epochs={}\n", resume_command(run), more);
  }
  std::cout << std::flush;
  return 0;
}

}  // namespace

int run_train(const TrainOptions& options) {
  Log log(static_cast<Verbosity>(options.verbosity));
  if (options.dry_run) return dry_run(options, log);
  ResolvedConfig resolved = resolve(options);
  const Machine machine = prepare_training(resolved.config, log);
  const Config& config = resolved.config;
  std::optional<RunDirectory> run;
  if (options.resume) run.emplace(RunDirectory::open(*options.out));  // locked while it is read
  TrainingJob job = load_job(options, config, machine, log);
  if (!run) run.emplace(RunDirectory::create(options.out, config_name(options)));
  const StopSignal stop;
  write_file_atomically(run->config(), to_yaml(config));
  log.add_file(run->log());
  log.info(fmt::format("run directory: {}", run->root().string()));
  const ConfigTables tables = describe_config(resolved);
  log.info(tables.changed);
  log.debug(tables.unchanged);
  log.info(describe_networks(job.state));
  log.info(describe_start(config, job.dataset, machine));
  if (job.state.step >= total_steps(config, job.dataset.size())) {
    log.info(config.train.lr_schedule == LrSchedule::constant
                 ? "all epochs are done already; raise train.epochs to go on"
                 : "all epochs are done already, and the learning rates have come to their end");
  }
  const TrainingOutcome outcome = train(job, *run, log, stop);
  return finish(outcome, job, *run, log);
}

}  // namespace dcgan::cli
