#include "runtime/process_group.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "runtime/backend.h"
#endif

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"
#include "runtime/cuda_library.h"

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

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string read_key(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> bytes = store.get(key);
  return {bytes.begin(), bytes.end()};
}

using Clock = std::chrono::steady_clock;

/// Connections to all others: Gloo's, between CPUs, or NCCL's, between GPUs. The collectives of one
/// are in one order on all processes.
class Channel {
 public:
  Channel(c10::intrusive_ptr<Backend> backend, const Launch& launch, torch::Device device,
          bool stays_awake)
      : size_(launch.size),
        one_machine_(launch.local_size == launch.size),
        stays_awake_(stays_awake),
        device_(device),
        backend_(std::move(backend)) {}

  std::vector<torch::Tensor> gather(const torch::Tensor& tensor) {
    const torch::Tensor own = tensor.detach().to(device_).unsqueeze(0);
    return exchange(to_all(own))[0].to(tensor.device()).unbind();
  }

  void sum(const torch::Tensor& numbers) {
    if (device_.is_cuda()) {
      begin_all_reduce(numbers)->wait();
      return;
    }
    // Of two on one machine each sends the other all: no more bytes than in slices, one message
    // less.
    constexpr std::int64_t kSmall = 1 << 14;  // where a message's time is that of the way
    const std::int64_t count = numbers.numel();
    if (count < kSmall || (one_machine_ && size_ == 2)) {
      numbers.copy_(tree_sum(gather(numbers)));
      return;
    }
    // Each process adds up a slice of each segment. Through a network Gloo receives little while it
    // sends a large message (bench/hosts.py, two hosts at 0.1 Gbit/s: 74 images/s in one, 116 in
    // pieces). Within a machine more messages cost more.
    constexpr std::int64_t kMessage = 1 << 16;
    const std::int64_t message = one_machine_ ? count : kMessage;
    const std::int64_t segments = (count - 1) / (size_ * message) + 1;
    const std::int64_t slice = (count - 1) / (segments * size_) + 1;
    const torch::Tensor all =
        at::zeros({segments, size_, slice}, numbers.options().device(torch::kCPU));
    all.view(-1).narrow(0, 0, count).copy_(numbers.detach().view(-1));
    const torch::Tensor sums = exchange(to_all(tree_sum(exchange(all).unbind(1))));
    numbers.copy_(sums.view(-1).narrow(0, 0, count).view(numbers.sizes()));
  }

  /// NCCL's own sum, in its order: the same bits in all processes, not at every number of them.
  c10::intrusive_ptr<c10d::Work> begin_all_reduce(const torch::Tensor& numbers) {
    std::vector<torch::Tensor> tensors{numbers.detach()};
    bytes_sent_ += static_cast<std::int64_t>(numbers.nbytes()) * 2 * (size_ - 1) / size_;
    return backend_->allreduce(tensors);
  }

  std::int64_t bytes_sent() const { return bytes_sent_; }
  Clock::duration busy() const { return Clock::duration(busy_); }

 private:
  /// [segments, ...] as exchange() takes it: [segments, size, ...].
  torch::Tensor to_all(const torch::Tensor& segments) const {
    return at::stack(std::vector<torch::Tensor>(static_cast<std::size_t>(size_), segments), 1);
  }

