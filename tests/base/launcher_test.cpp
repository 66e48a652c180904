#include "base/launcher.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/expect_error.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Launch launch_of(const Variables& variables) {
  return read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Variables with(Variables variables, const Variables& others) {
  for (const auto& [name, value] : others) variables[name] = value;
  return variables;
}

const Variables kTorchrun{{"RANK", "3"},
                          {"WORLD_SIZE", "4"},
                          {"LOCAL_RANK", "1"},
                          {"LOCAL_WORLD_SIZE", "2"},
                          {"MASTER_ADDR", "host"},
                          {"MASTER_PORT", "29500"},
                          {"TORCHELASTIC_RUN_ID", "none"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const Variables kSlurm{{"SLURM_PROCID", "5"},
                       {"SLURM_STEP_NUM_TASKS", "6"},
                       {"SLURM_LOCALID", "1"},
                       {"SLURM_STEP_TASKS_PER_NODE", "2(x3)"},
                       {"SLURM_STEP_NODELIST", "node[07-09]"},
                       {"SLURM_JOB_ID", "1234"},
                       {"SLURM_STEP_ID", "0"}};
const Variables kOpenMpi{{"OMPI_COMM_WORLD_RANK", "1"},
                         {"OMPI_COMM_WORLD_SIZE", "2"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                         {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                         {"PMIX_NAMESPACE", "3735617537"}};

TEST(ReadLaunch, IsOneProcessWithoutALauncher) {
  EXPECT_EQ(launch_of({}).size, 1);
  EXPECT_EQ(launch_of({{"MASTER_ADDR", "host"}}).size, 1);
  EXPECT_EQ(launch_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1);
  // A batch script is a single process, whatever its job may start.
  EXPECT_EQ(launch_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).size, 1);
}

TEST(ReadLaunch, KnowsTorchrun) {
  const Launch launch = launch_of(kTorchrun);
  EXPECT_EQ(launch.rank, 3);
  EXPECT_EQ(launch.size, 4);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.local_size, 2);
  EXPECT_EQ(launch.address, "host");
  EXPECT_EQ(launch.port, 29501);  // on the one before torchrun listens itself
}

TEST(ReadLaunch, KnowsAStepOfSlurm) {
  const Launch launch = launch_of(kSlurm);
  EXPECT_EQ(launch.rank, 5);
  EXPECT_EQ(launch.size, 6);
  EXPECT_EQ(launch.local_size, 2);
  EXPECT_EQ(launch.address, "node07");
  EXPECT_EQ(launch.port, launch_of(with(kSlurm, {{"SLURM_PROCID", "0"}})).port);
  EXPECT_NE(launch.port, launch_of(with(kSlurm, {{"SLURM_JOB_ID", "1235"}})).port);
  EXPECT_EQ(launch_of(with(kSlurm, {{"SLURM_STEP_NODELIST", "alpha,beta[1-2]"}})).address, "alpha");
  EXPECT_EQ(launch_of(with(kSlurm, {{"MASTER_PORT", "5000"}})).port, 5000);
}

TEST(ReadLaunch, KnowsOpenMpi) {
  const Launch launch = launch_of(kOpenMpi);
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.size, 2);
  EXPECT_EQ(launch.address, "127.0.0.1");
  EXPECT_EQ(launch.port, launch_of(with(kOpenMpi, {{"OMPI_COMM_WORLD_RANK", "0"}})).port);
}

TEST(ReadLaunch, LetsTorchrunBeStartedBySlurm) {
  EXPECT_EQ(launch_of(with(kSlurm, kTorchrun)).rank, 3);
}

TEST(ReadLaunch, NamesVariablesThatContradictEachOther) {
  const std::pair<Variables, std::string> cases[] = {
      {{{"RANK", "0"}}, "RANK is set, but WORLD_SIZE is not"},
      {{{"WORLD_SIZE", "2"}}, "WORLD_SIZE is set, but RANK is not"},
      {with(kTorchrun, {{"RANK", "4"}}), "RANK is 4, but WORLD_SIZE is 4"},
      {with(kTorchrun, {{"RANK", "two"}}), "RANK is 'two'"},
      {with(kTorchrun, {{"LOCAL_RANK", "2"}}), "LOCAL_RANK is 2, but LOCAL_WORLD_SIZE is 2"},
      {with(kTorchrun, {{"LOCAL_WORLD_SIZE", "8"}}), "LOCAL_WORLD_SIZE is 8, but WORLD_SIZE is"},
      {with(kTorchrun, {{"MASTER_PORT", "99999"}}), "MASTER_PORT"},
      {with(kTorchrun, {{"MASTER_ADDR", ""}}), "MASTER_ADDR"},
      {with(kOpenMpi, {{"RANK", "0"}, {"WORLD_SIZE", "2"}}),
       "RANK=0 and WORLD_SIZE=2 contradict OMPI_COMM_WORLD_RANK=1"},
      {with(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}}),
       "MASTER_ADDR"}};
  for (const auto& [variables, problem] : cases) {
    const auto error = caught([&, &given = variables] { launch_of(given); });
    EXPECT_EQ(error.kind(), ErrorKind::usage) << problem;
    EXPECT_THAT(error.problem(), HasSubstr(problem));
    EXPECT_FALSE(error.remedy().empty());
  }
}

}  // namespace
}  // namespace dcgan
