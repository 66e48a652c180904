#include "gan/parts.h"

#include <condition_variable>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <semaphore>
#include <thread>
#include <utility>

#include "runtime/torch.h"

namespace dcgan {

/// Where this process's parts add up.
class Parts::Barrier {
 public:
  Barrier(const PartsHere& here, ProcessGroup* group)
      : group_(group),
        numbers_(static_cast<std::size_t>(here.count)),
        turns_(static_cast<std::ptrdiff_t>(here.at_once)) {}

  /// A part computes between these two, but for its waits.
  void begin_turn() { turns_.acquire(); }
  void end_turn() { turns_.release(); }

  std::int64_t parts_in_all() const {
    return static_cast<std::int64_t>(numbers_.size()) * (group_ == nullptr ? 1 : group_->size());
  }

  void sum(std::int64_t part, const torch::Tensor& numbers) {
    if (numbers_.size() == 1) {
      if (group_ != nullptr) group_->sum(numbers);
      return;
    }
    numbers_[static_cast<std::size_t>(part)] = numbers;
    arrive_and_wait([this] {
      sum_ = tree_sum(numbers_).clone();
      if (group_ != nullptr) group_->sum(sum_);
    });
    numbers.copy_(sum_);  // the next sum is made when all have come back
  }

  /// The other processes, where this one has but one part.
  ProcessGroup* others_of_only_part() const { return numbers_.size() == 1 ? group_ : nullptr; }

  /// The first part's `work`, which has all that belongs to no part.
  void once(std::int64_t part, const std::function<void()>& work) {
    if (part == 0) work_ = &work;
    arrive_and_wait([this] { (*work_)(); });
  }

  /// Sends the other parts home.
  void fail(std::exception_ptr failure) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failure_ == nullptr) failure_ = std::move(failure);
    all_present_.notify_all();
  }

 private:
  /// All parts wait for each other; the last to come does `work`.
  void arrive_and_wait(const std::function<void()>& work) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (++present_ == numbers_.size()) {
      try {
        work();
      } catch (...) {
        failure_ = std::current_exception();
      }
      present_ = 0;
      ++generation_;
      all_present_.notify_all();
    } else {
      const std::int64_t generation = generation_;
      end_turn();
      all_present_.wait(lock, [&] { return generation_ != generation || failure_ != nullptr; });
      lock.unlock();
      begin_turn();
      lock.lock();
    }
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

  ProcessGroup* group_;
  std::mutex mutex_;
  std::condition_variable all_present_;
  std::vector<torch::Tensor> numbers_;  ///< by part
  std::counting_semaphore<> turns_;
  torch::Tensor sum_;
  const std::function<void()>* work_ = nullptr;
  std::size_t present_ = 0;
  std::int64_t generation_ = 0;
  std::exception_ptr failure_;
};

class Parts::PartReducer : public Reducer {
 public:
  PartReducer(Barrier& barrier, std::int64_t part) : barrier_(barrier), part_(part) {}

  std::int64_t parts() const override { return barrier_.parts_in_all(); }
  void sum(const torch::Tensor& numbers) override {
    const torch::NoGradGuard no_grad;
    barrier_.sum(part_, numbers);
  }
  std::future<void> begin_sum(const torch::Tensor& numbers) override {
    ProcessGroup* const group = barrier_.others_of_only_part();
    return group != nullptr ? group->begin_sum(numbers) : Reducer::begin_sum(numbers);
  }
  void once(const std::function<void()>& work) override { barrier_.once(part_, work); }

 private:
  Barrier& barrier_;
  std::int64_t part_;
};

/// A thread that does one thing after another, each by itself.
class Parts::Worker {
 public:
  explicit Worker(int threads) : thread_([this, threads] { run(threads); }) {}
  ~Worker() { start({}).wait(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// An empty `work` ends the thread.
  std::future<StepStats> start(std::function<StepStats()> work) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = !work;
    work_ = std::packaged_task<StepStats()>(ends_ ? [] { return StepStats(); } : std::move(work));
    there_is_work_.notify_one();
    return work_.get_future();
  }

 private:
  void run(int threads) {
    at::set_num_threads(threads);
    std::unique_lock<std::mutex> lock(mutex_);
    for (bool ends = false; !ends;) {
      there_is_work_.wait(lock, [&] { return work_.valid(); });
      std::packaged_task<StepStats()> work = std::move(work_);
      ends = ends_;
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::packaged_task<StepStats()> work_;
  bool ends_ = false;
  std::jthread thread_;  ///< last: it uses all the others
};

Parts::Parts(TrainState& state, const PartsHere& here, ProcessGroup* group)
    : first_(state), barrier_(std::make_unique<Barrier>(here, group)) {
  const std::int64_t first = group == nullptr ? 0 : group->rank() * here.count;
  for (std::int64_t i = 0; i < here.count; ++i) {
    reducers_.push_back(std::make_unique<PartReducer>(*barrier_, i));
    TrainState* part = &state;
    if (i > 0) {
      others_.push_back(std::make_unique<TrainState>(state_of_part(state, first + i)));
      part = others_.back().get();
    }
    part->reducer = reducers_.back().get();
  }
  state.part = first;
  if (!here.a_thread_each && here.count == 1) return;
  const int threads = at::get_num_threads();
  for (std::int64_t i = 0; i < here.count; ++i) {
    workers_.push_back(std::make_unique<Worker>(here.a_thread_each ? 1 : threads));
  }
  at::set_num_threads(threads);  // what LibTorch notes for threads to come
}

Parts::~Parts() { first_.reducer = nullptr; }

StepStats Parts::step(const torch::Tensor& real, const torch::Tensor& labels,
                      const torch::Tensor& latents) {
  if (workers_.empty()) return train_step(first_, real, labels, latents);
  const auto count = static_cast<std::int64_t>(workers_.size());
  const std::int64_t images = real.size(0) / count;
  std::vector<std::future<StepStats>> running;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto part_of = [&](const torch::Tensor& tensor) {
      return tensor.defined() ? tensor.narrow(0, i * images, images) : tensor;
    };
    TrainState& state = i == 0 ? first_ : *others_[static_cast<std::size_t>(i - 1)];
    const auto work = [this, &state, x = part_of(real), y = part_of(labels), z = part_of(latents)] {
      barrier_->begin_turn();
      try {
        StepStats stats = train_step(state, x, y, z);
        barrier_->end_turn();
        return stats;
      } catch (...) {
        barrier_->end_turn();
        barrier_->fail(std::current_exception());
        throw;
      }
    };
    running.push_back(workers_[static_cast<std::size_t>(i)]->start(work));
  }
  for (std::future<StepStats>& part : running) part.wait();
  StepStats stats = running.front().get();
  std::vector<torch::Tensor> fakes{stats.fake};
  fakes.reserve(running.size());
  for (std::size_t i = 1; i < running.size(); ++i) fakes.push_back(running[i].get().fake);
  stats.fake = torch::cat(fakes);
  return stats;
}

}  // namespace dcgan
