#include "runtime/cpu.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace dcgan {
namespace {

/// What Linux says of the first CPU: "flags" on x86, "Features" on Arm.
std::set<std::string> flags_of_linux() {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; flags.empty() && std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0 && line.rfind("Features", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
  }
  return flags;
}

TEST(Cpu, HasWhatLinuxSaysThatItHas) {
  const std::set<std::string> flags = flags_of_linux();
  if (flags.empty()) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  const bool avx512 = flags.contains("avx512f") && flags.contains("avx512vl") &&
                      flags.contains("avx512dq") && flags.contains("avx512bw");
  const bool vectors = flags.contains("avx512_bf16");
  const bool matrices = flags.contains("amx_bf16");
  EXPECT_EQ(has_avx512(), avx512);
  EXPECT_EQ(multiplies_bfloat16(), vectors || flags.contains("bf16"));
  EXPECT_EQ(multiplies_only_vectors_of_bfloat16(), avx512 && vectors && !matrices);
  EXPECT_EQ(has_fast_bfloat16(), avx512 || vectors || flags.contains("bf16"));
}

}  // namespace
}  // namespace dcgan
