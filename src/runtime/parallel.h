// Work over blocks of memory on LibTorch's own threads.
#pragma once

#include <c10/util/FunctionRef.h>

#include <cstdint>

namespace dcgan {

/// Calls `work` for each block in [0, blocks), on the threads that at::set_num_threads() gave. What
/// a block computes must not depend on which thread does it or on who does the others: then the
/// result is the same with any number of threads.
void parallel_blocks(std::int64_t blocks, c10::function_ref<void(std::int64_t block)> work);

}  // namespace dcgan
