#include "model/foreign_module.h"

#include <sstream>

namespace dcgan {

ForeignModule load_foreign_module(const std::string& bytes, torch::Device device) {
  std::istringstream stream(bytes);
  ForeignModule foreign{torch::jit::load(stream, device)};
  foreign.module.eval();
  for (const torch::Tensor& parameter : foreign.module.parameters()) {
    if (parameter.is_floating_point()) foreign.type = parameter.scalar_type();
  }
  if (foreign.type == torch::kHalf || foreign.type == torch::kBFloat16) {
    foreign.type = torch::kFloat32;
    foreign.module.to(foreign.type);
  }
  return foreign;
}

}  // namespace dcgan
