#include "data/device_batch_stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "runtime/device.h"
#include "runtime/random.h"

namespace dcgan {
namespace {

/// Latents drawn at once: a hundred small operators draw them, however many there are.
constexpr std::int64_t kLatentNumbers = 1 << 20;

}  // namespace

DeviceBatchStream::DeviceBatchStream(const Dataset& dataset, const BatchStreamOptions& options,
                                     std::int64_t first_step, torch::Device device)
    : options_(options),
      images_(dataset.images.to(device)),
      labels_(dataset.labels.to(at::kLong).to(device)),
      pixel_table_([&] {
        std::array<float, 256> table = pixel_table(options.range);
        return at::from_blob(table.data(), {256}, at::kFloat).to(device);
      }()),
      step_(first_step) {
  check_enough_images(dataset, options.batch_size, options.drop_last);
}

Batch DeviceBatchStream::next() {
  const BatchPlace place = place_of_batch(options_, images_.size(0), step_);
  if (place.epoch != epoch_) begin_epoch(place.epoch);
  const torch::Tensor rows = order_.narrow(0, place.first, place.count);
  const torch::Tensor pixels = images_.index_select(0, rows);
  torch::Tensor images =
      pixel_table_.index_select(0, pixels.flatten().to(at::kInt)).view(pixels.sizes());
  if (options_.flip) {
    images = at::where(mirrored_.narrow(0, place.first, place.count), images.flip(3), images);
  }
  return {images, labels_.index_select(0, rows), latents_of(place), step_++};
}

void DeviceBatchStream::begin_epoch(std::int64_t epoch) {
  const std::int64_t size = images_.size(0);
  const torch::Device device = images_.device();
  std::vector<std::int64_t> order = order_of_epoch(options_, size, epoch);
  order_ = at::from_blob(order.data(), {size}, at::kLong).to(device);
  epoch_ = epoch;
  if (!options_.flip) return;
  const std::int64_t batches = batches_per_epoch(size, options_.batch_size, options_.drop_last);
  const std::int64_t first = epoch * batches * options_.batch_size;
  mirrored_ = uniform_rows(options_.seed, Purpose::flip, first, size, 1).lt(0).to(device);
  mirrored_ = mirrored_.view({-1, 1, 1, 1});
}

torch::Tensor DeviceBatchStream::latents_of(const BatchPlace& place) {
  const std::int64_t end = latents_first_ + (latents_.defined() ? latents_.size(0) : 0);
  if (place.number < latents_first_ || place.number + place.count > end) {
    const std::int64_t rows = std::max(place.count, kLatentNumbers / options_.latent_dim);
    latents_ = normal_rows(options_.seed, Purpose::train_latents, place.number, rows,
                           options_.latent_dim, images_.device());
    latents_first_ = place.number;
  }
  return latents_.narrow(0, place.number - latents_first_, place.count);
}

bool belongs_on_device(const DataConfig& data, const Dataset& dataset, torch::Device device) {
  constexpr std::size_t kMostBytes = std::size_t{4} << 30;
  return data.on_device && is_asynchronous(device) && dataset.images.nbytes() <= kMostBytes;
}

}  // namespace dcgan
