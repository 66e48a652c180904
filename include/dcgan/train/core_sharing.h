// Training beside other programs: a team of threads that all cores are needed for gets each of them
// only half the time, and at the end of every loop waits for the thread whose turn comes last.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "dcgan/kernels/parallel.h"

namespace dcgan {

/// Seconds since some start; only differences of two readings mean anything.
struct CoreTimes {
  double wall = 0;
  double waited = 0;         ///< the calling thread was ready to run and had no core
  std::vector<double> idle;  ///< of each core asked for, in their order
};

/// Reads /proc: of the calling thread, and of `cores` as the kernel numbers them. Nothing where the
/// system doesn't tell.
std::optional<CoreTimes> read_core_times(const std::vector<int>& cores);

/// Keeps the threads of LibTorch's loops together on half of their cores while other programs want
/// all of them. The kernel's balance then gives the other half to those programs, and ours share
/// their half among themselves: one that has finished its part of a loop leaves its core to one
/// that has not, where it would leave it to a stranger (the gang scheduling of Ousterhout, 1982,
/// without the kernel's help). Which half is drawn each time: two trainings that take the same one
/// see the other idle, part and draw again. A thread that spins would keep its core from the one it
/// waits for, so meanwhile they don't. What is computed stays the same to the bit.
class CoreSharing {
 public:
  using Reader = std::function<std::optional<CoreTimes>(const std::vector<int>&)>;

  /// For the calling thread's cores and a team of `threads`; reads once in an `interval`. Does
  /// nothing on a single core, for a team that half of the cores have room for, for one larger than
  /// the cores (its threads wait for each other anyway), and where the system doesn't tell or
  /// doesn't allow it.
  explicit CoreSharing(std::int64_t threads, Reader read = read_core_times,
                       std::chrono::milliseconds interval = std::chrono::milliseconds(250));
  ~CoreSharing();  ///< gives the threads their cores back
  CoreSharing(const CoreSharing&) = delete;
  CoreSharing& operator=(const CoreSharing&) = delete;

  /// For the team's first thread, as often as it likes. Together, when the thread waited for a
  /// fifth of the time and the cores were idle for less than a tenth of it; apart again, when the
  /// cores that were left were idle for a third.
  void look();

  bool together() const { return together_; }
  std::int64_t cores() const { return static_cast<std::int64_t>(cores_.size()); }
  std::int64_t half() const { return cores() / 2; }

 private:
  void bring_together();
  void part();
  /// The mean share of the time from `before` to `now` that the cores were idle, those left out
  /// which the team is together on.
  double idle_share(const CoreTimes& before, const CoreTimes& now) const;

  std::int64_t threads_;
  std::vector<int> cores_;  ///< empty: nothing to do
  Reader read_;
  std::chrono::milliseconds interval_;
  bool together_ = false;
  std::optional<SecondTeam> sleepers_;  ///< while together, for its effect on the first
  std::int64_t first_ = 0;              ///< of the half in use, a place in cores_
  std::minstd_rand random_;
  std::chrono::steady_clock::time_point next_;
  std::optional<CoreTimes> before_;
};

}  // namespace dcgan
