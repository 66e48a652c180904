// Weights in a file of PyTorch's or Hugging Face's, by name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "export/metadata.h"

namespace dcgan {

struct StateDict {
  std::vector<NamedArray> arrays;  ///< in the file's order; without BatchNorm's num_batches_tracked
  Metadata metadata;               ///< what `dcgan export` wrote, or somebody else
};

/// Of a .pth or a .safetensors file; its content says which. float16, bfloat16 and float64 become
/// float32. Throws `failure` or `damaged` naming the file.
StateDict read_state_dict(const std::filesystem::path& path);

/// The same of the bytes of such a file, and of one format's; they throw without where.
StateDict parse_state_dict(const std::string& bytes);
StateDict parse_pth(const std::string& bytes);
StateDict parse_safetensors(const std::string& bytes);

/// A type of numbers that is read.
struct NumberType {
  const char* safetensors;  ///< "F32"
  const char* storage;      ///< "FloatStorage"
  std::size_t size;         ///< bytes
  float (*read)(const char* bytes);
};
/// By either name; throws `failure` naming `tensor`.
const NumberType& find_number_type(const std::string& type, const std::string& tensor);

/// The product of `sizes`, each of which must be 0 to `max`, as it must; more than `max` is
/// `damaged`, named after `tensor`.
std::size_t element_count(const std::vector<std::int64_t>& sizes, std::size_t max,
                          const std::string& tensor);

}  // namespace dcgan
