// Work over blocks of memory on LibTorch's own threads.
#pragma once

#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <memory>

namespace dcgan {

/// Calls `work` for each block in [0, blocks), on the threads that at::set_num_threads() gave. What
/// a block computes must not depend on which thread does it or on who does the others: then the
/// result is the same with any number of threads.
void parallel_blocks(std::int64_t blocks, c10::function_ref<void(std::int64_t block)> work);

/// Throws std::system_error where the system has no room for `count` more threads. libgomp ends the
/// process there.
void check_room_for_threads(std::int64_t count);

/// While it exists, a thread that has finished its part of a loop goes to sleep within microseconds
/// instead of spinning for the next. libgomp decides by its threads, and by nothing else that can
/// be changed once it is loaded: with more of them than the process has cores it spins a hundred
/// times (manual, GOMP_SPINCOUNT). So this holds a second team, asleep; threads' own number
/// (at::set_num_threads) must be that of the cores. With another OpenMP it costs those threads'
/// stacks and changes nothing.
class SecondTeam {
 public:
  SecondTeam();
  ~SecondTeam();
  SecondTeam(const SecondTeam&) = delete;
  SecondTeam& operator=(const SecondTeam&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dcgan
