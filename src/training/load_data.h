// Reading a data set in front of the user: a bar while it takes long, and warnings.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/stop.h"
#include "data/dataset.h"
#include "dcgan/config.h"
#include "training/log.h"

namespace dcgan {

/// Says how far the preparation of images is, once it takes more than a second: a bar on a
/// terminal, elsewhere a line every ten seconds. Ctrl-C throws `stopped` while it lives.
class PrepareBar {
 public:
  explicit PrepareBar(Log& log) : log_(log) {}
  ~PrepareBar() { log_.show_bar(""); }
  PrepareBar(const PrepareBar&) = delete;
  PrepareBar& operator=(const PrepareBar&) = delete;

  /// A PrepareProgress, by std::ref().
  void operator()(std::int64_t done, std::int64_t total);

  /// Throws `stopped` where there was a Ctrl-C that nothing has noticed.
  void check_stop() const;

 private:
  using Clock = std::chrono::steady_clock;

  Log& log_;
  const StopSignal stop_;
  const Clock::time_point start_ = Clock::now();
  std::int64_t lines_ = 0;
  bool waited_ = false;
};

/// load_dataset(), with a PrepareBar, a note on files of other kinds and warnings for damaged files
/// and images without contrast. Throws what load_dataset() throws.
Dataset load_dataset(const DataConfig& data, Log& log);

}  // namespace dcgan
