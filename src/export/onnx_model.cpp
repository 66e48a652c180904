#include "export/onnx_model.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <protozero/pbf_builder.hpp>
#include <regex>

#include "base/text.h"
#include "export/onnx_proto.h"

namespace dcgan {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

using protozero::pbf_builder;

/// A number or a list of numbers of the text.
struct Constant {
  bool is_list = false;
  bool is_real = false;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
};

/// The items of "a, [1, 2], c" as they stand.
std::vector<std::string> split_items(const std::string& text) {
  static const std::regex item(R"(\[[^\]]*\]|[^,\s]+)");
  return {std::sregex_token_iterator(text.begin(), text.end(), item), {}};
}

bool is_constant(const std::string& item) {
  return item.find_first_of("[-0123456789") == 0;  // names begin with a letter
}

Constant read_constant(const std::string& item) {
  Constant constant;
  constant.is_list = item.front() == '[';
  constant.is_real = item.find_first_of(".e") != std::string::npos;
  const std::string numbers = constant.is_list ? item.substr(1, item.size() - 2) : item;
  for (const std::string& number : split_items(numbers)) {
    if (constant.is_real) {
      constant.reals.push_back(static_cast<float>(parse_real(number).value()));
    } else {
      constant.integers.push_back(parse_integer(number).value());
    }
  }
  return constant;
}

void write_attribute(pbf_builder<onnx::Node>& node, const std::string& name,
                     const Constant& value) {
  using onnx::Attribute;
  using onnx::AttributeType;
  pbf_builder<Attribute> attribute(node, onnx::Node::attribute);
  attribute.add_string(Attribute::name, name);
  for (const float number : value.reals) {
    attribute.add_float(value.is_list ? Attribute::floats : Attribute::f, number);
  }
  for (const std::int64_t number : value.integers) {
    attribute.add_int64(value.is_list ? Attribute::ints : Attribute::i, number);
  }
  const AttributeType type =
      value.is_real ? (value.is_list ? AttributeType::reals : AttributeType::real)
                    : (value.is_list ? AttributeType::integers : AttributeType::integer);
  attribute.add_enum(Attribute::type, static_cast<int>(type));
}

void write_word(pbf_builder<onnx::Node>& node, const std::string& name, const std::string& word) {
  pbf_builder<onnx::Attribute> attribute(node, onnx::Node::attribute);
  attribute.add_string(onnx::Attribute::name, name);
  attribute.add_bytes(onnx::Attribute::s, word);
  attribute.add_enum(onnx::Attribute::type, static_cast<int>(onnx::AttributeType::text));
}

/// Writes the statements of a text as the nodes of a graph.
class GraphWriter {
 public:
  explicit GraphWriter(pbf_builder<onnx::Graph>& graph) : graph_(graph) {}

  void write_text(const std::string& text) {
    constexpr const char* kEnds = ";\n";
    for (std::size_t first = 0; first < text.size();) {
      const std::size_t end = std::min(text.find_first_of(kEnds, first), text.size());
      const std::string statement = trimmed(text.substr(first, end - first));
      if (!statement.empty()) write_statement(statement);
      first = end + 1;
    }
  }

  template <typename Number>
  void write_array(const std::string& name, OnnxType type, const std::vector<std::int64_t>& sizes,
                   const std::vector<Number>& numbers) {
    pbf_builder<onnx::Tensor> tensor(graph_, onnx::Graph::initializer);
    for (const std::int64_t size : sizes) tensor.add_int64(onnx::Tensor::dims, size);
    tensor.add_int32(onnx::Tensor::data_type, static_cast<int>(type));
    tensor.add_string(onnx::Tensor::name, name);
    tensor.add_bytes(onnx::Tensor::raw_data, reinterpret_cast<const char*>(numbers.data()),
                     numbers.size() * sizeof(Number));
  }

