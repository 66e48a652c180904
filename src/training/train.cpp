#include "dcgan/train.h"

#include "base/file.h"
#include "config/resolve.h"
#include "training/job.h"
#include "training/log.h"
#include "training/run_directory.h"
#include "training/trainer.h"

namespace dcgan {

TrainResult train(const Config& config, const TrainOptions& options) {
  Log log(Verbosity::quiet);
  Config resolved = config;
  const Machine machine = prepare_training(resolved, log);
  const std::string out = options.out.string();
  std::optional<RunDirectory> run;
  if (options.resume) {
    run.emplace(RunDirectory::open(out));  // locked while it is read
  } else {
    check_is_free(out);
  }
  TrainingJob job = options.resume ? resumed_job(options.out, resolved, machine, log)
                                   : new_job(resolved, machine, log);
  if (!run) run.emplace(RunDirectory::create(out, "run"));
  write_file_atomically(run->config(), to_yaml(resolved));
  log.add_file(run->log());
  const TrainingOutcome outcome = train(job, *run, log, options.on_step);
  return {run->generator(), job.state.step, outcome == TrainingOutcome::finished};
}

}  // namespace dcgan
