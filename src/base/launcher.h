// What a launcher says of this process: which of how many it is, and where they meet.
//
// torchrun, srun and mpirun start a program several times and tell each process its place in the
// environment. `dcgan train --processes N` sets torchrun's variables.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace dcgan {

/// A process among those that train one model.
struct Launch {
  std::int64_t rank = 0;
  std::int64_t size = 1;        ///< processes in all; 1 where there is no launcher
  std::int64_t local_rank = 0;  ///< among those on this machine
  std::int64_t local_size = 1;
  std::string address;                 ///< of the machine where the processes meet
  std::int64_t port = 0;               ///< likewise
  bool launcher_shares_cores = false;  ///< each process has cores of its own already
};

/// A variable of the environment; nullptr where it is not set.
using Environment = std::function<const char*(const char* name)>;

/// From torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR,
/// MASTER_PORT), else Open MPI's (OMPI_COMM_WORLD_*), else those of a step of Slurm (SLURM_*).
/// MASTER_ADDR and MASTER_PORT go before what the latter two say. Throws a usage error that names
/// the variables where some are missing, no numbers, or contradict each other.
Launch read_launch();
Launch read_launch(const Environment& environment);

/// A port of 127.0.0.1 that nobody listens on. Another program may take it until somebody does;
/// then rank 0 says so. Throws `failure` where there is none.
std::int64_t free_port();

}  // namespace dcgan
