// The batches of a training, each made by a thread of its own while the step before it runs.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <future>
#include <vector>

#include "data/dataset.h"
#include "dcgan/config.h"

namespace dcgan {

/// On the CPU, or on the device of a DeviceBatchStream.
struct Batch {
  torch::Tensor images;   ///< float32 [B, C, H, W] in the range of `generator.output`
  torch::Tensor labels;   ///< int64 [B]: the images' classes; 0 where the set has none
  torch::Tensor latents;  ///< float32 [B, latent_dim] ~ N(0, 1)
  std::int64_t step = 0;  ///< counted from 0 over the whole training
};

struct BatchStreamOptions {
  std::int64_t seed = 1;
  std::int64_t batch_size = 64;
  std::int64_t latent_dim = 100;
  bool shuffle = true;
  bool drop_last = true;
  bool flip = false;                      ///< mirror an image, left to right, with probability 1/2
  OutputRange range = OutputRange::tanh;  ///< tanh: [-1, 1], sigmoid: [0, 1]
  bool pinned = false;                    ///< page-locked tensors, for copies to a GPU
  std::int64_t part = 0;                  ///< of each batch, which of `parts` equal ones is made
  std::int64_t parts = 1;
};

/// Which images of a run the batch of a step has.
struct BatchPlace {
  std::int64_t epoch = 0;
  std::int64_t first = 0;  ///< in the epoch's order
  std::int64_t count = 0;
  std::int64_t number = 0;  ///< of the first, among all images that the run sees
};

/// In the part that `options` names, of a set of `size` images.
BatchPlace place_of_batch(const BatchStreamOptions& options, std::int64_t size, std::int64_t step);

/// The order in which an epoch shows a set of `size` images.
std::vector<std::int64_t> order_of_epoch(const BatchStreamOptions& options, std::int64_t size,
                                         std::int64_t epoch);

/// The network's number for each of the 256 values of a pixel.
std::array<float, 256> pixel_table(OutputRange range);

/// Throws `failure` when the set has no whole batch under `drop_last`.
void check_enough_images(const Dataset& dataset, std::int64_t batch_size, bool drop_last);

/// Endless: epoch after epoch, each a permutation of the set from (seed, epoch), every image once
/// (but for an incomplete last batch under `drop_last`). Batch `step`, flips included, is a
/// function of the options, the set and `step` alone, so a stream may start anywhere. The thread
/// does its arithmetic itself and never enters LibTorch's thread pool, which belongs to the
/// training step.
class BatchStream {
 public:
  /// `first_step`: the step whose batch comes first. See check_enough_images().
  BatchStream(Dataset dataset, const BatchStreamOptions& options, std::int64_t first_step);
  ~BatchStream() = default;
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  /// Waits for the next batch. Rethrows what its thread threw, which ends the stream. The tensors
  /// are the caller's.
  Batch next();

 private:
  void begin();
  Batch make(std::int64_t step);
  torch::Tensor gather_images(const BatchPlace& place) const;
  torch::Tensor gather_labels(const BatchPlace& place) const;
  void flip_some(torch::Tensor& images, std::int64_t number) const;
  at::TensorOptions options_of(at::ScalarType type) const;

  const Dataset dataset_;
  const BatchStreamOptions options_;
  const std::array<float, 256> pixel_table_;
  std::vector<std::int64_t> order_;  ///< of `ordered_epoch_`
  std::int64_t ordered_epoch_ = -1;
  std::int64_t step_;                ///< of `ahead_`
  std::shared_future<Batch> ahead_;  ///< last: its thread is waited for before the rest goes
};

/// Batches in one epoch of `size` images.
std::int64_t batches_per_epoch(std::int64_t size, std::int64_t batch_size, bool drop_last);

}  // namespace dcgan
