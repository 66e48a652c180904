#include "training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/text.h"
#include "config/fields.h"
#include "config/parts.h"
#include "config/resolve.h"
#include "data/batch_stream.h"
#include "data/device_batch_stream.h"
#include "dcgan/error.h"
#include "dcgan/image.h"
#include "dcgan/sampler.h"
#include "evaluate/spectrum.h"
#include "gan/parts.h"
#include "gan/recorded_step.h"
#include "generate/generator_file.h"
#include "runtime/random.h"
#include "tensorboard/event_file.h"
#include "training/averages.h"
#include "training/checkpoint.h"
#include "training/reporter.h"
#include "training/warnings.h"

namespace dcgan {
namespace {

/// "fid 2.751  precision 0.81  recall 0.72  10/10 modes".
std::string format_scores(const QuickScores& scores) {
  const std::string modes =
      scores.shares.empty() ? "" : fmt::format("  {}/{} modes", scores.modes, scores.shares.size());
  return fmt::format("fid {:.3f}  precision {:.2f}  recall {:.2f}{}", scores.fid, scores.precision,
                     scores.recall, modes);
}

using OnStep = std::function<bool(const TrainingProgress&)>;

std::int64_t steps_per_epoch(const TrainingJob& job) {
  return batches_per_epoch(job.dataset.size(), job.config.train.batch_size,
                           job.config.data.drop_last);
}

/// Whether the samples are evaluated after the last step.
bool evaluation_due(const TrainingJob& job) {
  const std::int64_t steps = steps_per_epoch(job);
  const std::int64_t step = job.state.step;
  const TrainConfig& train = job.config.train;
  return job.scorer && step % steps == 0 &&
         (step / steps % train.evaluate_every == 0 || step == train.epochs * steps);
}

/// The steps of a run, as each process makes them.
class Stepper {
 public:
  /// `log`: for warnings; nullptr where another process has the same.
  explicit Stepper(TrainingJob& job, Log* log = nullptr)
      : state_(job.state), log_(log), group_(job.group), steps_per_epoch_(steps_per_epoch(job)) {
    const torch::Device device = state_.device;
    const BatchStreamOptions options = stream_options(job.config, device, job.group);
    if (belongs_on_device(job.config.data, job.dataset, device)) {
      device_stream_.emplace(job.dataset, options, state_.step, device);
    } else {
      stream_.emplace(job.dataset, options, state_.step);
    }
    const std::int64_t processes = group_ == nullptr ? 1 : group_->size();
    const PartsHere here = parts_here(job.config, processes);
    if (processes > 1 || here.count > 1) {
      parts_.emplace(state_, here, group_);
    } else if (job.config.run.cuda_graph && supports_graph(state_.device)) {
      recorded_.emplace(state_, make_recorder(state_.device));
    }
  }

  StepStats step() {
    batch_ = device_stream_ ? device_stream_->next() : stream_->next();
    StepStats stats = parts_ ? parts_->step(batch_.images, batch_.labels, batch_.latents)
                      : recorded_
                          ? recorded_->step(batch_.images, batch_.labels, batch_.latents)
                          : train_step(state_, batch_.images, batch_.labels, batch_.latents);
    if (recorded_ && !recorded_->failure().empty() && log_ != nullptr) {
      log_->warn(
          fmt::format("run.cuda_graph: a step could not be recorded ({}); each is done "
                      "operator by operator",
                      recorded_->failure()));
      log_ = nullptr;  // once
    }
    if (stats.r1.defined()) state_.r1 = stats.r1;
    stats.r1 = state_.r1;  // between two of them the newest one is reported
    stop_ = stats.stop;
    if (group_ != nullptr && state_.step % steps_per_epoch_ == 0) {
      group_->require_same("weights", checksum_of(state_));
    }
    return stats;
  }

  /// This process's images of the last step, on the run's device.
  torch::Tensor real() const { return batch_.images.to(state_.device); }

  /// Whether the run stops here, where this process or, by the last step, another wants it to: all
  /// know of it after the step that follows.
  bool stops(bool wants_to) {
    if (group_ == nullptr) return wants_to;
    state_.stop = state_.stop || wants_to;
    return stop_.item<float>() > 0;
  }

