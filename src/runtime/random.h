// Random numbers that belong to a purpose and a position, not to a global state.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011)
// is a function of a key and a counter. The key here is (seed, purpose), the counter a position
// such as a step, an epoch or the number of an image, so that
//   - switching on one feature does not move another's numbers,
//   - a resumed run needs to know its step, and nothing else,
//   - image 7 of a sample has the same latent in a batch of 8 and of 8 million.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace dcgan {

/// What numbers are drawn for. The values are part of the run's identity: never renumber them.
enum class Purpose : std::uint64_t {
  generator_init = 1,
  discriminator_init = 2,
  data_order = 3,
  train_latents = 4,
  grid_latents = 5,  ///< the fixed latents of a run's sample grids
  sample_latents = 6,
  translation = 7,
  flip = 8,
  mixture = 9,                ///< of real and generated images
  evaluation_order = 16,      ///< which real images stand beside the samples
  evaluation_subsets = 17,    ///< the subsets of kid
  evaluation_resamples = 18,  ///< bootstrap
  classifier_init = 20,
  classifier_order = 21,
  classifier_augmentation = 22,
  random_features = 23,
  probe_labels = 24,       ///< which labelled images a linear classifier learns from
  blend_noise = 25,        ///< the neighbours of a blended latent
  projection_starts = 26,  ///< the latents that a projection may start from
  projection_images = 27,  ///< which real images are projected
  augmentation = 28,       ///< of what D sees: colors, cutouts, and which images have them
  instance_noise = 29,
};

/// `count` rows of independent N(0, 1) numbers: float32 [count, width] on `device`. Row i depends
/// on (seed, purpose, first_row + i) alone (Box-Muller on Philox's output). Two devices may differ
/// in a number's last bit, where their logarithms or sines do.
torch::Tensor normal_rows(std::int64_t seed, Purpose purpose, std::int64_t first_row,
                          std::int64_t count, std::int64_t width,
                          torch::Device device = torch::kCPU);

/// `count` rows of independent numbers, uniform in [-1, 1): float32 [count, width], CPU. Row i
/// depends on (seed, purpose, first_row + i) alone.
torch::Tensor uniform_rows(std::int64_t seed, Purpose purpose, std::int64_t first_row,
                           std::int64_t count, std::int64_t width);

/// A permutation of 0 .. size-1 that depends on (seed, purpose, position) alone (Fisher-Yates with
/// unbiased bounded integers).
std::vector<std::int64_t> permutation(std::int64_t seed, Purpose purpose, std::int64_t position,
                                      std::int64_t size);

/// `size` independent draws from 0 .. size-1, with replacement: a bootstrap resample (Efron, 1979).
/// They depend on (seed, purpose, position) alone.
std::vector<std::int64_t> resample(std::int64_t seed, Purpose purpose, std::int64_t position,
                                   std::int64_t size);

}  // namespace dcgan
