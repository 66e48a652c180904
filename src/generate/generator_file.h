// g.pt: the generator alone, as users ship it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "dcgan/sampler.h"
#include "model/archive.h"
#include "model/network.h"

namespace dcgan {

/// Writes atomically. In Python: g = torch.jit.load("g.pt"); g(torch.randn(64, g.latent_dim)) gives
/// float32 [64, C, H, W] in [-1, 1]. `classes`: see Dataset.
void save_generator(const std::filesystem::path& path, const Network& generator,
                    const Config& config, std::int64_t step,
                    const std::vector<std::string>& classes = {});

struct GeneratorFile {
  Network generator;  ///< on the CPU
  Config config;
  std::int64_t step = 0;
  std::vector<std::string> classes;  ///< as in Dataset, of model.classes
};

/// The generator of a g.pt or of a checkpoint, read from `path`. Throws `failure` naming the file;
/// also for the raw weights of a g.pt that holds an average.
GeneratorFile load_generator(const Archive& archive, const std::filesystem::path& path,
                             Weights weights = Weights::averaged);

/// The discriminator of a checkpoint, on the CPU. `config`: the archive's. Throws `failure` naming
/// the file; also for a g.pt, which has none.
Network load_discriminator(const Archive& archive, const Config& config,
                           const std::filesystem::path& path);

struct DiscriminatorFile {
  std::filesystem::path path;  ///< of the checkpoint
  Config config;
  Network discriminator;  ///< on the CPU
};

/// That of a checkpoint, or of the newest one in a run's folder. Throws `failure` naming the file.
DiscriminatorFile open_discriminator(const std::filesystem::path& path);

/// The images of a network of ours, as a Sampler of its file makes them. latents: float32
/// [N, latent_dim], on the network's device -> uint8 [N, C, H, W], CPU; a NaN becomes any byte.
torch::Tensor generate_images(const Network& generator, const torch::Tensor& latents,
                              OutputRange range);

/// float [N, C, H, W] in [-1, 1] -> uint8, rounded to nearest, on the CPU.
torch::Tensor to_bytes(const torch::Tensor& images);

/// The checkpoints in a run's folder, oldest first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& run);

/// What `--ckpt` means: a file stands for itself; a run's folder for its g.pt or, before there is
/// one, its newest checkpoint, which comes first with `raw`: g.pt may hold an average alone. Throws
/// `failure` naming the path.
std::filesystem::path find_generator_file(const std::filesystem::path& path, bool raw = false);

}  // namespace dcgan