 private:
  TrainState& state_;
  Log* log_;
  ProcessGroup* group_;
  const std::int64_t steps_per_epoch_;
  std::optional<DeviceBatchStream> device_stream_;  ///< with data.on_device
  std::optional<BatchStream> stream_;               ///< else
  Batch batch_;
  torch::Tensor stop_;
  std::optional<Parts> parts_;            ///< where there are several
  std::optional<RecordedStep> recorded_;  ///< with run.cuda_graph
};

class Loop {
 public:
  Loop(TrainingJob& job, const RunDirectory& run, Log& log)
      : job_(job),
        config_(job.config),
        state_(job.state),
        dataset_(job.dataset),
        scorer_(job.scorer),
        run_(run),
        log_(log),
        steps_per_epoch_(steps_per_epoch(job)),
        total_steps_(total_steps(job.config, job.dataset.size())),
        stepper_(job, &log),
        grid_latents_(normal_rows(config_.seed, Purpose::grid_latents, 0, config_.run.sample_count,
                                  config_.model.latent_dim)
                          .to(state_.device)),
        monitor_(config_.train),
        events_(open_events()),
        reporter_(run.metrics(), position(), log, events_ ? &*events_ : nullptr) {}

  bool run(const OnStep& on_step) {
    // What ended the run before may have come between its checkpoint and its g.pt.
    if (state_.step >= total_steps_) {
      save_generator(run_.generator(), best_generator(state_), config_, state_.step,
                     dataset_.classes);
    } else if (scorer_) {
      best_fid_ = reporter_.best_fid_before(scorer_->samples, scorer_->features.checksum);
      log_.info(fmt::format("evaluating {}", scorer_->describe()));
    }
    if (state_.step == 0) {
      const std::int64_t count = std::min(config_.run.sample_count, dataset_.size());
      write_grid(run_.real_samples(), "samples/real", dataset_.images.narrow(0, 0, count));
      write_samples();
    }
    while (state_.step < total_steps_) {
      step();
      if (stepper_.stops(!on_step(progress())) && state_.step < total_steps_) {
        if (last_checkpoint_ != state_.step) write_checkpoint();
        log_.show_bar("");
        return false;
      }
    }
    log_.show_bar("");
    if (job_.group != nullptr && state_.step > first_step_) {
      log_.debug(
          fmt::format("each process sent {} a step; computing hid {:.0f} % of the communication",
                      format_bytes(job_.group->bytes_sent() / (state_.step - first_step_)),
                      100 * job_.group->hidden_share()));
    }
    return true;
  }

 private:
  /// With train.tensorboard, where steps are left.
  std::optional<EventFile> open_events() const {
    if (!config_.train.tensorboard || state_.step >= total_steps_) return std::nullopt;
    EventFile events(run_.root(), state_.step);
    events.add_text(state_.step, "configuration",
                    fmt::format("```yaml\n{}```\n", to_yaml(config_)));
    return events;
  }

  std::int64_t epoch() const {
    return (std::max<std::int64_t>(state_.step, 1) - 1) / steps_per_epoch_ + 1;
  }
  bool at_epoch_end() const { return state_.step % steps_per_epoch_ == 0; }

  /// `every` steps, or each epoch's end where that is 0.
  bool due(std::int64_t every) const {
    return every > 0 ? state_.step % every == 0 : at_epoch_end();
  }

  std::int64_t images_seen() const {
    const std::int64_t batch = config_.train.batch_size;
    const std::int64_t in_epoch =
        config_.data.drop_last ? steps_per_epoch_ * batch : dataset_.size();
    const std::int64_t whole = state_.step / steps_per_epoch_;
    return whole * in_epoch + state_.step % steps_per_epoch_ * batch;
  }

  Position position() const {
    return {state_.step,          total_steps_,  epoch(),
            config_.train.epochs, images_seen(), at_epoch_end()};
  }

  TrainingProgress progress() const {
    return {state_.step,
            total_steps_,
            epoch(),
            numbers_.discriminator_loss,
            numbers_.generator_loss,
            numbers_.real_score,
            numbers_.fake_score};
  }

  void step() {
    const StepStats stats = stepper_.step();
    const bool last = state_.step == total_steps_;
    const bool first =
        stats.updated_generator && !checked_;  // later gradients are compared with it
    const bool log_due = state_.step % config_.train.log_every == 0;
    const bool sample_due = due(config_.train.sample_every) || last;
    const bool checkpoint_due = due(config_.train.checkpoint_every) || last;
    const bool evaluate_now = evaluation_due(job_);
    // Reading a number waits for the device, so it is done only where something is written.
    if (!is_asynchronous(state_.device) || first || log_due || sample_due || checkpoint_due ||
        evaluate_now) {
      numbers_ = read(stats);
      check_finite();
    }
    if (log_due) reporter_.write_metrics(position(), numbers_);
    if (first || (log_due && checked_)) check(stats, stepper_.real());
    if (sample_due) write_samples();
    if (evaluate_now) evaluate();
    // First, so that what a checkpoint resumes has all before it.
    if (snapshot_due(state_, total_steps_)) {
      save_averages(run_.averages(state_.step), state_, config_, dataset_.classes);
    }
    if (checkpoint_due) write_checkpoint();
    reporter_.show(position(), numbers_, log_due);
  }

