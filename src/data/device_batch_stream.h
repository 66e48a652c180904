// A training's batches where the whole set lies in a device's memory.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "data/batch_stream.h"

namespace dcgan {

/// The batches of BatchStream, made on the device by its operators: images and labels are equal bit
/// for bit, latents as normal_rows() says. The host copies an epoch's order to the device as it
/// begins, and nothing in a step.
class DeviceBatchStream {
 public:
  /// Copies the set to `device`. See BatchStream and check_enough_images().
  DeviceBatchStream(const Dataset& dataset, const BatchStreamOptions& options,
                    std::int64_t first_step, torch::Device device);

  /// The tensors are the caller's, but for `latents`, which must not be written.
  Batch next();

 private:
  void begin_epoch(std::int64_t epoch);
  torch::Tensor latents_of(const BatchPlace& place);

  const BatchStreamOptions options_;
  const torch::Tensor images_;       ///< uint8 [N, C, H, W]
  const torch::Tensor labels_;       ///< int64 [N]
  const torch::Tensor pixel_table_;  ///< float32 [256]
  std::int64_t epoch_ = -1;          ///< of `order_` and `mirrored_`
  torch::Tensor order_;              ///< int64 [N]
  torch::Tensor mirrored_;           ///< bool [N, 1, 1, 1], in the epoch's order; with options.flip
  torch::Tensor latents_;            ///< of many steps
  std::int64_t latents_first_ = 0;   ///< number of the image that the first is for
  std::int64_t step_;
};

/// Whether a set is kept on `device`: with data.on_device, where it takes at most 4 GiB there.
bool belongs_on_device(const DataConfig& data, const Dataset& dataset, torch::Device device);

}  // namespace dcgan
