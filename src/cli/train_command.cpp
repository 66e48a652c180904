#include <errno.h>
#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "command_context.h"
#include "dcgan/base/error.h"
#include "dcgan/base/file.h"
#include "dcgan/base/text.h"
#include "dcgan/data/batch_stream.h"
#include "dcgan/run/checkpoint.h"
#include "dcgan/run/log.h"
#include "dcgan/run/run_directory.h"
#include "dcgan/run/stop.h"
#include "dcgan/run/trainer.h"
#include "dcgan/train/device.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kExitStopped = 130;

/// The configuration that the command line asks for; a resumed run's own file is the default.
ResolvedConfig resolve(const TrainOptions& options) {
  std::optional<fs::path> file;
  if (options.config) {
    file = *options.config;
  } else if (options.resume) {
    file = fs::path(*options.out) / "config.yaml";
  }
  return resolve_config(file, options.overrides);
}

std::string config_name(const TrainOptions& options) {
  return options.config ? fs::path(*options.config).stem().string() : "run";
}

/// Refuses a configuration under which the checkpoint's run would no longer be the same run.
void check_resumable(const CheckpointInfo& checkpoint, const Config& config, const fs::path& path,
                     Log& log) {
  std::string refused;
  for (const Difference& difference : compare_configs(checkpoint.config, config)) {
    if (difference.may_change) {
      log.info(fmt::format("{} changes from {} to {}", difference.key, difference.before,
                           difference.after));
    } else {
      refused += fmt::format("{}{}: {} in the checkpoint, {} now", refused.empty() ? "" : "; ",
                             difference.key, difference.before, difference.after);
    }
  }
  if (refused.empty()) return;
  throw usage_error(fmt::format(
      "--resume: {} is of a run with another configuration\n{}\ntake these values back, or start a "
      "new run with another --out",
      path.string(), refused));
}

void check_same_dataset(const CheckpointInfo& checkpoint, const Dataset& dataset,
                        const fs::path& path) {
  if (checkpoint.dataset_fingerprint == dataset.fingerprint) return;
  throw failure(fmt::format(
      "{}: its run was trained on other images (CRC-32 {}) than {} holds now (CRC-32 {})\nset "
      "data.path to the data of that run",
      path.string(), checkpoint.dataset_fingerprint, dataset.name, dataset.fingerprint));
}

struct Machine {
  torch::Device device;
  std::int64_t threads;
};

Machine prepare_machine(const RunConfig& run) {
  keep_freed_memory();
  const torch::Device device = resolve_device(run.device);
  // The same sums in the same order on every run; on a CPU this is so anyway.
  at::globalContext().setDeterministicCuDNN(true);
  return {device, set_threads(run.threads)};
}

