#include "runtime/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define DCGAN_X86 1
#include <cpuid.h>
#else
#define DCGAN_X86 0
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

namespace dcgan {
namespace {

/// Not every compiler knows AMX-BF16 by its name: leaf 7, bit 22 of EDX (Intel, "Software
/// Developer's Manual", volume 2A, CPUID).
bool multiplies_matrices_of_bfloat16() {
#if DCGAN_X86
  unsigned int eax = 0;
  unsigned int ebx = 0;
  unsigned int ecx = 0;
  unsigned int edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 22 & 1) != 0;
#else
  return false;
#endif
}

}  // namespace

bool has_avx512() {
#if DCGAN_X86
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#else
  return false;
#endif
}

bool multiplies_bfloat16() {
#if DCGAN_X86
  return __builtin_cpu_supports("avx512bf16");
#elif defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#else
  return false;
#endif
}

bool multiplies_only_vectors_of_bfloat16() {
  // Asked once: in a virtual machine CPUID is a call of the machine that runs it.
  static const bool only =
      has_avx512() && multiplies_bfloat16() && !multiplies_matrices_of_bfloat16();
  return only;
}

bool has_fast_bfloat16() { return has_avx512() || multiplies_bfloat16(); }

}  // namespace dcgan