  /// Of each segment of [segments, size, ...] row i goes to rank i; row i of what returns is of
  /// rank i. One message each way, whatever the number of ranks: an all-gather of Gloo's passes
  /// them round a ring.
  torch::Tensor exchange(const torch::Tensor& rows) {
    const torch::Tensor received = at::empty_like(rows);
    std::vector<std::int64_t> even;
    const auto start = Clock::now();
    std::vector<c10::intrusive_ptr<c10d::Work>> running;
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
      torch::Tensor from = rows[i];
      torch::Tensor to = received[i];
      running.push_back(backend_->alltoall_base(to, from, even, even));
    }
    for (const auto& work : running) wait_for(*work);
    busy_ += (Clock::now() - start).count();
    bytes_sent_ += static_cast<std::int64_t>(rows.nbytes()) / size_ * (size_ - 1);
    return received;
  }

  /// Most collectives take less than a sleeping core takes to wake up: it stays awake for a while.
  void wait_for(c10d::Work& work) const {
    constexpr std::chrono::milliseconds kAwake{50};
    const auto start = Clock::now();
    while (stays_awake_ && !work.isCompleted() && Clock::now() - start < kAwake) {
      std::this_thread::yield();
    }
    work.wait();
  }

  std::int64_t size_;
  bool one_machine_;
  bool stays_awake_;
  torch::Device device_;
  c10::intrusive_ptr<Backend> backend_;
  std::atomic<std::int64_t> bytes_sent_ = 0;
  std::atomic<Clock::rep> busy_ = 0;
};

/// "127.0.0.1" where all are on one machine, whatever its name resolves to; elsewhere
/// GLOO_SOCKET_IFNAME, as in PyTorch, or the address of the machine's name.
std::shared_ptr<gloo::transport::Device> make_device(const Launch& launch) {
  using Gloo = c10d::ProcessGroupGloo;
  if (launch.local_size == launch.size) return Gloo::createDeviceForHostname("127.0.0.1");
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");
  return interface == nullptr ? Gloo::createDefaultDevice()
                              : Gloo::createDeviceForInterface(interface);
}

c10::intrusive_ptr<Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                      const Launch& launch, std::chrono::seconds timeout) {
  void* const make = find_in_cuda_library("dcgan_make_nccl");
  c10::intrusive_ptr<Backend> backend;
  reinterpret_cast<decltype(&dcgan_make_nccl)>(make)(
      store, static_cast<int>(launch.rank), static_cast<int>(launch.size), timeout, backend);
  return backend;
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

struct ProcessGroup::Impl {
  Channel& channel_for(const torch::Tensor& tensor) {
    return tensor.is_cuda() && gpus != nullptr ? *gpus : *now;
  }

  c10::intrusive_ptr<c10d::Store> store;
  std::unique_ptr<Channel> now;    ///< nothing once the processes have left each other
  std::shared_ptr<Channel> later;  ///< of begin_sum()
  std::unique_ptr<Channel> gpus;   ///< NCCL's, for tensors on a GPU; nothing where Gloo takes them
  std::shared_future<void> last;   ///< of those
};

ProcessGroup::ProcessGroup(const Launch& launch, std::chrono::seconds timeout)
    : launch_(launch), timeout_(timeout), impl_(std::make_unique<Impl>()) {
  std::signal(SIGPIPE, SIG_IGN);  // Gloo writes to ranks that may be gone
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = launch.rank == 0;
    options.timeout = timeout;
    options.waitWorkers = false;
    impl_->store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
    const auto gloo = c10d::ProcessGroupGloo::Options::create(timeout);
    gloo->devices = {make_device(launch)};
    const auto connect = [&](const c10::intrusive_ptr<c10d::Store>& store) {
      return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(launch.rank),
                                                         static_cast<int>(launch.size), gloo);
    };
    impl_->now = std::make_unique<Channel>(connect(impl_->store), launch, torch::kCPU,
                                           /*stays_awake=*/true);
    const auto prefixed = c10::make_intrusive<c10d::PrefixStore>("later", impl_->store);
    impl_->later = std::make_shared<Channel>(connect(prefixed), launch, torch::kCPU,
                                             /*stays_awake=*/false);
  } catch (const std::exception& error) {
    throw nobody_there(launch, timeout, first_line(error.what()));
  }
}

