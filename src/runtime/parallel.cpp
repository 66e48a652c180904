#include "runtime/parallel.h"

#include <ATen/TensorIterator.h>

#include "runtime/torch.h"

namespace dcgan {

// at::parallel_for is a template that needs OpenMP's flag and library, and the wheel's LibTorch
// brings an OpenMP of its own: a program with two has two teams of threads that fight for the
// cores. An element-wise operator's loop is the same parallel_for, compiled into LibTorch: here
// over the bytes of a tensor that has one for each block and holds nothing.
void parallel_blocks(std::int64_t blocks, c10::function_ref<void(std::int64_t block)> work) {
  if (blocks <= 1 || at::get_num_threads() == 1) {
    for (std::int64_t block = 0; block < blocks; ++block) work(block);
    return;
  }
  torch::Tensor places = torch::empty({blocks}, torch::kUInt8);
  const auto* const first = reinterpret_cast<const char*>(places.data_ptr<std::uint8_t>());
  auto loop = at::TensorIterator::borrowing_nullary_op(places);
  loop.for_each(
      [&](char** data, const std::int64_t* strides, std::int64_t count, std::int64_t rows) {
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t i = 0; i < count; ++i) {
            work(data[0] + row * strides[1] + i * strides[0] - first);
          }
        }
      },
      /*grain_size=*/1);
}

}  // namespace dcgan
