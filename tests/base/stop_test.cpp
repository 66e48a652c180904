#include "base/stop.h"

#include <gtest/gtest.h>

#include <csignal>

namespace dcgan {
namespace {

TEST(StopSignal, TheFirstIsARequest) {
  const StopSignal stop;
  EXPECT_FALSE(stop.requested());
  std::raise(SIGINT);
  EXPECT_TRUE(stop.requested());
}

TEST(StopSignal, OneBeforeItIsNoRequest) {
  {
    const StopSignal earlier;
    std::raise(SIGTERM);
    EXPECT_TRUE(earlier.requested());
  }
  EXPECT_FALSE(StopSignal().requested());
}

TEST(StopSignal, ALostConnectionIsARequestHoweverOftenItIsSaid) {
  const StopSignal stop;
  std::raise(SIGHUP);
  EXPECT_TRUE(stop.requested());
  std::raise(SIGHUP);
  std::raise(SIGTERM);  // the first of those that a second would end
}

TEST(StopSignal, LeavesAHangupIgnoredThatWas) {
  std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignal stop;
    std::raise(SIGHUP);
    EXPECT_FALSE(stop.requested());
  }
  EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN);
}

/// Of two signals that a process gets while it is to stop.
struct TwoSignals {
  int first;
  int second;
};

class SecondSignal : public ::testing::TestWithParam<TwoSignals> {};

TEST_P(SecondSignal, OfEitherKindEndsTheProcess) {
  const auto send_both = [] {
    const StopSignal stop;
    std::raise(GetParam().first);
    if (!stop.requested()) std::_Exit(1);
    std::raise(GetParam().second);
    std::_Exit(0);
  };
  EXPECT_EXIT(send_both(), ::testing::KilledBySignal(GetParam().second), "");
}

INSTANTIATE_TEST_SUITE_P(Signals, SecondSignal,
                         ::testing::Values(TwoSignals{SIGINT, SIGINT}, TwoSignals{SIGINT, SIGTERM},
                                           TwoSignals{SIGTERM, SIGINT},
                                           TwoSignals{SIGTERM, SIGTERM}));

TEST(StopSignal, AfterItASignalEndsTheProcess) {
  for (const int signal : {SIGINT, SIGHUP}) {
    const auto send = [signal] {
      { const StopSignal stop; }
      std::raise(signal);
      std::_Exit(0);
    };
    EXPECT_EXIT(send(), ::testing::KilledBySignal(signal), "");
  }
}

}  // namespace
}  // namespace dcgan
