// The committed values that PyTorch computed; see tests/fixtures/README.md.
#pragma once

#include <torch/script.h>

#include <map>
#include <string>

#include "config/resolve.h"
#include "gan/train_step.h"
#include "support/tensors.h"

namespace dcgan::testing {

struct ReferenceCase {
  Config config;
  std::map<std::string, torch::Tensor> tensors;

  const torch::Tensor& at(const std::string& name) const { return tensors.at(name); }
};

inline ReferenceCase load_reference(const std::string& name) {
  std::string path = DCGAN_SOURCE_DIR "/tests/fixtures/";
  path.append(name).append(".pt");
  torch::jit::ExtraFilesMap extra{{"config.yaml", ""}};
  const torch::jit::Module module = torch::jit::load(path, torch::Device(torch::kCPU), extra);
  ReferenceCase reference;
  reference.config = parse_config(extra["config.yaml"], path);
  for (const auto& buffer : module.named_buffers(/*recurse=*/true)) {
    reference.tensors[buffer.name] = buffer.value;
  }
  return reference;
}

/// Every tensor of `network` from those that stand under `prefix`.
inline void load_network(Network& network, const ReferenceCase& reference,
                         const std::string& prefix) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : named_tensors(network)) {
    torch::Tensor target = tensor;
    target.copy_(reference.at(prefix + name));
  }
}

/// A state that starts from the case's weights, for a run of ten steps.
inline TrainState make_reference_state(const ReferenceCase& reference) {
  TrainState state = make_train_state(reference.config, torch::kCPU, /*total_steps=*/10);
  load_network(state.generator, reference, "generator.");
  if (state.average) load_network(*state.average, reference, "generator.");
  load_network(state.discriminator, reference, "discriminator.");
  return state;
}

}  // namespace dcgan::testing
