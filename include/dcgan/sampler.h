// Images from a generator, whoever wrote it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "dcgan/image.h"

namespace dcgan {

/// Which generator of a checkpoint: a run with train.ema_decay has two.
enum class Weights {
  averaged,  ///< the average where there is one; what a g.pt holds
  raw,       ///< what the last step left
};

/// A generator ready to be asked for images; copies share it. A g.pt or a checkpoint of ours runs
/// on our own networks; any other TorchScript by LibTorch's interpreter, in eval mode.
class Sampler {
 public:
  /// Opens a file. `latent_dim` is needed only for a foreign TorchScript whose latent size can't
  /// be found (from an attribute latent_dim, nz or z_dim, or its first weight); `weights`
  /// chooses between the two of a checkpoint. Throws `failure` naming the file when it is damaged
  /// or no generator.
  static Sampler open(const std::filesystem::path& path, torch::Device device = torch::kCPU,
                      std::optional<std::int64_t> latent_dim = {},
                      Weights weights = Weights::averaged);

  std::int64_t latent_dim() const;

  /// Where it computes.
  torch::Device device() const;

  /// What the generator was trained with; nothing for a TorchScript that is not ours.
  const std::optional<Config>& config() const;

  /// How many of the latents choose a mode (model.latent_modes); 0: none.
  std::int64_t mode_count() const;

  /// How many classes the generator knows (model.classes); 0: none.
  std::int64_t class_count() const;

  /// Their names, as in Dataset; or none.
  const std::vector<std::string>& class_names() const;

  /// The modes that latents choose, where the generator has modes (model.latent_modes): float32
  /// [N, latent_dim], CPU -> int64 [N], CPU.
  torch::Tensor modes_of(const torch::Tensor& latents) const;

  /// The classes of the images that latents become, where the generator knows classes: float32
  /// [N, latent_dim], CPU -> int64 [N], CPU.
  torch::Tensor classes_of(const torch::Tensor& latents) const;

  /// Latents that become images of the classes `wanted`, int64 [N], likewise.
  torch::Tensor choose_classes(const torch::Tensor& latents, const torch::Tensor& wanted) const;

  /// Those of images first, first + 1, ... of `seed`, as `dcgan sample` draws them: float32
  /// [count, latent_dim], CPU, from N(0, 1).
  torch::Tensor draw_latents(std::int64_t seed, std::int64_t first, std::int64_t count) const;

  /// latents: float32 [N, latent_dim], CPU -> uint8 [N, C, H, W], CPU. An image does not depend on
  /// its batch-mates or their number, to the last bit.
  torch::Tensor generate(const torch::Tensor& latents) const;

  /// latents: float32 [N, latent_dim], CPU -> float32 [N, C, H, W] in [-1, 1], on the generator's
  /// device. Gradients reach the latents, but not those that choose a mode. Unlike generate()'s the
  /// last bits may depend on N.
  torch::Tensor forward(const torch::Tensor& latents) const;

  struct Impl;

 private:
  explicit Sampler(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// uint8 [N, C, H, W] on the CPU -> N pictures.
std::vector<Image> to_images(const torch::Tensor& bytes);

/// Spherical interpolation (Shoemake, "Animating rotation with quaternion curves", 1985; for
/// latents: White, "Sampling generative networks", 2016, section 2.1): from [D] and to [D],
/// float32, in `steps` >= 2 rows from `from` to `to`, both included: [steps, D].
torch::Tensor slerp(const torch::Tensor& from, const torch::Tensor& to, std::int64_t steps);

/// The same on the straight line between the two.
torch::Tensor lerp(const torch::Tensor& from, const torch::Tensor& to, std::int64_t steps);

}  // namespace dcgan
