#include "model/foreign_module.h"

#include <sstream>

#include "model/archive.h"

namespace dcgan {

torch::jit::Module load_foreign_module(const std::string& bytes, const std::filesystem::path& path,
                                       torch::Device device) try {
  std::istringstream stream(bytes);
  torch::jit::Module module = torch::jit::load(stream, device);
  module.eval();
  for (const torch::Tensor& weight : module.parameters()) {
    if (weight.is_floating_point() && weight.scalar_type() != torch::kFloat32)
      module.to(torch::kFloat32);
  }
  return module;
} catch (const std::exception& error) {
  throw unreadable_archive(error, bytes, path);
}

}  // namespace dcgan
