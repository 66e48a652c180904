#include "export/exported_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/generator_file.h"
#include "model/forward.h"
#include "runtime/random.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::small_config;
using testing::small_trained_state;
using testing::TempFolder;

torch::Tensor to_tensor(const std::vector<float>& numbers, at::IntArrayRef sizes) {
  return torch::tensor(numbers).view(sizes);
}

Network network_of(const std::vector<FoldedLayer>& layers) {
  NetworkPlan plan;
  for (const FoldedLayer& layer : layers) plan.layers.push_back(layer.plan);
  Network network = make_network(plan, torch::kCPU);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    network.layers[i].weight = to_tensor(layers[i].weight, network.layers[i].weight.sizes());
    network.layers[i].bias = to_tensor(layers[i].bias, network.layers[i].bias.sizes());
    if (layers[i].norm_scale.empty()) continue;
    network.layers[i].norm_scale = torch::tensor(layers[i].norm_scale);
    network.layers[i].norm_shift = torch::tensor(layers[i].norm_shift);
  }
  return network;
}

TEST(ExportedNetwork, HasBatchAndSpectralNormInWeightAndBias) {
  const TempFolder folder;
  for (const auto& [kind, norm] :
       {std::pair(ModelKind::dcgan, Norm::batch), std::pair(ModelKind::dense, Norm::batch),
        std::pair(ModelKind::dcgan, Norm::batch_all), std::pair(ModelKind::dcgan, Norm::spectral),
        std::pair(ModelKind::dense, Norm::spectral), std::pair(ModelKind::dcgan, Norm::layer)}) {
    Config config = small_config();
    config.model.kind = kind;
    config.generator.norm = config.discriminator.norm = norm;
    const TrainState state = small_trained_state(config);
    save_checkpoint(folder / "c.pt", state, config, "");
    const auto folded = [&](bool discriminator) {
      return network_of(
          fold_norms(read_exported_network(folder / "c.pt", {.discriminator = discriminator})));
    };
    const torch::NoGradGuard no_grad;
    const torch::Tensor z = normal_rows(9, Purpose::sample_latents, 0, 5, config.model.latent_dim);
    const torch::Tensor images = forward(state.generator, z, Mode::eval);
    EXPECT_TRUE(torch::allclose(forward(folded(false), z, Mode::eval), images, 1e-5, 1e-6));
    EXPECT_TRUE(torch::allclose(forward(folded(true), images, Mode::eval),
                                forward(state.discriminator, images, Mode::eval), 1e-5, 1e-6));
  }
}

TEST(ExportedNetwork, OfADiscriminatorNeedsACheckpoint) {
  const TempFolder folder;
  save_generator(folder / "g.pt", small_trained_state().generator, small_config(), 3);
  EXPECT_THAT(caught([&] { read_exported_network(folder / "g.pt", {.discriminator = true}); }),
              IsError(ErrorKind::failure, folder / "g.pt", HasSubstr("no discriminator"),
                      HasSubstr("checkpoint")));
}

}  // namespace
}  // namespace dcgan
