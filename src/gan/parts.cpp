#include "gan/parts.h"

#include <condition_variable>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/torch.h"

namespace dcgan {

/// Where this process's parts add up.
class Parts::Meeting {
 public:
  Meeting(std::int64_t parts, ProcessGroup* group)
      : group_(group), numbers_(static_cast<std::size_t>(parts)) {}

  std::int64_t parts_in_all() const {
    return static_cast<std::int64_t>(numbers_.size()) * (group_ == nullptr ? 1 : group_->size());
  }

  void sum(std::int64_t part, const torch::Tensor& numbers) {
    if (numbers_.size() == 1) {
      if (group_ != nullptr) group_->sum(numbers);
      return;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    numbers_[static_cast<std::size_t>(part)] = numbers;
    const std::int64_t meeting = meetings_;
    if (++present_ == numbers_.size()) {
      add_up();
    } else {
      all_present_.wait(lock, [&] { return meetings_ != meeting || failure_ != nullptr; });
    }
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    const torch::Tensor sum = sum_;
    lock.unlock();
    numbers.copy_(sum);  // the next sum is made when all have come back
  }

  /// Sends the other parts home.
  void fail(std::exception_ptr failure) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failure_ == nullptr) failure_ = std::move(failure);
    all_present_.notify_all();
  }

 private:
  void add_up() {
    try {
      const torch::NoGradGuard no_grad;
      sum_ = tree_sum(numbers_).clone();
      if (group_ != nullptr) group_->sum(sum_);
    } catch (...) {
      failure_ = std::current_exception();
    }
    present_ = 0;
    ++meetings_;
    all_present_.notify_all();
  }

  ProcessGroup* group_;
  std::mutex mutex_;
  std::condition_variable all_present_;
  std::vector<torch::Tensor> numbers_;  ///< by part
  torch::Tensor sum_;
  std::size_t present_ = 0;
  std::int64_t meetings_ = 0;
  std::exception_ptr failure_;
};

class Parts::PartReducer : public Reducer {
 public:
  PartReducer(Meeting& meeting, std::int64_t part) : meeting_(meeting), part_(part) {}

  std::int64_t parts() const override { return meeting_.parts_in_all(); }
  void sum(const torch::Tensor& numbers) override {
    const torch::NoGradGuard no_grad;
    meeting_.sum(part_, numbers);
  }

 private:
  Meeting& meeting_;
  std::int64_t part_;
};

/// A thread that does one thing after another, each by itself.
class Parts::Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
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
  void run() {
    at::set_num_threads(1);
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

Parts::Parts(TrainState& state, std::int64_t count, bool a_thread_each, ProcessGroup* group)
    : first_(state), meeting_(std::make_unique<Meeting>(count, group)) {
  const std::int64_t first = group == nullptr ? 0 : group->rank() * count;
  for (std::int64_t i = 0; i < count; ++i) {
    reducers_.push_back(std::make_unique<PartReducer>(*meeting_, i));
    TrainState* part = &state;
    if (i > 0) {
      others_.push_back(std::make_unique<TrainState>(copy_for_part(state, first + i)));
      part = others_.back().get();
    }
    part->reducer = reducers_.back().get();
  }
  state.part = first;
  if (!a_thread_each && count == 1) return;
  const int threads = at::get_num_threads();
  for (std::int64_t i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>());
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
      try {
        return train_step(state, x, y, z);
      } catch (...) {
        meeting_->fail(std::current_exception());
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
