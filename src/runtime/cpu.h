// What the CPU can do, where that decides between two ways to compute.
#pragma once

namespace dcgan {

/// AVX-512 with all that x86-64-v4 has of it: F, VL, DQ and BW.
bool has_avx512();

/// Instructions that multiply bfloat16: AVX512_BF16, Arm's BF16.
bool multiplies_bfloat16();

/// Whether those are for vectors (AVX512_BF16), and there are none for matrices, which oneDNN takes
/// and which leave nothing to gain.
bool multiplies_only_vectors_of_bfloat16();

/// Whether oneDNN makes LibTorch's products of bfloat16. Elsewhere LibTorch's plain loops make
/// them: at a tenth of float32's speed, and in LibTorch 1.13 with sums in bfloat16, some of which
/// are a tenth off.
bool has_fast_bfloat16();

}  // namespace dcgan
