// Ctrl-C, SIGTERM and the like as a request to stop, instead of a death.
#pragma once

namespace dcgan {

/// While one of these lives, the first SIGINT or SIGTERM sets a flag; a second one ends the process
/// as the system would. SIGHUP, unless it was ignored before, and SIGXCPU set the flag, however
/// many come. One at a time in a process.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;
};

}  // namespace dcgan
