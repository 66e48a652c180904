#include "generate/generator_file.h"

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
  const auto step = archive.numbers.find("step");
  if (step != archive.numbers.end()) file.step = step->second;
  file.classes = noted_class_names(archive, file.config.model.classes);
  return file;
}

}  // namespace dcgan
