// Latents by the numbers of their images, and as files.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/sampler.h"

namespace dcgan::cli {

/// Image i of `dcgan sample` is that of row i.
struct NumberedLatents {
  Sampler sampler;
  std::int64_t seed = 1;
  torch::Tensor given = {};         ///< float32 [N, latent_dim], CPU, in place of drawing by `seed`
  std::filesystem::path file = {};  ///< of `given`

  /// Those of a .npy file, float32 or float64. Throws `failure` naming it where they are no finite
  /// numbers or not of the generator's width.
  static NumberedLatents read(const Sampler& sampler, const std::filesystem::path& file);

  /// Rows first .. first + count - 1: float32 [count, latent_dim]; a copy.
  torch::Tensor rows(std::int64_t first, std::int64_t count) const;

  /// The rows of these numbers, which `flag` asks for. Throws a usage error where there are fewer.
  torch::Tensor select(const std::string& flag, const std::vector<std::int64_t>& numbers) const;
};

/// Writes float32 [N, latent_dim], finite: modes that choose_classes() puts out of the race
/// get a number far below those of others, which chooses the same.
void write_latents(const std::filesystem::path& file, const torch::Tensor& latents);

}  // namespace dcgan::cli
