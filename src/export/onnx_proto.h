// The messages of an ONNX file, for protozero: their field numbers.
// Source: onnx/onnx.proto of github.com/onnx/onnx, the messages of the same names with "Proto".
#pragma once

#include <protozero/types.hpp>

namespace dcgan::onnx {

using Tag = protozero::pbf_tag_type;

enum class Model : Tag {
  ir_version = 1,
  producer_name = 2,
  graph = 7,
  opset_import = 8,
  metadata_props = 14,
};
enum class OperatorSetId : Tag { domain = 1, version = 2 };
enum class StringStringEntry : Tag { key = 1, value = 2 };
enum class Graph : Tag { node = 1, name = 2, initializer = 5, input = 11, output = 12 };
enum class Node : Tag { input = 1, output = 2, name = 3, op_type = 4, attribute = 5 };
enum class Attribute : Tag { name = 1, f = 2, i = 3, s = 4, floats = 7, ints = 8, type = 20 };
enum class Tensor : Tag { dims = 1, data_type = 2, name = 8, raw_data = 9 };
enum class ValueInfo : Tag { name = 1, type = 2, doc_string = 3 };
enum class Type : Tag { tensor_type = 1 };
enum class TensorType : Tag { elem_type = 1, shape = 2 };
enum class TensorShape : Tag { dim = 1 };
enum class Dimension : Tag { dim_value = 1, dim_param = 2 };

/// AttributeProto.AttributeType.
enum class AttributeType { real = 1, integer = 2, text = 3, reals = 6, integers = 7 };

}  // namespace dcgan::onnx
