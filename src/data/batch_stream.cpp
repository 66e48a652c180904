#include "data/batch_stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "base/text.h"
#include "dcgan/error.h"
#include "runtime/random.h"

namespace dcgan {

std::array<float, 256> pixel_table(OutputRange range) {
  std::array<float, 256> table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const auto pixel = static_cast<double>(value);
    table[value] =
        static_cast<float>(range == OutputRange::tanh ? pixel / 127.5 - 1.0 : pixel / 255.0);
  }
  return table;
}

BatchPlace place_of_batch(const BatchStreamOptions& options, std::int64_t size, std::int64_t step) {
  const std::int64_t per_epoch = batches_per_epoch(size, options.batch_size, options.drop_last);
  const std::int64_t begin = step % per_epoch * options.batch_size;
  const std::int64_t count = std::min(options.batch_size, size - begin) / options.parts;
  // An image has the same number wherever a stream starts, and whatever part it is in.
  return {.epoch = step / per_epoch,
          .first = begin + options.part * count,
          .count = count,
          .number = step * options.batch_size + options.part * count};
}

std::vector<std::int64_t> order_of_epoch(const BatchStreamOptions& options, std::int64_t size,
                                         std::int64_t epoch) {
  if (options.shuffle) return permutation(options.seed, Purpose::data_order, epoch, size);
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void check_enough_images(const Dataset& dataset, std::int64_t batch_size, bool drop_last) {
  if (batches_per_epoch(dataset.size(), batch_size, drop_last) == 0) {
    throw failure(format_count(dataset.size()) +
                  (dataset.size() == 1 ? " image is" : " images are") + " less than one batch of " +
                  format_count(batch_size))
        .in(dataset.name)
        .remedy("lower train.batch_size, or set data.drop_last to false");
  }
}

BatchStream::BatchStream(Dataset dataset, const BatchStreamOptions& options,
                         std::int64_t first_step)
    : dataset_(std::move(dataset)),
      options_(options),
      pixel_table_(pixel_table(options.range)),
      step_(first_step) {
  check_enough_images(dataset_, options.batch_size, options.drop_last);
  begin();
}

Batch BatchStream::next() {
  Batch batch = ahead_.get();
  ++step_;
  begin();
  return batch;
}

void BatchStream::begin() {
  ahead_ = std::async(std::launch::async, [this, step = step_] { return make(step); });
}

Batch BatchStream::make(std::int64_t step) {
  const BatchPlace place = place_of_batch(options_, dataset_.size(), step);
  if (place.epoch != ordered_epoch_) {
    order_ = order_of_epoch(options_, dataset_.size(), place.epoch);
    ordered_epoch_ = place.epoch;
  }
  torch::Tensor latents = normal_rows(options_.seed, Purpose::train_latents, place.number,
                                      place.count, options_.latent_dim);
  if (options_.pinned) {
    const torch::Tensor drawn = latents;
    latents = at::empty(drawn.sizes(), options_of(at::kFloat));
    std::memcpy(latents.data_ptr<float>(), drawn.data_ptr<float>(), drawn.nbytes());
  }
  return {gather_images(place), gather_labels(place), latents, step};
}

// Plain loops: an ATen operator of this size would start a second pool of OpenMP threads.
torch::Tensor BatchStream::gather_images(const BatchPlace& place) const {
  const torch::Tensor& images = dataset_.images;
  const std::int64_t pixels = images.numel() / images.size(0);
  torch::Tensor gathered = at::empty({place.count, images.size(1), images.size(2), images.size(3)},
                                     options_of(at::kFloat));
  const auto* source = images.data_ptr<std::uint8_t>();
  auto* out = gathered.data_ptr<float>();
  for (std::int64_t i = 0; i < place.count; ++i) {
    const std::int64_t row = order_[static_cast<std::size_t>(place.first + i)];
    const std::uint8_t* image = source + row * pixels;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) *out++ = pixel_table_[image[pixel]];
  }
  if (options_.flip) flip_some(gathered, place.number);
  return gathered;
}

torch::Tensor BatchStream::gather_labels(const BatchPlace& place) const {
  const auto* source = dataset_.labels.data_ptr<std::uint8_t>();
  torch::Tensor gathered = at::empty({place.count}, options_of(at::kLong));
  auto* out = gathered.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < place.count; ++i) {
    out[i] = source[order_[static_cast<std::size_t>(place.first + i)]];
  }
  return gathered;
}

void BatchStream::flip_some(torch::Tensor& images, std::int64_t number) const {
  const std::int64_t count = images.size(0);
  const std::int64_t width = images.size(3);
  const torch::Tensor draws = uniform_rows(options_.seed, Purpose::flip, number, count, 1);
  const std::int64_t rows = images.size(1) * images.size(2);
  for (std::int64_t i = 0; i < count; ++i) {
    if (draws.data_ptr<float>()[i] >= 0) continue;
    float* row = images.data_ptr<float>() + i * rows * width;
    for (std::int64_t r = 0; r < rows; ++r, row += width) std::reverse(row, row + width);
  }
}

at::TensorOptions BatchStream::options_of(at::ScalarType type) const {
  return at::TensorOptions().dtype(type).pinned_memory(options_.pinned);
}

std::int64_t batches_per_epoch(std::int64_t size, std::int64_t batch_size, bool drop_last) {
  return drop_last ? size / batch_size : (size + batch_size - 1) / batch_size;
}

}  // namespace dcgan
