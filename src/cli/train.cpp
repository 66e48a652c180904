#include "cli/train.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/version.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>

#include "base/file.h"
#include "base/stop.h"
#include "base/text.h"
#include "data/batch_stream.h"
#include "model/forward.h"
#include "runtime/device.h"
#include "runtime/process_group.h"
#include "training/log.h"
#include "training/run_directory.h"
#include "training/trainer.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// The configuration that the command line asks for; a resumed run's own file is the default.
ResolvedConfig resolve(const Train& options) {
  if (options.resume) check_is_run(*options.out);
  if (options.config) return read_config(options.config, options.overrides);
  return resolve_config(fs::path(*options.out) / "config.yaml", options.overrides);
}

std::string describe_networks(const TrainState& state) {
  return fmt::format("{}\n{}", describe(plan_of(state.generator)),
                     describe(plan_of(state.discriminator)));
}

std::string describe_start(const TrainingJob& job, const Machine& machine) {
  const std::int64_t steps = total_steps(job.config, job.dataset.size());
  return fmt::format(
      "{}: {} images; {} steps an epoch, {} in all\ndevice {}, {} threads, LibTorch {}",
      job.dataset.name, format_count(job.dataset.size()),
      format_count(steps / job.config.train.epochs), format_count(steps), machine.device.str(),
      machine.threads, TORCH_VERSION);
}

/// The program as the user called it, so that the commands we print can be pasted.
std::string program() { return shell_quote(program_invocation_name); }

std::string resume_command(const RunDirectory& run) {
  return fmt::format("{} train --resume --out {}", program(), shell_quote(run.root().string()));
}

/// What of the networks is not computed by our kernels, a line each; nothing where all is.
void log_stock_operations(const TrainState& state, Log& log) {
  if (!state.device.is_cpu()) return;
  for (const Network* network : {&state.generator, &state.discriminator}) {
    const std::vector<std::string> names = stock_operations(plan_of(*network));
    if (names.empty()) continue;
    log.debug(fmt::format("{}: {} by LibTorch's operators, the rest by dcgan's kernels",
                          network->name, fmt::join(names, ", ")));
  }
}

/// Everything but writing: one step on real data, the tables, the memory.
void dry_run(TrainingJob& job, const ResolvedConfig& resolved, const Machine& machine, Log& log) {
  std::cout << describe_config(resolved).changed << '\n'
            << describe_networks(job.state) << '\n'
            << describe_start(job, machine) << std::endl;
  log_stock_operations(job.state, log);
  BatchStream stream(job.dataset, stream_options(job.config, machine.device), job.state.step);
  const Batch batch = stream.next();
  const StepNumbers numbers =
      read(train_step(job.state, batch.images, batch.labels, batch.latents));
  std::cout << fmt::format("one step: D {:.3f}  G {:.3f}  D(x) {:.2f}  D(G(z)) {:.2f} > {:.2f}\n",
                           numbers.discriminator_loss, numbers.generator_loss, numbers.real_score,
                           numbers.fake_score, numbers.fake_score_after)
            << fmt::format("memory: {} at the peak\n", format_bytes(peak_memory()));
  log.info(job.dataset.cache.empty()
               ? "dry run: nothing was written"
               : fmt::format("dry run: no run was written; the decoded images are kept in {}",
                             job.dataset.cache));
}

/// What was made, and what to do with it next.
void show_results(const TrainingJob& job, const RunDirectory& run) {
  const std::int64_t step = job.state.step;
  const std::string generator = shell_quote(run.generator().string());
  std::cout << fmt::format("trained {} steps\n", format_count(step));
  if (fs::exists(run.samples(step))) {
    std::cout << fmt::format("samples:   {}\n", run.samples(step).string());
  }
  std::cout << fmt::format("generator: {}\n", run.generator().string()) << "try next:\n"
            << fmt::format("  {} sample --ckpt {} -n 64 --seed 7\n", program(), generator)
            << fmt::format("  {} sample --ckpt {} --interpolate 8\n", program(), generator);
}

void log_start(const ResolvedConfig& resolved, const TrainingJob& job, const RunDirectory& run,
               const Machine& machine, Log& log) {
  log.add_file(run.log());
  log.info(fmt::format("run directory: {}", run.root().string()));
  const ConfigTables tables = describe_config(resolved);
  log.info(tables.changed);
  log.debug(tables.unchanged);
  log.info(describe_networks(job.state));
  log.info(describe_start(job, machine));
  if (job.state.step < total_steps(job.config, job.dataset.size())) return;
  log.info(
      "all epochs are done already; a larger train.epochs goes on, under a constant lr_schedule");
}

int train_with(const Train& options, const ResolvedConfig& resolved, const Machine& machine,
               Log& log, ProcessGroup* group) {
  const bool leads = group == nullptr || group->leads();
  std::optional<RunDirectory> run;
  if (options.resume && !options.dry_run && leads) {  // locked while it is read
    run.emplace(RunDirectory::open(*options.out));
  }
  TrainingJob job = load_job(options.out, options.resume, resolved.config, machine, log, group);
  if (options.dry_run) {
    dry_run(job, resolved, machine, log);
    return 0;
  }
  const StopSignal stop;
  const auto on_step = [&](const TrainingProgress&) { return !stop.requested(); };
  if (!leads) return train(job, nullptr, log, on_step) ? 0 : kExitStopped;
  const fs::path& file = resolved.file;
  if (!run) {
    run.emplace(RunDirectory::create(options.out, file.empty() ? "run" : file.stem().string()));
  }
  write_file_atomically(run->config(), to_yaml(resolved.config));
  log_start(resolved, job, *run, machine, log);
  if (!train(job, &*run, log, on_step)) {
    log.notice(fmt::format("stopped at step {}; a checkpoint is written. Go on with:\n  {}",
                           format_count(job.state.step), resume_command(*run)));
    return kExitStopped;
  }
  show_results(job, *run);
  return 0;
}

/// Whether torchrun starts this run again, after a process of it has failed.
bool is_restart(const std::optional<std::string>& out) {
  const char* const restarts = std::getenv("TORCHELASTIC_RESTART_COUNT");
  return restarts != nullptr && std::string_view(restarts) != "0" && out &&
         fs::exists(fs::path(*out) / "config.yaml");
}

}  // namespace

int Train::run() {
  const Launch launch = read_launch();
  resume = resume || is_restart(out);
  if (dry_run && launch.rank > 0) return 0;
  const bool leads = launch.rank == 0;
  Log log(!leads    ? Verbosity::silent
          : quiet   ? Verbosity::quiet
          : verbose ? Verbosity::verbose
                    : Verbosity::normal);
  ResolvedConfig resolved = resolve(*this);
  const Machine machine = prepare_training(resolved.config, log, launch.local_rank);
  std::optional<ProcessGroup> group;
  if (launch.size > 1 && !dry_run) {
    group.emplace(launch, std::chrono::seconds(resolved.config.train.rank_timeout));
  }
  try {
    const std::string problem = group ? group->use_gpus(machine.device) : "";
    if (!problem.empty()) {
      log.warn(
          fmt::format("NCCL can't start ({}); GPUs exchange through the host's memory", problem));
    }
    return train_with(*this, resolved, machine, log, group ? &*group : nullptr);
  } catch (const std::exception& error) {
    const auto* const own = dynamic_cast<const Error*>(&error);
    if (group) group->tell(own == nullptr ? error.what() : own->summary());
    throw;
  }
}

}  // namespace dcgan::cli
