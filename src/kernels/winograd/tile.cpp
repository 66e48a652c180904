#include "kernels/winograd/tile.h"

#include <cstring>

#include "runtime/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DCGAN_HAS_KINDS 1
#include <immintrin.h>
#else
#define DCGAN_HAS_KINDS 0
#endif

namespace dcgan {
namespace {

// A product's tile has sums enough for two fused multiply-adds a cycle, and as many registers as
// there are.
namespace baseline {
constexpr int kBytes = 16;
constexpr int kProductRows = 4;
#include "kernels/winograd/loops.h"
}  // namespace baseline

#if DCGAN_HAS_KINDS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
constexpr int kBytes = 32;
constexpr int kProductRows = 6;
#include "kernels/winograd/loops.h"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,fma")
namespace avx512 {
constexpr int kBytes = 64;
constexpr int kProductRows = 8;
#include "kernels/winograd/loops.h"
}  // namespace avx512
#pragma GCC target("avx512bf16")
#define DCGAN_AVX512_BF16  // GCC 12 does not define its own before the whole file is read
namespace avx512_bf16 {
constexpr int kBytes = 64;
constexpr int kProductRows = 8;
#include "kernels/winograd/loops.h"
}  // namespace avx512_bf16
#pragma GCC pop_options
#endif

}  // namespace

const float kKernelToPoints[kTilePoints][kTaps] = {
    {1, baseline::kA}, {1, -baseline::kA}, {1, baseline::kB}, {1, -baseline::kB}, {0, 1}};

template <typename Number>
std::vector<const WinogradTile<Number>*> usable_winograd_tiles() {
  std::vector<const WinogradTile<Number>*> tiles;
#if DCGAN_HAS_KINDS
  if constexpr (kNumbersInFloat<Number> == 2) {
    if (has_avx512() && multiplies_bfloat16()) tiles.push_back(&avx512_bf16::kTile<Number>);
  }
  if (has_avx512()) tiles.push_back(&avx512::kTile<Number>);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tiles.push_back(&avx2::kTile<Number>);
  }
#endif
  tiles.push_back(&baseline::kTile<Number>);
  return tiles;
}
template std::vector<const WinogradTile<float>*> usable_winograd_tiles();
template std::vector<const WinogradTile<at::BFloat16>*> usable_winograd_tiles();

template <typename Number>
const WinogradTile<Number>*& winograd_tile() {
  static const WinogradTile<Number>* used = usable_winograd_tiles<Number>().front();
  return used;
}
template const WinogradTile<float>*& winograd_tile();
template const WinogradTile<at::BFloat16>*& winograd_tile();

}  // namespace dcgan
