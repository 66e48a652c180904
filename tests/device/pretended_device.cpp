#include "device/pretended_device.h"

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/NativeFunctions.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <torch/library.h>
#include <torch/version.h>
#if TORCH_VERSION_MAJOR >= 2
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/DeviceType.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace dcgan::testing {
namespace {

using Stack = torch::jit::Stack;

bool is_pretended(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().type() == at::kPrivateUse1;
}

// Memory

/// Blocks of whole pages, closed to the host but where somebody holds them open.
class Memory {
 public:
  void* take(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(getpagesize());
    const std::size_t size = (bytes + page - 1) / page * page;
    void* const block =
        mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0);
    TORCH_CHECK(block != MAP_FAILED, "no memory for ", size, " bytes");
    const std::lock_guard lock(mutex_);
    blocks_[static_cast<std::byte*>(block)] = {size, 0};
    held_ += size;
    return block;
  }

  void give_back(void* block) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(static_cast<std::byte*>(block));
    munmap(block, found->second.size);
    held_ -= found->second.size;
    blocks_.erase(found);
  }

  void open(const void* inside) { change(inside, 1); }
  void close(const void* inside) { change(inside, -1); }

  std::int64_t held() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(held_);
  }

 private:
  struct Block {
    std::size_t size;
    int users;
  };

  void change(const void* inside, int users) {
    const std::lock_guard lock(mutex_);
    auto& [start, block] =
        *std::prev(blocks_.upper_bound(static_cast<std::byte*>(const_cast<void*>(inside))));
    block.users += users;
    mprotect(start, block.size, block.users > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
  }

  std::mutex mutex_;
  std::map<std::byte*, Block> blocks_;
  std::size_t held_ = 0;
};

Memory& memory() {
  static auto* const memory = new Memory;  // tensors may outlive what is static
  return *memory;
}

class PretendedAllocator : public c10::Allocator {
 public:
#if TORCH_VERSION_MAJOR >= 2
  c10::DataPtr allocate(std::size_t bytes) override { return make(bytes); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    memory().open(to);
    memory().open(from);
    std::memcpy(to, from, bytes);
    memory().close(from);
    memory().close(to);
  }
#else
  c10::DataPtr allocate(std::size_t bytes) const override { return make(bytes); }
#endif
  c10::DeleterFnPtr raw_deleter() const override { return &release; }

 private:
  static c10::DataPtr make(std::size_t bytes) {
    void* const block = bytes == 0 ? nullptr : memory().take(bytes);
    return {block, block, &release, pretended_device()};
  }
  static void release(void* block) {
    if (block != nullptr) memory().give_back(block);
  }
};

PretendedAllocator allocator;

const c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

/// A tensor of the device as one of the CPU in the same memory, which is open as long as this is.
class Opened {
 public:
  explicit Opened(const at::Tensor& tensor) : tensor_(tensor), on_cpu_(tensor) {
    if (!is_pretended(tensor)) return;
    const auto options = tensor.options().device(at::kCPU);
    if (tensor.numel() == 0) {  // one that an operator may give another size
      on_cpu_ = at::empty(tensor.sizes(), options);
      return;
    }
    memory().open(tensor.data_ptr());
    is_open_ = true;
    on_cpu_ = at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), options);
  }
  Opened(Opened&& other) noexcept
      : tensor_(std::move(other.tensor_)),
        on_cpu_(std::move(other.on_cpu_)),
        is_open_(std::exchange(other.is_open_, false)) {}
  Opened& operator=(Opened&&) = delete;
  ~Opened() {
    if (is_open_) memory().close(tensor_.data_ptr());
  }

  const at::Tensor& tensor() const { return tensor_; }
  const at::Tensor& on_cpu() const { return on_cpu_; }

 private:
  at::Tensor tensor_;
  at::Tensor on_cpu_;
  bool is_open_ = false;
};

// What is counted

/// A copy to the device that a stream might not have come to yet.
struct QueuedCopy {
  at::Tensor source;
  at::Tensor bytes;  ///< as they were
};

struct Queue {
  std::mutex mutex;
  DeviceCounts counts;
  std::vector<QueuedCopy> copies;

  void wait() {
    for (const QueuedCopy& copy : copies) {
      if (!at::equal(copy.source, copy.bytes)) ++counts.overwritten_sources;
    }
    copies.clear();
  }

  void synchronise() {
    ++counts.synchronisations;
    wait();
  }
};

Queue& queue() {
  static auto* const queue = new Queue;
  return *queue;
}

/// Copies inside of an operator are the pretence's own.
thread_local int operators_running = 0;

