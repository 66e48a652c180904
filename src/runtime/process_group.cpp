#include "runtime/process_group.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {

torch::Tensor tree_sum(std::vector<torch::Tensor> tensors) {
  for (std::size_t step = 1; step < tensors.size(); step *= 2) {
    for (std::size_t i = 0; i + step < tensors.size(); i += 2 * step) {
      tensors[i].add_(tensors[i + step]);
    }
  }
  return tensors.front();
}

#ifdef USE_C10D_GLOO

struct ProcessGroup::Impl {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string read_key(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

/// Most meetings take less than a sleeping core takes to wake up: it stays awake for a while.
template <typename Work>
void wait_for(Work& work) {
  constexpr std::chrono::milliseconds kAwake{50};
  const auto start = std::chrono::steady_clock::now();
  while (!work.isCompleted() && std::chrono::steady_clock::now() - start < kAwake) {
    std::this_thread::yield();
  }
  work.wait();
}

/// "127.0.0.1" where all are on one machine, whatever its name resolves to; elsewhere
/// GLOO_SOCKET_IFNAME, as in PyTorch, or the address of the machine's name.
std::shared_ptr<gloo::transport::Device> make_device(const Launch& launch) {
  using Gloo = c10d::ProcessGroupGloo;
  if (launch.local_size == launch.size) return Gloo::createDeviceForHostname("127.0.0.1");
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");
  return interface == nullptr ? Gloo::createDefaultDevice()
                              : Gloo::createDeviceForInterface(interface);
}

Error nobody_there(const Launch& launch, std::chrono::seconds timeout, const std::string& why) {
  const std::string place = fmt::format("{}:{}", launch.address, launch.port);
  if (launch.rank == 0) {
    return failure(fmt::format("rank 0 met not all of the {} processes within {} s ({})",
                               launch.size, timeout.count(), why))
        .in(place)
        .remedy("start all of them, and set another MASTER_PORT where this one is taken");
  }
  return failure(
             fmt::format("rank {} met nobody within {} s ({})", launch.rank, timeout.count(), why))
      .in(place)
      .remedy("check MASTER_ADDR and MASTER_PORT, and that rank 0 runs");
}

}  // namespace

ProcessGroup::ProcessGroup(const Launch& launch, std::chrono::seconds timeout)
    : launch_(launch), impl_(std::make_unique<Impl>()) {
  std::signal(SIGPIPE, SIG_IGN);  // Gloo writes to ranks that may be gone
  const auto rank = static_cast<int>(launch.rank);
  const auto size = static_cast<int>(launch.size);
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = launch.rank == 0;
    options.timeout = timeout;
    options.waitWorkers = false;
    impl_->store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
    const auto gloo = c10d::ProcessGroupGloo::Options::create(timeout);
    gloo->devices = {make_device(launch)};
    impl_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(impl_->store, rank, size, gloo);
  } catch (const std::exception& error) {
    throw nobody_there(launch, timeout, first_line(error.what()));
  }
}

/// The store ends with rank 0: after a failure it stays until the others have read it.
ProcessGroup::~ProcessGroup() {
  if (impl_->gloo != nullptr || !leads()) return;
  constexpr std::chrono::seconds kLeave{1};
  std::this_thread::sleep_for(kLeave);
}

template <typename Meet>
void ProcessGroup::meet(const Meet& work) {
  try {
    if (impl_->gloo == nullptr) throw failure("the processes have parted");
    work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    blame(first_line(error.what()));
  }
}

/// Closes the connections, so that all notice at once, and asks who is left.
void ProcessGroup::blame(const std::string& problem) {
  constexpr std::chrono::milliseconds kPause{50};
  constexpr int kTries = 60;
  impl_->gloo.reset();
  std::string told;
  std::string missing;
  try {
    impl_->store->set(fmt::format("left{}", rank()), std::vector<std::uint8_t>{1});
    for (int i = 0; i < kTries; ++i) {
      missing.clear();
      for (std::int64_t other = 0; other < size(); ++other) {
        if (impl_->store->check({fmt::format("told{}", other)}) && other != rank()) {
          told = fmt::format("rank {}: {}", other,
                             read_key(*impl_->store, fmt::format("told{}", other)));
        } else if (!impl_->store->check({fmt::format("left{}", other)})) {
          missing += fmt::format("{}{}", missing.empty() ? "" : ", ", other);
        }
      }
      if (!told.empty() || missing.empty()) break;
      std::this_thread::sleep_for(kPause);
    }
  } catch (const std::exception&) {
    missing = "0";  // the store's
  }
  if (!told.empty()) throw failure(told).remedy("see its own message");
  if (missing.empty()) throw failure("the processes lost each other (" + problem + ")");
  throw failure(
      fmt::format("rank {} of {} does not answer: it has ended or hangs", missing, size()))
      .remedy("see its own messages; a run goes on from its last checkpoint with --resume");
}

