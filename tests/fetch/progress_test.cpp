#include "fetch/progress.h"

#include <gtest/gtest.h>

namespace dcgan {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

TransferProgress half() { return {"a.gz", 5 * kMiB, 10 * kMiB, 1.5 * kMiB}; }

TEST(FormatTransfer, ShowsShareBytesRateAndName) {
  EXPECT_EQ(format_transfer(half(), 100),
            "[##########----------]  50 % 5.0 MiB of 10.0 MiB 1.5 MiB/s a.gz");
}

TEST(FormatTransfer, LeavesOutWhatDoesNotFit) {
  EXPECT_EQ(format_transfer(half(), 64),
            "[##########----------]  50 % 5.0 MiB of 10.0 MiB 1.5 MiB/s a.gz");
  EXPECT_EQ(format_transfer(half(), 63),
            "[##########----------]  50 % 5.0 MiB of 10.0 MiB 1.5 MiB/s");
  EXPECT_EQ(format_transfer(half(), 40), " 50 % 5.0 MiB of 10.0 MiB");
  EXPECT_EQ(format_transfer(half(), 10), " 50 %");
  EXPECT_EQ(format_transfer(half(), 3), " 5");
  EXPECT_EQ(format_transfer(half(), 0), "");
}

TEST(FormatTransfer, StaysWithinTheBar) {
  EXPECT_EQ(format_transfer({"a", 30, 10, 0}, 100),
            "[####################] 100 % 10 B of 10 B 0 B/s a");
  EXPECT_EQ(format_transfer({"a", 0, 0, 0}, 100),
            "[--------------------]   0 % 0 B of 1 B 0 B/s a");
}

}  // namespace
}  // namespace dcgan
