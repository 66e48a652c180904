#include "generate/generator_file.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/file.h"
#include "config/resolve.h"
#include "dcgan/error.h"
#include "model/script.h"

namespace dcgan {

void save_generator(const std::filesystem::path& path, const Network& generator,
                    const Config& config, std::int64_t step,
                    const std::vector<std::string>& classes) {
  Archive archive;
  archive.kind = ArchiveKind::generator;
  archive.tensors = named_tensors(generator);
  archive.config = to_yaml(config);
  archive.numbers = {{"latent_dim", config.model.latent_dim}, {"step", step}};
  if (config.model.classes > 0) note_class_names(archive, classes, config.model.classes);
  archive.forward = torchscript_forward(plan_of(generator));
  write_archive(path, archive);
}

GeneratorFile load_generator(const Archive& archive, const std::filesystem::path& path,
                             Weights weights) {
  if (archive.kind == ArchiveKind::averages) {
    throw failure("it holds averages of a run, not a generator")
        .in(path)
        .remedy("'dcgan average RUN' makes a generator of them");
  }
  GeneratorFile file;
  file.config = parse_config(archive.config, path.string() + ": config.yaml");
  file.generator = make_network(plan_generator(file.config), torch::kCPU);
  set_requires_grad(file.generator, false);
  const bool alone = archive.kind == ArchiveKind::generator;
  const bool averaged = file.config.train.ema_decay > 0;
  if (alone && averaged && weights == Weights::raw) {
    throw failure("it holds the averaged weights alone")
        .in(path)
        .remedy("--raw needs a checkpoint of its run, such as checkpoints/NNNNNN.pt");
  }
  const bool average = averaged && weights == Weights::averaged;
  const std::string prefix = alone ? "" : (average ? "average." : "generator.");
  copy_tensors(archive, prefix, named_tensors(file.generator), path);
  file.step = archive.numbers.at("step");
  file.classes = noted_class_names(archive);
  return file;
}

Network load_discriminator(const Archive& archive, const Config& config,
                           const std::filesystem::path& path) {
  if (archive.kind != ArchiveKind::checkpoint) {
    throw failure("it holds no discriminator")
        .in(path)
        .remedy("name the folder of its run, or a checkpoint such as checkpoints/NNNNNN.pt");
  }
  Network network = make_network(plan_discriminator(config), torch::kCPU);
  set_requires_grad(network, false);
  copy_tensors(archive, "discriminator.", named_tensors(network), path);
  return network;
}

DiscriminatorFile open_discriminator(const std::filesystem::path& path) {
  const std::filesystem::path file = find_generator_file(path, /*raw=*/true);
  const std::optional<Archive> archive = parse_archive(read_file(file), file);
  if (!archive) {
    throw failure("no checkpoint of dcgan").in(file).remedy("name the folder of a run");
  }
  const Config config = parse_config(archive->config, file.string() + ": config.yaml");
  return {file, config, load_discriminator(*archive, config, file)};
}

std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& run) {
  std::vector<std::filesystem::path> paths;
  for (auto& [step, path] : numbered_files(run / "checkpoints", ".pt")) paths.push_back(path);
  return paths;
}

std::filesystem::path find_generator_file(const std::filesystem::path& path, bool raw) {
  if (!std::filesystem::is_directory(path)) return path;
  const std::vector<std::filesystem::path> checkpoints = list_checkpoints(path);
  if (raw && !checkpoints.empty()) return checkpoints.back();
  if (std::filesystem::exists(path / "g.pt")) return path / "g.pt";
  if (!checkpoints.empty()) return checkpoints.back();
  throw failure("a folder without g.pt and without checkpoints")
      .in(path)
      .remedy("name a g.pt, a checkpoint or the folder of a run");
}

}  // namespace dcgan