  void check_finite() const {
    const auto [d_loss, g_loss] = std::pair(numbers_.discriminator_loss, numbers_.generator_loss);
    if (std::isfinite(d_loss) && std::isfinite(g_loss)) return;
    stop_at_nan(fmt::format("a loss is not a finite number (D {}, G {})", d_loss, g_loss));
  }

  [[noreturn]] void stop_at_nan(const std::string& what) const {
    const auto checkpoints = list_checkpoints(run_.root());
    const std::string kept = checkpoints.empty()
                                 ? "no checkpoint had been written yet"
                                 : "the last good checkpoint is " + checkpoints.back().string();
    throw failure(fmt::format("step {}: {} ({})", state_.step, what, kept))
        .in(run_.root())
        .remedy(fmt::format(
            "try a lower generator.lr and discriminator.lr, model.init_deviation near 0.02, {}",
            config_.train.loss == LossKind::wasserstein
                ? "train.gradient_penalty: 10"
                : "generator.norm and discriminator.norm: batch"));
  }

  /// Says once what is wrong with the training, if anything is.
  void check(const StepStats& stats, const torch::Tensor& real) {
    checked_ = true;
    const torch::Tensor sizes =
        torch::stack({gradient_size(state_.generator), diversity(stats.fake), diversity(real)})
            .to(torch::kCPU);
    const auto period2 = [this](const torch::Tensor& images) {  // of what convolutions leave
      if (config_.model.kind == ModelKind::dense) return 0.0;
      return period_two_shares(images.to(torch::kCPU) * 127.5).mean().item<double>();
    };
    warn(monitor_.check({numbers_, sizes[0].item<double>(), sizes[1].item<double>(),
                         sizes[2].item<double>(), period2(stats.fake), period2(real)}));
  }

  void warn(const std::vector<std::string>& warnings) {
    for (const std::string& text : warnings) {
      log_.warn(fmt::format("step {}: {}", state_.step, text));
    }
  }

  void evaluate() {
    const double start = reporter_.seconds();
    const QuickScores scores = scorer_->score(best_generator(state_), job_.group);
    reporter_.write_evaluation(position(), scores, scorer_->samples, scorer_->features.checksum);
    const bool best = !best_fid_ || scores.fid < *best_fid_;
    if (best) {
      best_fid_ = scores.fid;
      save_generator(run_.best_generator(), best_generator(state_), config_, state_.step,
                     dataset_.classes);
    }
    log_.info(fmt::format("evaluation  {}{}  ({:.1f} s)", format_scores(scores),
                          best ? "  the best so far" : "", reporter_.seconds() - start));
    warn(monitor_.check_classes(scores.shares, scorer_->real_shares(),
                                scorer_->features.class_names));
  }

  void write_samples() {
    write_grid(run_.samples(state_.step), "samples/generated",
               generate_images(best_generator(state_), grid_latents_, config_.output));
  }

  void write_grid(const std::filesystem::path& path, const std::string& tag,
                  const torch::Tensor& bytes) {
    GridOptions options;
    options.columns = square_columns(bytes.size(0));
    const std::string png = encode_png(make_grid(to_images(bytes), options));
    write_file_atomically(path, png);
    if (events_) events_->add_image(state_.step, tag, png);
  }

  void write_checkpoint() {
    if (!all_finite(state_)) stop_at_nan("a weight is not a finite number");
    save_checkpoint(run_.checkpoint(state_.step), state_, config_, dataset_.fingerprint,
                    dataset_.classes);
    save_generator(run_.generator(), best_generator(state_), config_, state_.step,
                   dataset_.classes);
    run_.prune_checkpoints(config_.run.keep_checkpoints);
    last_checkpoint_ = state_.step;
    log_.debug(fmt::format("wrote {}", run_.checkpoint(state_.step).string()));
  }