std::string describe_networks(const TrainState& state) {
  NetworkPlan generator{state.generator.name, {}};
  for (const Layer& layer : state.generator.layers) generator.layers.push_back(layer.plan);
  NetworkPlan discriminator{state.discriminator.name, {}};
  for (const Layer& layer : state.discriminator.layers) discriminator.layers.push_back(layer.plan);
  return describe(generator) + "\n" + describe(discriminator);
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

/// Everything but writing: one step on real data, the tables, the memory.
int dry_run(const TrainOptions& options, Log& log) {
  const ResolvedConfig resolved = resolve(options);
  const Config& config = resolved.config;
  const Machine machine = prepare_machine(config.run);
  const Dataset dataset = load_dataset(config.data);
  check_batches(config, dataset);
  TrainState state = make_train_state(config, machine.device);
  std::cout << describe_config(resolved) << '\n'
            << describe_networks(state) << '\n'
            << describe_start(config, dataset, machine) << std::endl;
  BatchStream stream(dataset,
                     {config.seed, config.train.batch_size, config.model.latent_dim,
                      config.data.shuffle, config.data.drop_last, config.output, false},
                     0);
  const Batch batch = stream.next();
  const StepNumbers numbers =
      read(train_step(state, batch.images.to(machine.device), batch.latents.to(machine.device)));
  std::cout << fmt::format("one step: D {:.3f}  G {:.3f}  D(x) {:.2f}  D(G(z)) {:.2f} > {:.2f}\n",
                           numbers.discriminator_loss, numbers.generator_loss, numbers.real_score,
                           numbers.fake_score, numbers.fake_score_after)
            << fmt::format("memory: {} at the peak\n", format_bytes(peak_memory()));
  log.info("dry run: nothing was written");
  return 0;
}

/// The program as the user called it, so that the commands we print can be pasted.
std::string program() { return shell_quote(program_invocation_name); }

std::string resume_command(const RunDirectory& run) {
  return fmt::format("{} train --resume --out {}", program(), shell_quote(run.root().string()));
}

struct Start {
  RunDirectory run;
  TrainingJob job;
};

/// A run from its first step: everything is loaded and checked before a folder is made.
Start start_new(const TrainOptions& options, const Config& config, const Machine& machine) {
  if (options.out && is_non_empty_folder(*options.out)) {
    RunDirectory::create(options.out, "");  // says what is wrong, before any work
  }
  Dataset dataset = load_dataset(config.data);
  check_batches(config, dataset);
  TrainState state = make_train_state(config, machine.device);
  return {RunDirectory::create(options.out, config_name(options)),
          {config, std::move(dataset), std::move(state)}};
}

/// A run from its newest checkpoint, or from its first step if it was stopped before there was one.
Start start_again(const TrainOptions& options, const Config& config, const Machine& machine,
                  Log& log) {
  RunDirectory run = RunDirectory::open(*options.out);
  const std::vector<fs::path> checkpoints = list_checkpoints(run.root());
  if (checkpoints.empty()) {
    log.info("no checkpoint was written yet: starting from step 0");
    Dataset dataset = load_dataset(config.data);
    TrainState state = make_train_state(config, machine.device);
    return {std::move(run), {config, std::move(dataset), std::move(state)}};
  }
  const fs::path& path = checkpoints.back();
  const Archive archive = read_archive(path, ArchiveKind::checkpoint);
  const CheckpointInfo info = describe_checkpoint(archive, path);
  check_resumable(info, config, path, log);
  Dataset dataset = load_dataset(config.data);
  check_same_dataset(info, dataset, path);
  TrainState state = make_train_state(config, machine.device);
  restore(state, archive, path);
  log.info(fmt::format("going on from {} (step {})", path.string(), format_count(info.step)));
  return {std::move(run), {config, std::move(dataset), std::move(state)}};
}

int finish(TrainingOutcome outcome, const Start& start, Log& log) {
  const RunDirectory& run = start.run;
  const std::int64_t step = start.job.state.step;
  if (outcome == TrainingOutcome::stopped) {
    log.info(fmt::format("stopped at step {}; a checkpoint is written. Go on with:\n  {}",
                         format_count(step), resume_command(run)));
    return kExitStopped;
  }
  const std::string generator = shell_quote(run.generator().string());
  std::cout << fmt::format("trained {} steps\n", format_count(step))
            << fmt::format("samples:   {}\n", run.samples(step).string())
            << fmt::format("generator: {}\n", run.generator().string()) << "try next:\n"
            << fmt::format("  {} sample --ckpt {} -n 64 --seed 7\n", program(), generator)
            << fmt::format("  {} sample --ckpt {} --interpolate 8\n", program(), generator)
            << fmt::format("  {} --set train.epochs={}\n", resume_command(run),
                           start.job.config.train.epochs * 2)
            << std::flush;
  return 0;
}

}  // namespace

int run_train(const TrainOptions& options) {
  Log log(static_cast<Verbosity>(options.verbosity));
  if (options.dry_run) return dry_run(options, log);
  const ResolvedConfig resolved = resolve(options);
  const Config& config = resolved.config;
  const Machine machine = prepare_machine(config.run);
  Start start = options.resume ? start_again(options, config, machine, log)
                               : start_new(options, config, machine);
  const StopSignal stop;
  write_file_atomically(start.run.config(), to_yaml(config));
  log.add_file(start.run.log());
  log.info(fmt::format("run directory: {}", start.run.root().string()));
  log.info(describe_config(resolved));
  log.info(describe_networks(start.job.state));
  log.info(describe_start(config, start.job.dataset, machine));
  if (start.job.state.step >= total_steps(config, start.job.dataset.size())) {
    log.info(fmt::format("all {} epochs are done already; raise train.epochs to go on",
                         config.train.epochs));
  }
  const TrainingOutcome outcome = train(start.job, start.run, log, stop);
  return finish(outcome, start, log);
}

}  // namespace dcgan::cli
