#include "model/archive_reader.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/script.h>

#include <unordered_set>
#include <vector>

namespace dcgan {
namespace {

using Object = c10::ivalue::Object;

/// The modules of one reading, each without its class: its attributes by name, in its one slot.
class Boxes {
 public:
  Boxes() = default;
  Boxes(const Boxes&) = delete;
  Boxes& operator=(const Boxes&) = delete;
  /// A module that holds itself would keep itself alive.
  ~Boxes() {
    for (const auto& box : all_) box->setSlot(0, c10::IValue());
  }

  c10::intrusive_ptr<Object> make(const c10::StrongTypePtr& type, c10::IValue attributes) {
    auto box = Object::create(type, /*numSlots=*/1);
    box->setSlot(0, std::move(attributes));
    all_.push_back(box);
    return box;
  }

 private:
  std::vector<c10::intrusive_ptr<Object>> all_;
};

void check_extent(const torch::Tensor& tensor) {
  std::int64_t last = tensor.storage_offset();
  for (std::int64_t i = 0; i < tensor.dim(); ++i) {
    TORCH_CHECK(tensor.size(i) >= 0 && tensor.stride(i) >= 0, "a negative size");
    if (tensor.size(i) == 0) return;
    std::int64_t way = 0;
    const bool too_far = __builtin_mul_overflow(tensor.size(i) - 1, tensor.stride(i), &way) ||
                         __builtin_add_overflow(last, way, &last);
    TORCH_CHECK(!too_far, "a tensor beyond all memory");
  }
  const auto held = static_cast<std::int64_t>(tensor.storage().nbytes() / tensor.itemsize());
  TORCH_CHECK(last >= 0 && last < held, "a tensor larger than its storage");
}

struct Collector {
  NamedTensors tensors;
  std::unordered_set<const Object*> seen;

  /// No module of ours is held twice. A damaged file may have one that holds itself, or modules to
  /// which so many ways lead that following them takes forever.
  void collect(const Object& module, const std::string& prefix) {
    constexpr std::size_t kLongestName = 1000;
    TORCH_CHECK(seen.insert(&module).second, "a module in two places");
    TORCH_CHECK(prefix.size() < kLongestName, "modules too deep in each other");
    for (const auto& attribute : module.getSlot(0).toGenericDict()) {
      const std::string name = prefix + attribute.key().toStringRef();
      const c10::IValue& value = attribute.value();
      if (value.isTensor()) {
        check_extent(value.toTensor());
        tensors.emplace_back(name, value.toTensor().detach());
      }
      if (value.isObject()) collect(value.toObjectRef(), name + ".");
    }
  }
};

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
  Boxes boxes;
  const auto resolve = [&unit](const c10::QualifiedName& name) {
    return c10::StrongTypePtr(unit, c10::ClassType::create(name, unit, /*is_module=*/true));
  };
  const auto box = [&boxes](const c10::StrongTypePtr& type, c10::IValue attributes) {
    return boxes.make(type, std::move(attributes));
  };
  const c10::IValue module = torch::jit::readArchiveAndTensors(
      "data", /*pickle_prefix=*/"", /*tensor_prefix=*/"", resolve, box, torch::kCPU, *reader_);
  Collector collector;
  collector.collect(module.toObjectRef(), "");
  return std::move(collector.tensors);
}

}  // namespace dcgan
