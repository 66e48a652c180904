#include "training/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/resolve.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

std::int64_t find_number(const Archive& archive, const std::string& name,
                         const std::filesystem::path& path) {
  const auto found = archive.numbers.find(name);
  if (found == archive.numbers.end() || found->second < 0) {
    throw failure(fmt::format("its '{}' is missing", name)).in(path).remedy("use another file");
  }
  return found->second;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const TrainState& state,
                     const Config& config, const std::string& dataset_fingerprint,
                     const std::vector<std::string>& classes) {
  Archive archive;
  archive.kind = ArchiveKind::checkpoint;
  for (const auto& [part, tensors] : parts_of(state)) {
    for (const auto& [name, tensor] : tensors) archive.tensors.emplace_back(part + name, tensor);
  }
  if (state.r1.defined()) archive.tensors.emplace_back("r1", state.r1);
  archive.config = to_yaml(config);
  archive.numbers = {{"step", state.step},
                     {"generator_optimizer_steps", state.generator_optimizer.steps_done()},
                     {"discriminator_optimizer_steps", state.discriminator_optimizer.steps_done()}};
  archive.notes = {{"dataset_crc32", dataset_fingerprint}};
  if (config.model.classes > 0) note_class_names(archive, classes, config.model.classes);
  write_archive(path, archive);
}

void restore(TrainState& state, const Archive& archive, const std::filesystem::path& path) {
  for (const auto& [part, tensors] : parts_of(state)) copy_tensors(archive, part, tensors, path);
  state.step = find_number(archive, "step", path);
  const auto is_r1 = [](const auto& named) { return named.first == "r1"; };
  if (std::any_of(archive.tensors.begin(), archive.tensors.end(), is_r1)) {
    state.r1 = find_tensor(archive, "r1", {}, path).to(state.device);
  }
  state.generator_optimizer.set_steps_done(find_number(archive, "generator_optimizer_steps", path));
  state.discriminator_optimizer.set_steps_done(
      find_number(archive, "discriminator_optimizer_steps", path));
}

}  // namespace dcgan