std::string ProcessGroup::use_gpus(torch::Device device) {
  if (!device.is_cuda()) return "";
  std::string problem;
  // All or none, before one waits for another: an empty problem is nobody's.
  const auto agree = [&] {
    const torch::Tensor fails = at::full({1}, problem.empty() ? 0.0F : 1.0F);
    sum(fails);
    return fails.item<float>() == 0;
  };
  std::unique_ptr<Channel> gpus;
  try {
    gpus = std::make_unique<Channel>(
        make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", impl_->store), launch_, timeout_),
        launch_, device, /*stays_awake=*/false);
  } catch (const std::exception& error) {
    problem = first_line(error.what());
  }
  bool starts = agree();
  if (starts) {
    try {
      gpus->sum(at::ones({1}, device));  // connects
    } catch (const std::exception& error) {
      problem = first_line(error.what());
    }
    starts = agree();
  }
  if (starts) {
    impl_->gpus = std::move(gpus);
    return "";
  }
  return problem.empty() ? "another process can't start it" : problem;
}

/// The store ends with rank 0: after a failure it stays until the others have read it.
ProcessGroup::~ProcessGroup() {
  if (impl_->now != nullptr || !leads()) return;
  constexpr std::chrono::seconds kLeave{1};
  std::this_thread::sleep_for(kLeave);
}

template <typename Work>
void ProcessGroup::run_collective(const Work& work) {
  try {
    if (impl_->now == nullptr) throw failure("the processes have left each other");
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
  disconnect();
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
    if (impl_->now == nullptr) return;
    impl_->store->set(fmt::format("told{}", rank()), bytes_of(problem));
    disconnect();
  } catch (const std::exception&) {  // then they learn that it is gone
  }
}

std::vector<torch::Tensor> ProcessGroup::gather(const torch::Tensor& tensor) {
  std::vector<torch::Tensor> tensors;
  run_collective([&] { tensors = impl_->channel_for(tensor).gather(tensor); });
  return tensors;
}

void ProcessGroup::sum(const torch::Tensor& numbers) {
  run_collective([&] { impl_->channel_for(numbers).sum(numbers); });
}

std::future<void> ProcessGroup::begin_sum(const torch::Tensor& numbers) {
  if (numbers.is_cuda() && impl_->gpus != nullptr) {  // NCCL has a stream of its own
    c10::intrusive_ptr<c10d::Work> work;
    run_collective([&] { work = impl_->gpus->begin_all_reduce(numbers); });
    return std::async(std::launch::deferred,
                      [this, work] { run_collective([&] { work->wait(); }); });
  }
  if (!numbers.is_cpu()) {  // another thread would not wait for the device
    return std::async(std::launch::deferred, [this, numbers] { sum(numbers); });
  }
  const auto work = [channel = impl_->later, numbers, before = impl_->last] {
    if (before.valid()) before.get();
    channel->sum(numbers);
  };
  impl_->last = std::async(std::launch::async, work).share();
  return std::async(std::launch::deferred, [this, running = impl_->last] {
    const auto start = Clock::now();
    run_collective([&] { running.get(); });
    waited_ += Clock::now() - start;
  });
}

std::int64_t ProcessGroup::bytes_sent() const {
  if (impl_->now == nullptr) return 0;
  return impl_->now->bytes_sent() + impl_->later->bytes_sent() +
         (impl_->gpus == nullptr ? 0 : impl_->gpus->bytes_sent());
}

double ProcessGroup::hidden_share() const {
  if (impl_->now == nullptr) return 0;
  const auto later = std::chrono::duration<double>(impl_->later->busy());
  const auto all = later + impl_->now->busy();
  return all.count() > 0 ? std::max(0.0, (later - waited_) / all) : 0;
}

void ProcessGroup::disconnect() {
  impl_->now.reset();
  impl_->later.reset();
  impl_->gpus.reset();
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
std::future<void> ProcessGroup::begin_sum(const torch::Tensor& /*numbers*/) { return {}; }
std::int64_t ProcessGroup::bytes_sent() const { return 0; }
double ProcessGroup::hidden_share() const { return 0; }
std::string ProcessGroup::use_gpus(torch::Device /*device*/) { return ""; }
void ProcessGroup::require_same(const std::string& /*what*/, const std::string& /*value*/) {}
void ProcessGroup::tell(const std::string& /*problem*/) noexcept {}

#endif

}  // namespace dcgan
