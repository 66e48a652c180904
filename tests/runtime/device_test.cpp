#include "runtime/device.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "runtime/torch.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

TEST(SetThreads, IsWhatLibTorchThenHas) {
  const int before = at::get_num_threads();
  for (const std::int64_t threads : {1, 3, 2, 2}) {
    EXPECT_EQ(set_threads(threads), threads);
    EXPECT_EQ(at::get_num_threads(), threads);
  }
  const std::int64_t own = set_threads(0);  // the tests have OMP_NUM_THREADS or nothing
  EXPECT_EQ(at::get_num_threads(), own);
  at::set_num_threads(before);
}

TEST(ResolveDevice, NamesTheOptionOfAGpuThatIsNotThere) {
  using ::testing::AnyOf;
  using ::testing::HasSubstr;
  EXPECT_THAT(testing::caught([] { resolve_device("cuda:99"); }),
              testing::IsError(ErrorKind::failure, "--device cuda:99",
                               AnyOf(HasSubstr("has no CUDA"), HasSubstr("no NVIDIA"),
                                     HasSubstr("this machine has")),
                               HasSubstr("use --device c")));
}

}  // namespace
}  // namespace dcgan
