#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "export/metadata.h"
#include "export/pickle.h"
#include "export/pytorch_example.h"
#include "export/state_dict.h"
#include "export/writers.h"
#include "export/zip.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr const char* kMetadataFile = "dcgan.json";  // torch.load doesn't look at it

using TensorDict = c10::Dict<std::string, at::Tensor>;

/// Layer by layer, as PyTorch orders them. Tensors share the arrays' memory.
TensorDict to_state_dict(const ExportedNetwork& network) {
  const bool as_example = has_example_form(network.plan);
  const std::string counter = ".num_batches_tracked";
  TensorDict state;
  for (const LayerPlan& layer : network.plan.layers) {
    for (const NamedArray& array : network.arrays) {
      if (!array.name.starts_with(layer.name + ".")) continue;
      const std::string name = as_example ? example_name(network.plan, array.name) : array.name;
      state.insert(name, torch::from_blob(const_cast<float*>(array.numbers.data()), array.sizes));
      if (as_example && name.ends_with(".running_var")) {
        state.insert(name.substr(0, name.rfind('.')) + counter, torch::tensor(network.step));
      }
    }
  }
  return state;
}

NamedArray read_tensor(const PickledTensor& tensor, const std::string& storage) {
  const NumberType& type = find_number_type(tensor.storage_type, tensor.name);
  const std::size_t elements = storage.size() / type.size;
  NamedArray array{tensor.name, tensor.sizes, {}};
  const std::size_t count = element_count(tensor.sizes, elements, tensor.name);
  // The last element lies furthest; as a double it can't overflow.
  auto last = static_cast<double>(tensor.offset);
  bool is_inside = tensor.offset >= 0;
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    is_inside = is_inside && tensor.strides[i] >= 0;
    last += static_cast<double>(tensor.sizes[i] - 1) * static_cast<double>(tensor.strides[i]);
  }
  if (count > 0 && (!is_inside || last >= static_cast<double>(elements))) {
    throw damaged(fmt::format("tensor '{}' lies outside of its storage", printable(tensor.name)))
        .remedy("copy it again");
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto rest = static_cast<std::int64_t>(i);
    std::int64_t place = tensor.offset;
    for (std::size_t d = tensor.sizes.size(); d-- > 0; rest /= tensor.sizes[d]) {
      place += rest % tensor.sizes[d] * tensor.strides[d];
    }
    array.numbers.push_back(
        type.read(storage.data() + static_cast<std::size_t>(place) * type.size));
  }
  return array;
}

}  // namespace

std::string to_pth(const ExportedNetwork& network) {
  std::string pickle;
  std::int64_t storages = 0;
  torch::jit::Pickler pickler(
      [&](const char* bytes, std::size_t size) { pickle.append(bytes, size); }, nullptr, nullptr,
      nullptr, [&](const at::Tensor&) { return std::to_string(storages++); },
      /*tag_aggregates=*/false);  // tags are TorchScript's
  pickler.protocol();
  pickler.pushIValue(to_state_dict(network));
  pickler.stop();
  std::string file;
  caffe2::serialize::PyTorchStreamWriter writer([&](const void* bytes, std::size_t size) {
    file.append(static_cast<const char*>(bytes), size);
    return size;
  });
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  storages = 0;
  for (const at::Tensor& tensor : pickler.tensorData()) {
    writer.writeRecord(fmt::format("data/{}", storages++), tensor.data_ptr(), tensor.nbytes());
  }
  const std::string metadata = json_text(nlohmann::json(file_metadata(network)));
  writer.writeRecord(kMetadataFile, metadata.data(), metadata.size());
  writer.writeEndOfFile();
  return file;
}

StateDict parse_pth(const std::string& bytes) {
  std::map<std::string, std::string> files;
  for (ZipFile& file : read_zip(bytes)) {  // "archive/data.pkl", "archive/data/0"
    files[file.name.substr(file.name.find('/') + 1)] = std::move(file.bytes);
  }
  if (files.contains("constants.pkl")) {
    throw failure("a TorchScript, not a state_dict")
        .remedy("sample, evaluate and inspect take it as it is: --ckpt FILE");
  }
  if (!files.contains("data.pkl")) {
    throw failure("a zip archive that torch.save did not write")
        .remedy("import takes a .pth or a .safetensors file");
  }
  if (files["byteorder"] == "big") {
    throw failure("its numbers are big-endian").remedy("save it on a little-endian machine");
  }
  StateDict state;
  for (const PickledTensor& tensor : read_state_dict_pickle(files["data.pkl"])) {
    if (tensor.name.ends_with("num_batches_tracked")) continue;
    const auto storage = files.find("data/" + tensor.storage);
    if (storage == files.end()) {
      throw damaged(fmt::format("it lacks the numbers of tensor '{}'", printable(tensor.name)))
          .remedy("copy it again");
    }
    state.arrays.push_back(read_tensor(tensor, storage->second));
  }
  const auto metadata = nlohmann::json::parse(files[kMetadataFile], nullptr, false);
  if (metadata.is_object()) {
    for (const auto& [key, value] : metadata.items()) {
      if (value.is_string()) state.metadata[key] = value.get<std::string>();
    }
  }
  return state;
}

}  // namespace dcgan
