#include "data/batch_stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
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
    table[value] = static_cast<float>(range == OutputRange::tanh ? pixel / 127.5 - 1.0  //
                                                                 : pixel / 255.0);
  }
  return table;
}

}  // namespace

/// Makes the batch of any step, one at a time.
class BatchStream::Maker {
 public:
  Maker(Dataset dataset, const BatchStreamOptions& options)
      : dataset_(std::move(dataset)),
        options_(options),
        per_epoch_(batches_per_epoch(dataset_.size(), options.batch_size, options.drop_last)),
        pixel_table_(make_pixel_table(options.range)) {}

  Batch make(std::int64_t step) {
    order_epoch(step / per_epoch_);
    const std::int64_t begin = step % per_epoch_ * options_.batch_size;
    const std::int64_t count =
        std::min(options_.batch_size, dataset_.size() - begin) / options_.parts;
    const std::int64_t first = begin + options_.part * count;
    // Of all that the run sees: so an image has the same numbers wherever a stream starts, and
    // whatever part it is in.
    const std::int64_t number = step * options_.batch_size + options_.part * count;
    Batch batch;
    batch.step = step;
    batch.images = gather_images(first, count, number);
    batch.labels = gather_labels(first, count);
    batch.latents = draw_latents(number, count);
    return batch;
  }

 private:
  void order_epoch(std::int64_t epoch) {
    if (epoch == ordered_epoch_) return;
    if (options_.shuffle) {
      order_ = permutation(options_.seed, Purpose::data_order, epoch, dataset_.size());
    } else if (order_.empty()) {
      order_.resize(static_cast<std::size_t>(dataset_.size()));
      std::iota(order_.begin(), order_.end(), 0);
    }
    ordered_epoch_ = epoch;
  }

  /// Images first .. first + count - 1 of the epoch's order: float32 [count, C, H, W]. Plain loops:
  /// an ATen operator of this size would start a second pool of OpenMP threads.
  torch::Tensor gather_images(std::int64_t first, std::int64_t count, std::int64_t number) {
    const torch::Tensor& images = dataset_.images;
    const std::int64_t pixels = images.numel() / images.size(0);
    torch::Tensor gathered =
        at::empty({count, images.size(1), images.size(2), images.size(3)}, float_options());
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

  torch::Tensor gather_labels(std::int64_t first, std::int64_t count) const {
    const auto* source = dataset_.labels.data_ptr<std::uint8_t>();
    torch::Tensor gathered = at::empty({count}, float_options().dtype(at::kLong));
    auto* out = gathered.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = source[order_[static_cast<std::size_t>(first + i)]];
    }
    return gathered;
  }

  /// Numbered as the latents are.
  void flip_some(torch::Tensor& images, std::int64_t number) const {
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

  torch::Tensor draw_latents(std::int64_t number, std::int64_t count) const {
    torch::Tensor latents =
        normal_rows(options_.seed, Purpose::train_latents, number, count, options_.latent_dim);
    if (!options_.pinned) return latents;
    torch::Tensor pinned = at::empty(latents.sizes(), float_options());
    std::memcpy(pinned.data_ptr<float>(), latents.data_ptr<float>(), latents.nbytes());
    return pinned;
  }

  at::TensorOptions float_options() const {
    return at::TensorOptions().dtype(at::kFloat).pinned_memory(options_.pinned);
  }

  Dataset dataset_;
  BatchStreamOptions options_;
  std::int64_t per_epoch_;
  std::array<float, 256> pixel_table_;
  std::vector<std::int64_t> order_;  ///< of `ordered_epoch_`
  std::int64_t ordered_epoch_ = -1;
};

void check_enough_images(const Dataset& dataset, std::int64_t batch_size, bool drop_last) {
  if (dataset.size() == 0) throw failure("holds no images").in(dataset.name);
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
    : step_(first_step) {
  TORCH_CHECK(dataset.images.is_contiguous() && dataset.images.scalar_type() == at::kByte &&
                  dataset.images.dim() == 4,
              "a Dataset's images are contiguous uint8 [N, C, H, W]");
  TORCH_CHECK(options.batch_size > 0, "batch_size ", options.batch_size, " is not positive");
  TORCH_CHECK(first_step >= 0, "first_step ", first_step, " is negative");
  check_enough_images(dataset, options.batch_size, options.drop_last);
  maker_ = std::make_unique<Maker>(std::move(dataset), options);
  begin();
}

BatchStream::~BatchStream() = default;

Batch BatchStream::next() {
  Batch batch = ahead_.get();
  ++step_;
  begin();
  return batch;
}

void BatchStream::begin() {
  ahead_ = std::async(std::launch::async,
                      [maker = maker_.get(), step = step_] { return maker->make(step); });
}

std::int64_t batches_per_epoch(std::int64_t size, std::int64_t batch_size, bool drop_last) {
  return drop_last ? size / batch_size : (size + batch_size - 1) / batch_size;
}

}  // namespace dcgan
