#include "runtime/cpu.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

namespace dcgan {

#if defined(__x86_64__) && defined(__GNUC__)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
bool multiplies_bfloat16() { return __builtin_cpu_supports("avx512bf16"); }
bool multiplies_only_vectors_of_bfloat16() {
  // Clang's __builtin_cpu_supports knows no "amx-bf16": leaf 7, EDX, bit 22 (Intel SDM, volume 2A).
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool has_amx = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 22 & 1) != 0;
  return has_avx512() && multiplies_bfloat16() && !has_amx;
}
#else
bool has_avx512() { return false; }
bool multiplies_bfloat16() {
#if defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#else
  return false;
#endif
}
bool multiplies_only_vectors_of_bfloat16() { return false; }
#endif

bool has_fast_bfloat16() { return has_avx512() || multiplies_bfloat16(); }

}  // namespace dcgan
