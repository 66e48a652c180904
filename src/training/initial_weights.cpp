#include "training/initial_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "generate/generator_file.h"
#include "model/archive.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr const char* kKey = "train.init_from";

/// The archive's tensors under `prefix`, by their names in a network.
std::map<std::string, torch::Tensor> tensors_of(const Archive& archive, const std::string& prefix) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& [name, tensor] : archive.tensors) {
    if (name.starts_with(prefix) && !name.ends_with("mode_bias")) {
      tensors[name.substr(prefix.size())] = tensor;
    }
  }
  return tensors;
}

std::string shape_of(const torch::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ", "));
}

/// Copies every tensor that fits; the others, each with both shapes.
std::vector<std::string> copy_what_fits(const Network& network,
                                        std::map<std::string, torch::Tensor> found) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> others;
  for (const auto& [name, tensor] : named_tensors(network)) {
    if (name.ends_with("mode_bias")) continue;
    const auto source = found.find(name);
    if (source != found.end() && source->second.sizes() == tensor.sizes()) {
      torch::Tensor(tensor).copy_(source->second);
    } else {
      const bool missing = source == found.end();
      others.push_back(fmt::format("{}.{} {} here, {} there", network.name, name, shape_of(tensor),
                                   missing ? std::string("none") : shape_of(source->second)));
    }
    found.erase(name);
  }
  for (const auto& [name, tensor] : found) {
    others.push_back(
        fmt::format("{}.{} none here, {} there", network.name, name, shape_of(tensor)));
  }
  return others;
}

Archive read_networks(const std::filesystem::path& path) {
  std::optional<Archive> archive = parse_archive(read_file(path), path);
  if (!archive ||
      (archive->kind != ArchiveKind::generator && archive->kind != ArchiveKind::checkpoint)) {
    throw failure("it holds neither a generator nor a checkpoint of dcgan")
        .in(path)
        .remedy("name a g.pt, a checkpoint or the folder of a run");
  }
  return std::move(*archive);
}

}  // namespace

void take_initial_weights(TrainState& state, Log& log) {
  std::filesystem::path path;
  Archive archive;
  try {
    path = find_generator_file(state.options.init_from, /*raw=*/true);
    archive = read_networks(path);
  } catch (Error& error) {
    throw error.key(kKey);
  }
  const bool is_checkpoint = archive.kind == ArchiveKind::checkpoint;
  auto generator = tensors_of(archive, "average.");
  const bool averaged = is_checkpoint && !generator.empty();
  if (!averaged) generator = tensors_of(archive, is_checkpoint ? "generator." : "");
  std::vector<std::string> others = copy_what_fits(state.generator, std::move(generator));
  if (is_checkpoint) {
    const auto more = copy_what_fits(state.discriminator, tensors_of(archive, "discriminator."));
    others.insert(others.end(), more.begin(), more.end());
  }
  begin_averages(state);
  const std::string list = fmt::format("{}", fmt::join(others, "; "));
  if (!others.empty() && !state.options.init_partial) {
    throw usage_error(
        fmt::format("train.init_from: {} holds other networks: {}", path.string(), list))
        .key(kKey)
        .remedy(
            "set data.channels, data.image_size and model.* as there, or train.init_partial: true "
            "to start these with new weights");
  }
  log.info(fmt::format(
      "starting from {} (step {}): {}", path.string(), format_count(archive.numbers["step"]),
      !is_checkpoint ? "the generator; it holds no discriminator, which starts with "
                       "new weights"
      : averaged     ? "the generator's average and the discriminator"
                     : "both networks"));
  if (!others.empty()) log.info(fmt::format("with new weights or left out: {}", list));
}

}  // namespace dcgan
