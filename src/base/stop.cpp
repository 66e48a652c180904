#include "base/stop.h"

#include <array>
#include <csignal>

namespace dcgan {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

/// Ctrl-C, the end of a batch job, a lost connection, and a limit on processor time (ulimit -t).
constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGXCPU};

/// The next SIGINT or SIGTERM kills. The others are no impatience: a lost connection sends SIGHUP
/// twice, by the shell and by the kernel, a limit on processor time its signal each second.
void request_stop(int signal) {
  stop_requested = 1;
  if (signal != SIGINT && signal != SIGTERM) return;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

auto handler_of(int signal) {
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

}  // namespace

StopSignal::StopSignal() {
  stop_requested = 0;
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) {
    if (signal == SIGHUP && handler_of(signal) == SIG_IGN) continue;  // under nohup(1)
    sigaction(signal, &action, nullptr);
  }
}

StopSignal::~StopSignal() {
  for (const int signal : kSignals) {
    if (handler_of(signal) == request_stop) std::signal(signal, SIG_DFL);
  }
}

bool StopSignal::requested() const { return stop_requested != 0; }

}  // namespace dcgan
