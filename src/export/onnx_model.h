// A network as an ONNX file, from a description that reads like code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "export/metadata.h"

namespace dcgan {

/// TensorProto.DataType.
enum class OnnxType { float32 = 1, uint8 = 2, int64 = 7 };

/// An input or an output, [N, sizes...], where any N will do.
struct OnnxValue {
  std::string name;
  OnnxType type = OnnxType::float32;
  std::vector<std::int64_t> sizes;
  std::string meaning;
};

/// `text` has a node a statement; line ends or ';' are between them:
///
///     x = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, layer1.weight, layer1.bias)
///     y = Sigmoid(x); x = Mul(x, y)
///
/// The names are of inputs, arrays and earlier statements; the last value of a name counts. A
/// number or a list of numbers is a constant: float32 where it has a '.' or an 'e', else int64. An
/// attribute may also be a word. `_` stands for an input that is left out.
struct OnnxModel {
  std::string name;
  std::vector<OnnxValue> inputs;
  std::vector<OnnxValue> outputs;
  std::vector<NamedArray> arrays;
  std::string text;
  Metadata metadata;
};

constexpr std::int64_t kOnnxIrVersion = 8;  ///< of ONNX 1.10 and all later readers
constexpr std::int64_t kOnnxOpset = 17;

/// The bytes of the file.
std::string serialise(const OnnxModel& model);

}  // namespace dcgan