void ProcessGroup::tell(const std::string& problem) noexcept {
  try {
    if (impl_->gloo == nullptr) return;
    impl_->store->set(fmt::format("told{}", rank()), bytes_of(problem));
    impl_->gloo.reset();
  } catch (const std::exception&) {  // then they learn that it is gone
  }
}

std::vector<torch::Tensor> ProcessGroup::gather(const torch::Tensor& tensor) {
  std::vector<torch::Tensor> inputs{tensor.detach().to(torch::kCPU).contiguous()};
  std::vector<std::vector<torch::Tensor>> outputs(1);
  for (std::int64_t i = 0; i < size(); ++i) outputs[0].push_back(at::empty_like(inputs[0]));
  meet([&] { wait_for(*impl_->gloo->allgather(outputs, inputs)); });
  bytes_sent_ += (size() - 1) * static_cast<std::int64_t>(inputs[0].nbytes());
  for (torch::Tensor& output : outputs[0]) output = output.to(tensor.device());
  return outputs[0];
}

void ProcessGroup::sum(const torch::Tensor& numbers) {
  constexpr std::int64_t kSmall = 1 << 14;  // one meeting, where its time is that of the way
  const std::int64_t count = numbers.numel();
  if (size() == 2 && numbers.is_cpu()) {  // there is but one order
    std::vector<torch::Tensor> tensors{numbers};
    meet([&] { wait_for(*impl_->gloo->allreduce(tensors)); });
    bytes_sent_ += static_cast<std::int64_t>(numbers.nbytes());
    return;
  }
  if (count < kSmall) {
    numbers.copy_(tree_sum(gather(numbers)));
    return;
  }
  // Each process adds up a slice of all.
  const std::int64_t slice = (count + size() - 1) / size();
  torch::Tensor mine = at::zeros({size() * slice}, numbers.options().device(torch::kCPU));
  mine.narrow(0, 0, count).copy_(numbers.detach().view(-1));
  torch::Tensor slices = at::empty_like(mine);
  std::vector<std::int64_t> even;
  meet([&] { wait_for(*impl_->gloo->alltoall_base(slices, mine, even, even)); });
  bytes_sent_ += (size() - 1) * slice * static_cast<std::int64_t>(mine.element_size());
  const torch::Tensor sums = at::cat(gather(tree_sum(slices.view({size(), slice}).unbind())));
  numbers.copy_(sums.narrow(0, 0, count).view(numbers.sizes()));
}

void ProcessGroup::require_same(const std::string& what, const std::string& value) {
  constexpr std::int64_t kBytes = 64;
  const torch::Tensor own = at::zeros({kBytes}, at::kByte);
  std::memcpy(own.data_ptr(), value.data(), std::min<std::size_t>(value.size(), kBytes - 1));
  const std::vector<torch::Tensor> all = gather(own);
  for (std::int64_t other = 0; other < size(); ++other) {
    const torch::Tensor& theirs = all[static_cast<std::size_t>(other)];
    if (at::equal(own, theirs)) continue;
    throw failure(fmt::format("rank {} and rank {} differ in their {} ({} and {})", rank(), other,
                              what, value, static_cast<const char*>(theirs.data_ptr())))
        .remedy(fmt::format("start all processes with the same {}", what));
  }
}

#else  // no c10d

struct ProcessGroup::Impl {};

ProcessGroup::ProcessGroup(const Launch& /*launch*/, std::chrono::seconds /*timeout*/) {
  throw failure("this build of dcgan trains in one process alone")
      .remedy("install libgloo-dev and a LibTorch with c10d, and build it again");
}
ProcessGroup::~ProcessGroup() = default;
std::vector<torch::Tensor> ProcessGroup::gather(const torch::Tensor& tensor) { return {tensor}; }
void ProcessGroup::sum(const torch::Tensor& /*numbers*/) {}
void ProcessGroup::require_same(const std::string& /*what*/, const std::string& /*value*/) {}
void ProcessGroup::tell(const std::string& /*problem*/) noexcept {}

#endif

}  // namespace dcgan