 private:
  void write_statement(const std::string& statement) {
    static const std::regex form(R"((\w+) = (\w+)(?: <(.*)>)? ?\((.*)\))");
    static const std::regex attribute(R"((\w+) = (\[[^\]]*\]|[^,\s]+))");
    std::smatch parts;
    TORCH_CHECK(std::regex_match(statement, parts, form), "no statement: ", statement);
    std::vector<std::string> inputs;
    for (const std::string& item : split_items(parts[4])) inputs.push_back(value_of(item));
    const std::string output = new_value(parts[1]);
    pbf_builder<onnx::Node> node(graph_, onnx::Graph::node);
    for (const std::string& input : inputs) node.add_string(onnx::Node::input, input);
    node.add_string(onnx::Node::output, output);
    node.add_string(onnx::Node::name, output);
    node.add_string(onnx::Node::op_type, parts[2]);
    const std::string attributes = parts[3];
    for (std::sregex_iterator found(attributes.begin(), attributes.end(), attribute), end;
         found != end; ++found) {
      const std::string value = (*found)[2];
      if (is_constant(value)) {
        write_attribute(node, (*found)[1], read_constant(value));
      } else {
        write_word(node, (*found)[1], value);
      }
    }
  }

  /// What a name stands for now. A constant becomes an array at its first use.
  std::string value_of(const std::string& item) {
    if (item == "_") return "";
    const auto known = values_.find(item);
    if (known != values_.end()) return known->second;
    if (!is_constant(item)) return item;
    const Constant constant = read_constant(item);
    const std::string name = fmt::format("constant{}", ++constants_);
    const std::size_t count = constant.reals.size() + constant.integers.size();
    const std::vector<std::int64_t> sizes(constant.is_list ? 1 : 0,
                                          static_cast<std::int64_t>(count));
    if (constant.is_real) {
      write_array(name, OnnxType::float32, sizes, constant.reals);
    } else {
      write_array(name, OnnxType::int64, sizes, constant.integers);
    }
    return values_[item] = name;
  }

  /// A value's name for ONNX, where each is assigned once: "x", then "x.2", "x.3".
  std::string new_value(const std::string& name) {
    const int count = ++assignments_[name];
    return values_[name] = count == 1 ? name : fmt::format("{}.{}", name, count);
  }

  pbf_builder<onnx::Graph>& graph_;
  std::map<std::string, std::string> values_;
  std::map<std::string, int> assignments_;
  int constants_ = 0;
};

void write_value(pbf_builder<onnx::Graph>& graph, onnx::Graph field, const OnnxValue& value) {
  pbf_builder<onnx::ValueInfo> info(graph, field);
  info.add_string(onnx::ValueInfo::name, value.name);
  {
    pbf_builder<onnx::Type> type(info, onnx::ValueInfo::type);
    pbf_builder<onnx::TensorType> tensor(type, onnx::Type::tensor_type);
    tensor.add_int32(onnx::TensorType::elem_type, static_cast<int>(value.type));
    pbf_builder<onnx::TensorShape> shape(tensor, onnx::TensorType::shape);
    pbf_builder<onnx::Dimension>(shape, onnx::TensorShape::dim)
        .add_string(onnx::Dimension::dim_param, "N");
    for (const std::int64_t size : value.sizes) {
      pbf_builder<onnx::Dimension>(shape, onnx::TensorShape::dim)
          .add_int64(onnx::Dimension::dim_value, size);
    }
  }
  info.add_string(onnx::ValueInfo::doc_string, value.meaning);
}

}  // namespace

std::string serialise(const OnnxModel& model) {
  std::string bytes;
  pbf_builder<onnx::Model> file(bytes);
  file.add_int64(onnx::Model::ir_version, kOnnxIrVersion);
  file.add_string(onnx::Model::producer_name, "dcgan");
  {
    pbf_builder<onnx::OperatorSetId> operators(file, onnx::Model::opset_import);
    operators.add_string(onnx::OperatorSetId::domain, "");
    operators.add_int64(onnx::OperatorSetId::version, kOnnxOpset);
  }
  for (const auto& [key, value] : model.metadata) {
    pbf_builder<onnx::StringStringEntry> entry(file, onnx::Model::metadata_props);
    entry.add_string(onnx::StringStringEntry::key, key);
    entry.add_string(onnx::StringStringEntry::value, value);
  }
  pbf_builder<onnx::Graph> graph(file, onnx::Model::graph);
  graph.add_string(onnx::Graph::name, model.name);
  for (const OnnxValue& value : model.inputs) write_value(graph, onnx::Graph::input, value);
  for (const OnnxValue& value : model.outputs) write_value(graph, onnx::Graph::output, value);
  GraphWriter writer(graph);
  for (const NamedArray& array : model.arrays) {
    writer.write_array(array.name, OnnxType::float32, array.sizes, array.numbers);
  }
  writer.write_text(model.text);
  graph.commit();
  return bytes;
}

}  // namespace dcgan