struct InsideOperator {
  InsideOperator() { ++operators_running; }
  ~InsideOperator() { --operators_running; }
  InsideOperator(const InsideOperator&) = delete;
  InsideOperator& operator=(const InsideOperator&) = delete;
  const at::AutoDispatchBelowAutograd below_autograd;
};

// Operators

at::Tensor empty(at::IntArrayRef size, c10::optional<at::ScalarType> type,
                 c10::optional<at::Layout> /*layout*/, c10::optional<at::Device> /*device*/,
                 c10::optional<bool> /*pinned*/, c10::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &allocator, kKeys, c10::dtype_or_default(type), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         c10::optional<at::ScalarType> type, c10::optional<at::Layout> /*layout*/,
                         c10::optional<at::Device> /*device*/, c10::optional<bool> /*pinned*/) {
  return at::detail::empty_strided_generic(size, stride, &allocator, kKeys,
                                           c10::dtype_or_default(type));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  if (operators_running == 0) {
    const std::lock_guard lock(queue().mutex);
    if (!is_pretended(to)) ++queue().counts.to_host;
    if (!is_pretended(from)) ++queue().counts.to_device;
    const bool between = is_pretended(from) && is_pretended(to);
    if (!between && !non_blocking) queue().synchronise();
    if (!is_pretended(from) && non_blocking) queue().copies.push_back({from, from.clone()});
  }
  const InsideOperator inside;
  const Opened source(from);
  const Opened target(to);
  target.on_cpu().copy_(source.on_cpu());
  return to;
}

at::Tensor as_strided(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride,
                      c10::optional<std::int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, size, stride, offset);
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef size) {
  return at::native::view(self, size);
}

at::Tensor reshape_alias(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride) {
  return at::native::_reshape_alias(self, size, stride);
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size,
                         c10::optional<at::MemoryFormat> format) {
  return at::native::resize_(self, size, format);
}

/// The arguments of one call of an operator, on the CPU.
class Arguments {
 public:
  explicit Arguments(Stack& values) {
    for (c10::IValue& value : values) value = opened(value);
  }

  /// What an operator returned, on the device: an argument itself, or a tensor of its own.
  c10::IValue on_device(const c10::IValue& value) const {
    if (value.isTensor()) return on_device(value.toTensor());
    if (!value.isTensorList()) return value;
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(on_device(tensor));
    return list;
  }

  /// Tensors without elements that the operator gave some.
  void take_back_resized() const {
    for (const Opened& argument : opened_) {
      if (argument.tensor().sizes() == argument.on_cpu().sizes()) continue;
      argument.tensor().resize_(argument.on_cpu().sizes());
      argument.tensor().copy_(argument.on_cpu());
    }
  }

 private:
  at::Tensor opened(const at::Tensor& tensor) {
    if (!is_pretended(tensor)) return tensor;
    return opened_.emplace_back(tensor).on_cpu();
  }

  c10::IValue opened(const c10::IValue& value) {
    if (value.isTensor()) return opened(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(opened(tensor));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<c10::optional<at::Tensor>> list;
      for (const c10::optional<at::Tensor> tensor : value.toOptionalTensorList()) {
        list.push_back(tensor ? c10::make_optional(opened(*tensor)) : tensor);
      }
      return list;
    }
    if (value.isDevice()) return c10::IValue(at::Device(at::kCPU));
    return value;
  }

  at::Tensor on_device(const at::Tensor& tensor) const {
    if (!tensor.defined()) return tensor;
    for (const Opened& argument : opened_) {
      if (tensor.is_same(argument.on_cpu())) return argument.tensor();
      TORCH_CHECK(!tensor.is_alias_of(argument.on_cpu()), "a view");
    }
    return tensor.to(pretended_device());
  }

  std::vector<Opened> opened_;
};

/// An operator on the CPU. LibTorch's own cpu_fallback() writes no list of tensors in place (1.13).
void call_on_cpu(const c10::OperatorHandle& op, Stack* stack) {
  const InsideOperator inside;
  const auto count = op.schema().arguments().size();
  Stack values(std::prev(stack->end(), static_cast<std::ptrdiff_t>(count)), stack->end());
  torch::jit::drop(*stack, count);
  const Arguments arguments(values);
  op.callBoxed(&values);
  arguments.take_back_resized();
  const std::lock_guard lock(queue().mutex);
  ++queue().counts.operators;
  for (const c10::IValue& value : values) {
    if (!value.isTensor() && !value.isTensorList()) queue().synchronise();
    try {
      stack->push_back(arguments.on_device(value));
    } catch (const c10::Error&) {
      TORCH_CHECK(false, op.schema(), " returns a view, and needs a kernel");
    }
  }
  // The host has to know how many there are.
  if (op.schema().name() == "aten::nonzero" || op.schema().name() == "aten::masked_select") {
    queue().synchronise();
  }
}

