// Tensors as files that NumPy opens.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "runtime/torch.h"

namespace dcgan::testing {

/// float32, int64 or uint8.
inline void save_npy(const std::filesystem::path& path, const torch::Tensor& tensor) {
  using namespace std::string_literals;
  const torch::Tensor data = tensor.detach().contiguous();
  const char* type = data.scalar_type() == torch::kFloat32 ? "<f4"
                     : data.scalar_type() == torch::kInt64 ? "<i8"
                                                           : "|u1";
  const std::string sizes = fmt::format("{},", fmt::join(data.sizes().vec(), ","));
  const std::string header = fmt::format(
      "{:<117}\n",
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({})}}", type, sizes));
  write_file_atomically(
      path,
      "\x93NUMPY\1\0\x76\0"s + header +
          std::string(static_cast<const char*>(data.data_ptr()),
                      static_cast<std::size_t>(data.numel()) * data.element_size()),
      Flush::no);
}

}  // namespace dcgan::testing
