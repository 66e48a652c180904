#include "base/stop.h"

#include <csignal>

namespace dcgan {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

/// The next SIGINT or SIGTERM kills. SIGHUP is no impatience: the shell and the kernel send it
/// both.
void request_stop(int signal) {
  stop_requested = 1;
  if (signal == SIGHUP) return;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

StopSignal::StopSignal() {
  stop_requested = 0;
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  // Under nohup(1) it stays ignored.
  if (std::signal(SIGHUP, SIG_IGN) != SIG_IGN) std::signal(SIGHUP, request_stop);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  if (std::signal(SIGHUP, SIG_DFL) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
}

bool StopSignal::requested() const { return stop_requested != 0; }

}  // namespace dcgan
