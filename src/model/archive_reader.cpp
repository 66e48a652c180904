#include "model/archive_reader.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/script.h>

#include <sstream>

namespace dcgan {
namespace {

using Object = c10::ivalue::Object;

void collect(const Object& module, const std::string& prefix, NamedTensors& tensors) {
  for (const auto& attribute : module.getSlot(0).toGenericDict()) {
    const std::string name = prefix + attribute.key().toStringRef();
    const c10::IValue& value = attribute.value();
    if (value.isTensor()) {
      const torch::Tensor& tensor = value.toTensor();
      TORCH_CHECK(tensor.is_contiguous() && tensor.storage_offset() == 0 &&
                      tensor.nbytes() <= tensor.storage().nbytes(),
                  "a tensor larger than its storage");
      tensors.emplace_back(name, tensor.detach());
    }
    if (value.isObject()) collect(value.toObjectRef(), name + ".", tensors);
  }
}

}  // namespace

std::string read_extra_file(const std::string& bytes, const std::string& name) {
  std::istringstream stream(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const std::string record = "extra/" + name;
  if (!reader.hasRecord(record)) return "";
  const auto [data, size] = reader.getRecord(record);
  return {static_cast<const char*>(data.get()), size};
}

NamedTensors read_tensors(const std::string& bytes) {
  std::istringstream stream(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  const auto resolve = [&unit](const c10::QualifiedName& name) {
    return c10::StrongTypePtr(unit, c10::ClassType::create(name, unit, /*is_module=*/true));
  };
  // A module without its class: its attributes by name, in its one slot.
  const auto load_object = [](const c10::StrongTypePtr& type, c10::IValue attributes) {
    auto object = Object::create(type, /*numSlots=*/1);
    object->setSlot(0, std::move(attributes));
    return object;
  };
  const c10::IValue module = torch::jit::readArchiveAndTensors("data", /*pickle_prefix=*/"",
                                                               /*tensor_prefix=*/"", resolve,
                                                               load_object, torch::kCPU, reader);
  NamedTensors tensors;
  collect(module.toObjectRef(), "", tensors);
  return tensors;
}

}  // namespace dcgan
