#include "dcgan/train/core_sharing.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "dcgan/base/cores.h"
#include "dcgan/base/text.h"
#include "dcgan/kernels/parallel.h"

namespace dcgan {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kContended = 0.2;    // of the time without a core: others want it
constexpr double kFull = 0.1;         // idle for less than this: no core has room
constexpr double kDeserted = 1. / 3;  // idle for more than this: the others are gone

/// Whether the system lets every thread of the team run there.
bool run_on(const std::vector<int>& cores, std::int64_t threads) {
  std::atomic<bool> allowed = true;
  parallel_blocks(threads, [&](std::int64_t /*block*/) {
    if (!run_thread_on(cores)) allowed = false;
  });
  return allowed;
}

/// "cpu3 user nice system idle iowait ...", in ticks; a core that waits for a disk is free, too.
std::optional<std::vector<double>> read_idle(const std::vector<int>& cores) {
  const double tick = 1. / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream file("/proc/stat");
  std::vector<std::optional<double>> found(cores.size());
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double user = 0, nice = 0, system = 0, idle = 0, disk = 0;
    if (!(words >> name >> user >> nice >> system >> idle >> disk)) continue;
    if (name.rfind("cpu", 0) != 0) continue;
    const auto core = parse_integer(name.substr(3));
    if (!core) continue;  // the sum over all
    const auto place = std::find(cores.begin(), cores.end(), *core);
    if (place != cores.end()) found[place - cores.begin()] = (idle + disk) * tick;
  }
  std::vector<double> all;
  for (const auto& core : found) {
    if (!core) return std::nullopt;
    all.push_back(*core);
  }
  return all;
}

}  // namespace

std::optional<CoreTimes> read_core_times(const std::vector<int>& cores) {
  double ran = 0, waited = 0, turns = 0;  // ns, ns, how often
  std::ifstream schedstat("/proc/thread-self/schedstat");
  if (!(schedstat >> ran >> waited >> turns)) return std::nullopt;
  if (turns == 0) return std::nullopt;  // a kernel that doesn't count
  const double wall = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  auto idle = read_idle(cores);
  if (!idle) return std::nullopt;
  return CoreTimes{wall, waited * 1e-9, std::move(*idle)};
}

CoreSharing::CoreSharing(std::int64_t threads, Reader read, std::chrono::milliseconds interval)
    : threads_(threads),
      read_(std::move(read)),
      interval_(interval),
      random_(std::random_device()()),
      next_(Clock::now()) {
  const std::vector<int> all = cores_of_thread();
  const auto count = static_cast<std::int64_t>(all.size());
  if (count > 1 && threads > count / 2 && threads <= count) cores_ = all;
}

CoreSharing::~CoreSharing() {
  try {
    if (together_) part();
  } catch (const std::exception&) {  // there was no memory for the loop
  }
}

void CoreSharing::look() {
  if (cores_.empty() || Clock::now() < next_) return;
  next_ = Clock::now() + interval_;
  const std::optional<CoreTimes> now = read_(cores_);
  if (!now) {
    if (together_) part();
    cores_.clear();
    return;
  }
  if (before_ && now->wall > before_->wall) {
    const double waited = (now->waited - before_->waited) / (now->wall - before_->wall);
    const double idle = idle_share(*before_, *now);
    if (!together_ && waited > kContended && idle < kFull) {
      bring_together();
    } else if (together_ && idle > kDeserted) {
      part();
    }
  }
  before_ = now;
}

double CoreSharing::idle_share(const CoreTimes& before, const CoreTimes& now) const {
  double idle = 0;
  std::int64_t counted = 0;
  for (std::int64_t place = 0; place < cores(); ++place) {
    if (together_ && place >= first_ && place < first_ + half()) continue;
    idle +=
        now.idle[static_cast<std::size_t>(place)] - before.idle[static_cast<std::size_t>(place)];
    ++counted;
  }
  return idle / static_cast<double>(counted) / (now.wall - before.wall);
}

void CoreSharing::bring_together() {
  together_ = true;
  first_ = std::bernoulli_distribution()(random_) ? 0 : cores() - half();
  const auto first = cores_.begin() + first_;
  if (run_on({first, first + half()}, threads_)) {
    try {
      sleepers_.emplace();
    } catch (const std::system_error&) {  // no thread to be had: ours spin, then
    }
    return;
  }
  part();
  cores_.clear();
}

void CoreSharing::part() {
  together_ = false;
  sleepers_.reset();
  run_on(cores_, threads_);
}

}  // namespace dcgan
