#include "training/averages.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "config/resolve.h"
#include "dcgan/error.h"
#include "gan/power_average.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// A snapshot, all of it in float32.
Archive read_averages(const fs::path& path) {
  try {
    Archive archive = read_archive(path, ArchiveKind::averages);
    for (auto& [name, tensor] : archive.tensors) {
      tensor = tensor.to(torch::kFloat32);
      if (tensor.isfinite().all().item<bool>()) continue;
      throw damaged(fmt::format("tensor '{}' has a number that is not finite", name)).in(path);
    }
    return archive;
  } catch (Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    throw error.remedy("remove it: the other snapshots give an average, though a less exact one");
  }
}

/// G with each tensor the sum of those of the snapshots in `files`, of which the k-th average of
/// the i-th file counts `weights[i * averages + k]` times.
Network sum_of(const std::map<std::int64_t, fs::path>& files, const std::vector<double>& weights,
               const Config& config) {
  Network sum = make_network(plan_generator(config), torch::kCPU);
  Network term = make_network(plan_generator(config), torch::kCPU);
  set_requires_grad(sum, false);
  set_requires_grad(term, false);
  const NamedTensors sums = named_tensors(sum);
  const NamedTensors terms = named_tensors(term);
  for (const auto& [name, tensor] : sums) tensor.zero_();
  auto weight = weights.begin();
  for (const auto& [step, path] : files) {
    const Archive archive = read_averages(path);
    for (const PowerAverage& average : kPowerAverages) {
      copy_tensors(archive, average.prefix, terms, path);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i].second.add_(terms[i].second, *weight);
      ++weight;
    }
  }
  // Some weights are negative.
  for (Layer& layer : sum.layers) {
    if (layer.running_var.defined()) layer.running_var.clamp_min_(0);
  }
  return sum;
}

}  // namespace

bool snapshot_due(const TrainState& state, std::int64_t total_steps) {
  constexpr std::int64_t kSnapshots = 32;
  const std::int64_t steps = state.options.discriminator_steps;  // of each update
  if (!state.options.posthoc_ema || state.step % steps != 0) return false;
  const std::int64_t last = total_steps / steps;
  const std::int64_t every = (last + kSnapshots - 1) / kSnapshots;
  return state.step / steps == last || state.step / steps % every == 0;
}

void save_averages(const fs::path& path, const TrainState& state, const Config& config,
                   const std::vector<std::string>& classes) {
  Archive archive;
  archive.kind = ArchiveKind::averages;
  for (std::size_t i = 0; i < kPowerAverages.size(); ++i) {
    for (const auto& [name, tensor] : named_tensors(state.power_averages[i])) {
      // A variance may be beyond float16.
      archive.tensors.emplace_back(kPowerAverages[i].prefix + name,
                                   tensor.dim() > 1 ? tensor.to(torch::kFloat16) : tensor);
    }
  }
  archive.config = to_yaml(config);
  archive.numbers = {{"step", state.step}};
  if (config.model.classes > 0) note_class_names(archive, classes, config.model.classes);
  make_folder(path.parent_path());
  write_archive(path, archive);
}

AveragedGenerator average_generator(const fs::path& run, double width,
                                    std::optional<std::int64_t> step) {
  require_folder(run, "name the folder of a run");
  const auto files = numbered_files(run / "averages", ".pt");
  if (files.empty()) {
    throw failure("there are no averages in it")
        .in(run)
        .remedy("name a run that was trained with train.posthoc_ema: true");
  }
  const auto& [last, newest] = *files.rbegin();
  if (step && !files.contains(*step)) {  // between two snapshots the sum may be off by a third
    const auto after = files.upper_bound(*step);
    throw usage_error(
        fmt::format("no snapshot in {} is of step {}", (run / "averages").string(), *step))
        .in("--step")
        .remedy(fmt::format("try {}", after == files.end() ? last : after->first));
  }
  const Archive archive = read_averages(newest);
  AveragedGenerator result;
  GeneratorFile& generator = result.generator;
  generator.config = parse_config(archive.config, newest.string() + ": config.yaml");
  generator.step = step.value_or(last);
  generator.classes = noted_class_names(archive);
  const std::int64_t steps = generator.config.train.discriminator_steps;
  std::vector<PowerProfile> profiles;
  for (const auto& [at, path] : files) {
    for (const PowerAverage& average : kPowerAverages) {
      profiles.push_back({average.width, at / steps});
    }
  }
  const PowerSum sum = fit_profile(profiles, {width, generator.step / steps});
  generator.generator = sum_of(files, sum.weights, generator.config);
  result.snapshots = files.size();
  result.error = sum.error;
  return result;
}

}  // namespace dcgan
