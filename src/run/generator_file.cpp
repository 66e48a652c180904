#include "dcgan/run/generator_file.h"

#include "dcgan/config/resolve.h"
#include "dcgan/model/script.h"

namespace dcgan {
namespace {

NetworkPlan plan_of(const Network& network) {
  NetworkPlan plan{network.name, {}};
  for (const Layer& layer : network.layers) plan.layers.push_back(layer.plan);
  return plan;
}

}  // namespace

void save_generator(const std::filesystem::path& path, const Network& generator,
                    const Config& config, std::int64_t step) {
  Archive archive;
  archive.kind = ArchiveKind::generator;
  archive.tensors = named_tensors(generator);
  archive.config = to_yaml(config);
  archive.numbers = {{"step", step}};
  archive.forward = torchscript_forward(plan_of(generator));
  write_archive(path, archive);
}

GeneratorFile load_generator(const std::filesystem::path& path, ArchiveKind kind) {
  const Archive archive = read_archive(path, kind);
  GeneratorFile file;
  file.config = parse_config(archive.config, path.string() + ": config.yaml");
  file.generator = make_network(plan_generator(file.config), torch::kCPU);
  set_requires_grad(file.generator, false);
  const std::string prefix = kind == ArchiveKind::generator ? "" : "generator.";
  copy_tensors(archive, prefix, named_tensors(file.generator), path);
  const auto step = archive.numbers.find("step");
  if (step != archive.numbers.end()) file.step = step->second;
  return file;
}

}  // namespace dcgan
