// Ctrl-C, SIGTERM and SIGHUP as a request to stop, instead of a death.
#pragma once

namespace dcgan {

/// While one of these lives, the first SIGINT or SIGTERM sets a flag; a second one ends the process
/// as the system would. SIGHUP, unless it was ignored before, sets the flag, however many come. One
/// at a time in a process.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;
};

}  // namespace dcgan
