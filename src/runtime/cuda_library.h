// libdcgan_cuda.so: what needs LibTorch's CUDA half itself. It is loaded where a GPU is asked for.
#pragma once

namespace dcgan {

/// The function of that name. Throws `failure` that says why there is none.
void* find_in_cuda_library(const char* function);

}  // namespace dcgan