c10::OperatorHandle find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
}

/// LibTorch 1.13 has no transposed convolution of bfloat16 on a CPU: `call` is in float32.
void in_float(Stack* stack, std::size_t arguments, const std::function<void()>& call) {
  const auto first = stack->end() - static_cast<std::ptrdiff_t>(arguments);
  const at::ScalarType type = first->toTensor().scalar_type();
  const auto convert = [](c10::IValue& value, at::ScalarType to) {
    if (value.isTensor() && value.toTensor().defined()) value = value.toTensor().to(to);
  };
  if (type != at::kBFloat16) return call();
  const std::size_t below = stack->size() - arguments;
  std::for_each(first, stack->end(), [&](c10::IValue& value) { convert(value, at::kFloat); });
  call();
  std::for_each(stack->begin() + static_cast<std::ptrdiff_t>(below), stack->end(),
                [&](c10::IValue& value) { convert(value, type); });
}

/// With the arguments of aten::convolution.
void convolution(const c10::OperatorHandle& op, Stack* stack) {
  in_float(stack, op.schema().arguments().size(),
           [&] { call_on_cpu(find("aten::convolution"), stack); });
}

/// With those of aten::convolution_backward but for the bias's size, which comes fourth there.
void convolution_backward(const c10::OperatorHandle& op, Stack* stack) {
  const std::size_t arguments = op.schema().arguments().size();
  in_float(stack, arguments, [&] {
    const auto first = stack->end() - static_cast<std::ptrdiff_t>(arguments);
    const std::int64_t channels = first->toTensor().size(1);
    const bool has_bias = stack->back().toBoolList().get(2);
    stack->insert(first + 3, has_bias ? c10::IValue(std::vector{channels}) : c10::IValue());
    call_on_cpu(find("aten::convolution_backward"), stack);
  });
}

at::Scalar local_scalar(const at::Tensor& self) {
  const std::lock_guard lock(queue().mutex);
  ++queue().counts.to_host;
  queue().synchronise();
  const InsideOperator inside;
  const Opened opened(self);
  return opened.on_cpu().item();
}

#if TORCH_VERSION_MAJOR >= 2
/// LibTorch 2 asks for the current accelerator, which has to have a name and these.
struct PretendedHooks : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex /*index*/) const override { return true; }
  bool isPinnedPtr(const void* /*data*/) const override { return false; }
};

const bool is_registered = [] {
  c10::register_privateuse1_backend("pretended");
  at::RegisterPrivateUse1HooksInterface(new PretendedHooks);
  return true;
}();

/// One device with one stream, whose events have always happened.
struct PretendedGuard final : c10::impl::NoOpDeviceGuardImpl<at::kPrivateUse1> {
  c10::Device exchangeDevice(c10::Device /*device*/) const override { return pretended_device(); }
  c10::Device getDevice() const override { return pretended_device(); }
  c10::Stream getStream(c10::Device /*device*/) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, pretended_device());
  }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
  void record(void** /*event*/, const c10::Stream& /*stream*/, c10::DeviceIndex /*device*/,
              c10::EventFlag /*flag*/) const override {}
  void block(void* /*event*/, const c10::Stream& /*stream*/) const override {}
  bool queryEvent(void* /*event*/) const override { return true; }
  void destroyEvent(void* /*event*/, c10::DeviceIndex /*device*/) const noexcept override {}
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, PretendedGuard);
#else
C10_REGISTER_GUARD_IMPL(PrivateUse1, c10::impl::NoOpDeviceGuardImpl<at::kPrivateUse1>);
#endif

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&call_on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("as_strided", &as_strided);
  library.impl("view", &view);
  library.impl("_reshape_alias", &reshape_alias);
  library.impl("resize_", &resize);
  library.impl("_local_scalar_dense", &local_scalar);
  library.impl("convolution_overrideable",
               torch::CppFunction::makeFromBoxedFunction<&convolution>());
  library.impl("convolution_backward_overrideable",
               torch::CppFunction::makeFromBoxedFunction<&convolution_backward>());
}

}  // namespace

DeviceCounts device_counts() {
  const std::lock_guard lock(queue().mutex);
  queue().wait();
  return queue().counts;
}

void reset_device_counts() {
  const std::lock_guard lock(queue().mutex);
  queue().wait();
  queue().counts = {};
}

std::int64_t device_memory() { return memory().held(); }

}  // namespace dcgan::testing
