#include "dcgan/train/core_sharing.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "dcgan/base/text.h"
#include "dcgan/kernels/parallel.h"

namespace dcgan {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kInterval = std::chrono::milliseconds(250);
constexpr double kContended = 0.2;    // of the time without a core: others want it
constexpr double kFull = 0.1;         // idle for less than this: no core has room
constexpr double kDeserted = 1. / 3;  // idle for more than this: the others are gone

cpu_set_t set_of(const std::vector<int>& cores, std::size_t count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (std::size_t i = 0; i < count; ++i) CPU_SET(cores[i], &set);
  return set;
}

/// The mean share of the time between two readings that cores `first` and later were idle.
double idle_share(const CoreTimes& before, const CoreTimes& now, std::size_t first) {
  double idle = 0;
  for (std::size_t i = first; i < now.idle.size(); ++i) idle += now.idle[i] - before.idle[i];
  const auto cores = static_cast<double>(now.idle.size() - first);
  return idle / cores / (now.wall - before.wall);
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
  double ran = 0, waited = 0;  // ns
  std::ifstream schedstat("/proc/thread-self/schedstat");
  if (!(schedstat >> ran >> waited)) return std::nullopt;
  auto idle = read_idle(cores);
  if (!idle) return std::nullopt;
  const double wall = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  return CoreTimes{wall, waited * 1e-9, std::move(*idle)};
}

CoreSharing::CoreSharing(std::int64_t threads, Reader read)
    : threads_(threads), read_(std::move(read)), next_(Clock::now()) {
  CPU_ZERO(&all_);
  if (sched_getaffinity(0, sizeof(all_), &all_) != 0) return;  // more cores than a cpu_set_t holds
  const std::int64_t cores = CPU_COUNT(&all_);
  if (cores < 2 || threads <= cores / 2) return;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &all_)) cores_.push_back(core);
  }
}

CoreSharing::~CoreSharing() {
  if (together_) move(all_, false);
}

void CoreSharing::look() {
  if (cores_.empty() || Clock::now() < next_) return;
  next_ = Clock::now() + kInterval;
  const std::optional<CoreTimes> now = read_(cores_);
  if (!now) return cores_.clear();
  if (before_ && now->wall > before_->wall) {
    const double waited = (now->waited - before_->waited) / (now->wall - before_->wall);
    if (!together_ && waited > kContended && idle_share(*before_, *now, 0) < kFull) {
      move(set_of(cores_, half()), true);
    } else if (together_ && idle_share(*before_, *now, half()) > kDeserted) {
      move(all_, false);
    }
  }
  before_ = now;
}

void CoreSharing::move(const cpu_set_t& set, bool together) {
  together_ = together;
  parallel_blocks(threads_,
                  [&](std::int64_t /*block*/) { sched_setaffinity(0, sizeof(set), &set); });
}

}  // namespace dcgan
