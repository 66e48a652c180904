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
namespace {

/// The network's number for each of the 256 values of a pixel.
std::array<float, 256> make_pixel_table(OutputRange range) {
  std::array<float, 256> table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const auto pixel = static_cast<double>(value);
    table[value] =
        static_cast<float>(range == OutputRange::tanh ? pixel / 127.5 - 1.0 : pixel / 255.0);
  }
  return table;
}

}  // namespace

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
      per_epoch_(batches_per_epoch(dataset_.size(), options.batch_size, options.drop_last)),
      pixel_table_(make_pixel_table(options.range)),
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
  order_epoch(step / per_epoch_);
  const std::int64_t begin = step % per_epoch_ * options_.batch_size;
  const std::int64_t count =
      std::min(options_.batch_size, dataset_.size() - begin) / options_.parts;
  const std::int64_t first = begin + options_.part * count;
  // Of all that the run sees: an image has the same numbers wherever a stream starts, and whatever
  // part it is in.
  const std::int64_t number = step * options_.batch_size + options_.part * count;
  torch::Tensor latents =
      normal_rows(options_.seed, Purpose::train_latents, number, count, options_.latent_dim);
  if (options_.pinned) {
    const torch::Tensor drawn = latents;
    latents = at::empty(drawn.sizes(), options_of(at::kFloat));
    std::memcpy(latents.data_ptr<float>(), drawn.data_ptr<float>(), drawn.nbytes());
  }
  return {gather_images(first, count, number), gather_labels(first, count), latents, step};
}

void BatchStream::order_epoch(std::int64_t epoch) {
  if (epoch == ordered_epoch_) return;
  if (options_.shuffle) {
    order_ = permutation(options_.seed, Purpose::data_order, epoch, dataset_.size());
  } else if (order_.empty()) {
    order_.resize(static_cast<std::size_t>(dataset_.size()));
    std::iota(order_.begin(), order_.end(), 0);
  }
  ordered_epoch_ = epoch;
}

// Plain loops: an ATen operator of this size would start a second pool of OpenMP threads.
torch::Tensor BatchStream::gather_images(std::int64_t first, std::int64_t count,
                                         std::int64_t number) const {
  const torch::Tensor& images = dataset_.images;
  const std::int64_t pixels = images.numel() / images.size(0);
  torch::Tensor gathered =
      at::empty({count, images.size(1), images.size(2), images.size(3)}, options_of(at::kFloat));
  const auto* source = images.data_ptr<std::uint8_t>();
  auto* out = gathered.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = order_[static_cast<std::size_t>(first + i)];
    const std::uint8_t* image = source + row * pixels;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) *out++ = pixel_table_[image[pixel]];
  }
  if (options_.flip) flip_some(gathered, number);
  return gathered;
}

torch::Tensor BatchStream::gather_labels(std::int64_t first, std::int64_t count) const {
  const auto* source = dataset_.labels.data_ptr<std::uint8_t>();
  torch::Tensor gathered = at::empty({count}, options_of(at::kLong));
  auto* out = gathered.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = source[order_[static_cast<std::size_t>(first + i)]];
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
