#include "base/launcher.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/gz.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

/// The variables of one launcher.
struct Variables {
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
};

constexpr Variables kTorchrun{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"};
constexpr Variables kOpenMpi{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                             "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"};
/// Of a step alone: a batch script has a SLURM_PROCID, too, but is one process.
constexpr Variables kSlurm{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID",
                           "SLURM_STEP_TASKS_PER_NODE"};

std::string text_of(const Environment& environment, const char* name) {
  const char* const value = environment(name);
  return value == nullptr ? "" : value;
}

Error contradiction(const std::string& problem) {
  return usage_error(problem).remedy(
      "start dcgan by torchrun, srun or mpirun, or unset these variables for a run of one process");
}

/// A count, or the first of Slurm's "2(x3),1".
std::int64_t number_of(const Environment& environment, const char* name, std::int64_t otherwise) {
  const std::string text = text_of(environment, name);
  if (text.empty()) return otherwise;
  const auto number = parse_integer(text.substr(0, text.find_first_of("(,")));
  if (!number || *number < 0) {
    throw contradiction(fmt::format("{} is '{}', which is no number", name, printable(text)));
  }
  return *number;
}

Launch read_places(const Environment& environment, const Variables& names) {
  for (const char* const name : {names.rank, names.size}) {
    if (environment(name) != nullptr) continue;
    throw contradiction(fmt::format("{} is set, but {} is not",
                                    name == names.rank ? names.size : names.rank, name));
  }
  Launch launch;
  launch.rank = number_of(environment, names.rank, 0);
  launch.size = number_of(environment, names.size, 1);
  launch.local_rank = number_of(environment, names.local_rank, 0);
  launch.local_size = number_of(environment, names.local_size, 1);
  const auto check = [&](const char* rank, std::int64_t place, const char* size,
                         std::int64_t count) {
    if (place < count) return;
    throw contradiction(
        fmt::format("{} is {}, but {} is {}: ranks count from 0", rank, place, size, count));
  };
  check(names.rank, launch.rank, names.size, launch.size);
  check(names.local_rank, launch.local_rank, names.local_size, launch.local_size);
  if (launch.local_size > launch.size) {
    throw contradiction(fmt::format("{} is {}, but {} is only {}", names.local_size,
                                    launch.local_size, names.size, launch.size));
  }
  return launch;
}

/// The first of Slurm's "node[01-04,07],other".
std::string first_host(const std::string& list) {
  const std::string head = list.substr(0, list.find_first_of("[,"));
  if (head.size() == list.size() || list[head.size()] == ',') return head;
  const std::string inner = list.substr(head.size() + 1);
  return head + inner.substr(0, inner.find_first_of("-,]"));
}

/// The same port in all processes of a job, and another one in the next job.
std::int64_t port_of_job(const std::string& job) {
  constexpr std::uint32_t kFirst = 20'000;
  constexpr std::uint32_t kCount = 10'000;
  return kFirst + crc32_of(job.data(), job.size()) % kCount;
}

}  // namespace

Launch read_launch() {
  return read_launch([](const char* name) { return std::getenv(name); });
}

Launch read_launch(const Environment& environment) {
  const auto has = [&](const char* name) { return environment(name) != nullptr; };
  const bool by_torchrun = has(kTorchrun.rank) || has(kTorchrun.size);
  const bool by_mpi = has(kOpenMpi.rank);
  const bool by_slurm = has(kSlurm.rank) && has(kSlurm.size);
  if (!by_torchrun && !by_mpi && !by_slurm) return {};
  const Variables& names = by_torchrun ? kTorchrun : by_mpi ? kOpenMpi : kSlurm;
  Launch launch = read_places(environment, names);
  // torchrun itself may be started by srun, once a machine.
  const bool is_torchrun = has("TORCHELASTIC_RUN_ID");
  if (by_torchrun && !is_torchrun && (by_mpi || by_slurm)) {
    const Variables& others = by_mpi ? kOpenMpi : kSlurm;
    const Launch other = read_places(environment, others);
    if (other.size > 1 && (other.rank != launch.rank || other.size != launch.size)) {
      throw contradiction(fmt::format("{}={} and {}={} contradict {}={} and {}={}", names.rank,
                                      launch.rank, names.size, launch.size, others.rank, other.rank,
                                      others.size, other.size));
    }
  }
  if (launch.size == 1) return {};
  launch.launcher_shares_cores = by_mpi || by_slurm;
  launch.address = text_of(environment, "MASTER_ADDR");
  if (launch.address.empty() && by_slurm) {
    launch.address = first_host(text_of(environment, "SLURM_STEP_NODELIST"));
  }
  if (launch.address.empty() && launch.local_size == launch.size) launch.address = "127.0.0.1";
  launch.port = number_of(environment, "MASTER_PORT", 0);
  // There torchrun itself listens, in the words of its own version of PyTorch.
  if (text_of(environment, "TORCHELASTIC_USE_AGENT_STORE") == "True") ++launch.port;
  if (launch.port == 0 && (by_mpi || by_slurm)) {
    launch.port =
        port_of_job(text_of(environment, by_mpi ? "PMIX_NAMESPACE" : "SLURM_JOB_ID") +
                    text_of(environment, by_mpi ? "OMPI_MCA_ess_base_jobid" : "SLURM_STEP_ID"));
  }
  constexpr std::int64_t kMaxPort = 65'535;
  if (launch.address.empty() || launch.port <= 0 || launch.port > kMaxPort) {
    throw usage_error(
        fmt::format("{} is {}, but MASTER_ADDR ('{}') and MASTER_PORT ('{}') do not say "
                    "where the processes meet",
                    names.size, launch.size, printable(launch.address),
                    printable(text_of(environment, "MASTER_PORT"))))
        .remedy("set both to a host that all can reach and a free port on it");
  }
  return launch;
}

std::int64_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const place = reinterpret_cast<sockaddr*>(&address);
  const bool found =
      listener >= 0 && bind(listener, place, size) == 0 && getsockname(listener, place, &size) == 0;
  const int error = errno;
  if (listener >= 0) close(listener);
  if (found) return ntohs(address.sin_port);
  throw failure(fmt::format("no port of 127.0.0.1 is free: {}", std::strerror(error)))
      .remedy("start the processes by torchrun or mpirun");
}

}  // namespace dcgan
