#include "archive_reader.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/script.h>

namespace dcgan {
namespace {

using Object = c10::ivalue::Object;

/// A module without its class: its attributes by name, in its one slot.
c10::intrusive_ptr<Object> box(const c10::StrongTypePtr& type, c10::IValue attributes) {
  auto object = Object::create(type, /*numSlots=*/1);
  object->setSlot(0, std::move(attributes));
  return object;
}

/// A damaged file may hold a module that holds itself.
constexpr int kDeepest = 32;

void collect(const Object& module, const std::string& prefix, int depth, NamedTensors& tensors) {
  TORCH_CHECK(depth < kDeepest, "modules in each other without end");
  for (const auto& attribute : module.getSlot(0).toGenericDict()) {
    const std::string name = prefix + attribute.key().toStringRef();
    const c10::IValue& value = attribute.value();
    if (value.isTensor()) tensors.emplace_back(name, value.toTensor().detach());
    if (value.isObject()) collect(value.toObjectRef(), name + ".", depth + 1, tensors);
  }
}

}  // namespace

ArchiveReader::ArchiveReader(const std::string& bytes)
    : stream_(bytes), reader_(std::make_unique<caffe2::serialize::PyTorchStreamReader>(&stream_)) {}
ArchiveReader::~ArchiveReader() = default;

std::string ArchiveReader::extra_file(const std::string& name) {
  const std::string record = "extra/" + name;
  if (!reader_->hasRecord(record)) return "";
  const auto [data, size] = reader_->getRecord(record);
  return {static_cast<const char*>(data.get()), size};
}

NamedTensors ArchiveReader::tensors() {
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  const auto resolve = [&unit](const c10::QualifiedName& name) {
    return c10::StrongTypePtr(unit, c10::ClassType::create(name, unit, /*is_module=*/true));
  };
  const c10::IValue module = torch::jit::readArchiveAndTensors(
      "data", /*pickle_prefix=*/"", /*tensor_prefix=*/"", resolve, box, torch::kCPU, *reader_);
  NamedTensors tensors;
  collect(module.toObjectRef(), "", /*depth=*/0, tensors);
  return tensors;
}

}  // namespace dcgan
