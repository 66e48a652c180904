// One binary for every x86-64: the compiler makes a kernel's loops for AVX-512, for AVX2 and for
// the baseline, and the loader takes the best that the CPU has. Elsewhere (arm64) the baseline has
// vectors already.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define DCGAN_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DCGAN_MULTIVERSION
#endif