  const TrainingJob& job_;
  const Config& config_;
  TrainState& state_;
  const Dataset& dataset_;
  const std::optional<Scorer>& scorer_;
  const RunDirectory& run_;
  Log& log_;
  const std::int64_t steps_per_epoch_;
  const std::int64_t total_steps_;
  const std::int64_t first_step_ = state_.step;
  Stepper stepper_;
  const torch::Tensor grid_latents_;
  std::optional<double> best_fid_;
  Monitor monitor_;
  bool checked_ = false;  ///< a step has been checked
  std::optional<EventFile> events_;
  Reporter reporter_;
  std::int64_t last_checkpoint_ = -1;
  StepNumbers numbers_;  ///< the newest that were read
};

/// A process that does not lead: it steps, and writes nothing.
bool follow(TrainingJob& job, const OnStep& on_step) {
  const std::int64_t total = total_steps(job.config, job.dataset.size());
  Stepper stepper(job);
  while (job.state.step < total) {
    stepper.step();
    if (evaluation_due(job)) job.scorer->score(best_generator(job.state), job.group);
    if (stepper.stops(!on_step({job.state.step, total})) && job.state.step < total) return false;
  }
  return true;
}

}  // namespace

BatchStreamOptions stream_options(const Config& config, torch::Device device,
                                  const ProcessGroup* group) {
  BatchStreamOptions options{config.seed,         config.train.batch_size, config.model.latent_dim,
                             config.data.shuffle, config.data.drop_last,   config.data.flip,
                             config.output,       device.is_cuda()};
  if (group != nullptr) {
    options.part = group->rank();
    options.parts = group->size();
  }
  return options;
}

std::int64_t total_steps(const Config& config, std::int64_t images) {
  return config.train.epochs *
         batches_per_epoch(images, config.train.batch_size, config.data.drop_last);
}

void check_batches(const Config& config, const Dataset& dataset) {
  check_enough_images(dataset, config.train.batch_size, config.data.drop_last);
  const std::int64_t steps = total_steps(config, dataset.size());
  if (config.train.discriminator_steps > steps) {
    throw usage_error(
        fmt::format("train.discriminator_steps ({}) is more than the run has steps ({}), so that "
                    "the generator would never be updated",
                    config.train.discriminator_steps, format_count(steps)))
        .key("train.discriminator_steps")
        .remedy("lower it, or raise train.epochs");
  }
  const bool single = !config.data.drop_last && dataset.size() % config.train.batch_size == 1;
  // A convolution's feature map has a variance within one image; a dense feature does not.
  const bool dense_norm =
      (config.model.kind == ModelKind::dense || config.model.hidden_units > 0) &&
      (is_batch_norm(config.generator.norm) || is_batch_norm(config.discriminator.norm));
  if (!single || !dense_norm) return;
  throw usage_error("an epoch's last batch has a single image, which BatchNorm can't normalise")
      .key("data.drop_last")
      .remedy(
          "set data.drop_last: true, another train.batch_size, or norm: layer for both networks");
}

std::vector<std::int64_t> count_classes(const Config& config, const Dataset& dataset) {
  const std::int64_t classes = config.model.classes;
  const torch::Tensor counts = torch::bincount(dataset.labels.to(torch::kInt64));
  const torch::Tensor empty = counts.eq(0).nonzero();
  const std::int64_t known = counts.size(0);
  if (known == classes && empty.size(0) == 0) {
    const auto* first = counts.data_ptr<std::int64_t>();
    return {first, first + classes};
  }
  std::string what = fmt::format("images of {} class{}", known, known == 1 ? "" : "es");
  std::string remedy = "set model.classes: 0 to train without classes";
  const bool is_folder = config.data.format == DataFormat::folder;
  if (known == 1 && dataset.classes.size() < 2) {
    what = "no classes";
    if (is_folder) {
      remedy += ", or data.classes: true where each folder in data.path is a class";
    }
  } else if (empty.size(0) > 0) {
    const auto first = static_cast<std::size_t>(empty[0][0].item<std::int64_t>());
    what = fmt::format("no image of class {}", printable(class_name(dataset.classes, first)));
    if (is_folder) remedy += ", or move the folder of that class elsewhere";
  } else if (known > 1) {
    remedy += fmt::format(", or {}", remedy_for_classes(config.model, known));
  }
  if (config.data.limit == dataset.size() && known <= classes) remedy += ", or raise data.limit";
  throw usage_error(fmt::format("model.classes is {}, but {} has {}", classes, dataset.name, what))
      .key("model.classes")
      .remedy(remedy);
}

bool train(TrainingJob& job, const RunDirectory* run, Log& log, const OnStep& on_step) {
  return run == nullptr ? follow(job, on_step) : Loop(job, *run, log).run(on_step);
}

}  // namespace dcgan
