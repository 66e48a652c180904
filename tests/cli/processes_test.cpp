// Trainings on several processes of this machine, of the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/launcher.h"
#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::RunningProgram;

class Processes : public testing::Training {
 protected:
  std::vector<std::string> train_words(const std::string& out,
                                       const std::vector<std::string>& more) const {
    std::vector<std::string> words{"train", "--config",  "tiny.yaml", "--out",
                                   out,     "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  ProgramResult train_on(const std::string& processes, const std::string& out,
                         const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = train_words(out, more);
    words.insert(words.end(), {"--processes", processes});
    return run(words);
  }

  /// One of `size` processes, as torchrun would start it.
  std::unique_ptr<RunningProgram> start_rank(std::int64_t rank, std::int64_t size,
                                             const std::vector<std::string>& words,
                                             const std::string& program = DCGAN_PROGRAM) const {
    return std::make_unique<RunningProgram>(
        words, testing::ProgramOptions{.folder = folder_.path(),
                                       .environment = {{"RANK", std::to_string(rank)},
                                                       {"WORLD_SIZE", std::to_string(size)},
                                                       {"LOCAL_RANK", std::to_string(rank)},
                                                       {"LOCAL_WORLD_SIZE", std::to_string(size)},
                                                       {"MASTER_ADDR", "127.0.0.1"},
                                                       {"MASTER_PORT", std::to_string(port_)}},
                                       .program = program});
  }
  std::vector<std::unique_ptr<RunningProgram>> start_all(
      std::int64_t size, const std::vector<std::string>& words) const {
    std::vector<std::unique_ptr<RunningProgram>> ranks;
    for (std::int64_t rank = 0; rank < size; ++rank) {
      ranks.push_back(start_rank(rank, size, words));
    }
    return ranks;
  }
  void wait_for_checkpoint(const std::string& out) const {
    while (!exists(out + "/g.pt")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  const std::int64_t port_ = free_port();
};

const std::vector<std::string> kShards{"--set", "train.shards=4"};
const std::vector<std::string> kLong{"--set", "train.epochs=1000",
                                     "--set", "train.evaluate_every=0",
                                     "--set", "train.rank_timeout=3"};

TEST_F(Processes, WithShardsMakeTheBytesOfOne) {
  ASSERT_EQ(train_on("1", "one", kShards).exit_code, 0);
  for (const std::string count : {"2", "4"}) {
    const ProgramResult result = train_on(count, count, kShards);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    for (const std::string file : {"/g.pt", "/checkpoints/000128.pt", "/samples/000128.png"}) {
      EXPECT_EQ(bytes("one" + file), bytes(count + file)) << count << file;
    }
    EXPECT_EQ(timeless_metrics("one"), timeless_metrics(count));
  }
}

TEST_F(Processes, ShareOutEvaluationsAndImages) {
  const std::vector<std::string> more{
      "--set", "train.shards=2", "--set", "train.evaluate_samples=50", "--set", "train.epochs=1"};
  ASSERT_EQ(train_on("1", "one", more).exit_code, 0);
  ASSERT_EQ(train_on("2", "two", more).exit_code, 0);
  EXPECT_TRUE(timeless_metrics("one").back().contains("fid"));
  EXPECT_EQ(timeless_metrics("one"), timeless_metrics("two"));
  ASSERT_EQ(run({"sample", "--ckpt", "one", "-n", "300", "--separate", "alone"}).exit_code, 0);
  for (auto& rank : start_all(2, {"sample", "--ckpt", "one", "-n", "300", "--separate", "both"})) {
    EXPECT_EQ(rank->wait().exit_code, 0);
  }
  for (const std::string image : {"/000000.png", "/000255.png", "/000256.png", "/000299.png"}) {
    EXPECT_EQ(bytes("alone" + image), bytes("both" + image));
  }
}

TEST_F(Processes, GoOnWithARunOfAnotherNumberOfThem) {
  ASSERT_EQ(train_on("1", "whole", kShards).exit_code, 0);
  std::vector<std::string> half = kShards;
  half.insert(half.end(), {"--set", "train.epochs=1"});
  ASSERT_EQ(train_on("4", "parts", half).exit_code, 0);
  const ProgramResult result =
      resume("parts", {"--processes", "2", "--set", "train.epochs=2", "--threads", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(bytes("whole/g.pt"), bytes("parts/g.pt"));
}

TEST_F(Processes, SpeakWithOneVoice) {
  const ProgramResult result = train_on("2", "run");
  EXPECT_EQ(result.err.find("run directory"), result.err.rfind("run directory")) << result.err;
  EXPECT_EQ(result.out.find("trained 128 steps"), result.out.rfind("trained 128 steps"));
  EXPECT_THAT(result.out, HasSubstr("trained 128 steps"));
}

TEST_F(Processes, StopAfterTheSameStepWhereverTheSignalCame) {
  auto ranks = start_all(2, train_words("run", kLong));
  wait_for_checkpoint("run");
  ranks[1]->send(SIGTERM);
  const ProgramResult lead = ranks[0]->wait();
  EXPECT_EQ(lead.exit_code, 130) << lead.err;
  EXPECT_THAT(lead.err, HasSubstr("a checkpoint is written"));
  EXPECT_EQ(ranks[1]->wait().exit_code, 130);
}

TEST_F(Processes, NameTheOneThatWasKilled) {
  for (const std::int64_t victim : {0, 2}) {
    const std::string out = "run" + std::to_string(victim);
    auto ranks = start_all(
        4, train_words(out, {"--set", "train.epochs=1000", "--set", "train.evaluate_every=0"}));
    wait_for_checkpoint(out);
    ranks[static_cast<std::size_t>(victim)]->send(SIGKILL);
    for (std::int64_t rank = 0; rank < 4; ++rank) {
      const ProgramResult result = ranks[static_cast<std::size_t>(rank)]->wait();
      if (rank == victim) continue;
      EXPECT_EQ(result.exit_code, 1);
      EXPECT_THAT(result.err,
                  HasSubstr("rank " + std::to_string(victim) + " of 4 does not answer"));
    }
  }
}

TEST_F(Processes, NameTheOneThatHangs) {
  auto ranks = start_all(2, train_words("run", kLong));
  wait_for_checkpoint("run");
  ranks[1]->send(SIGSTOP);
  const ProgramResult lead = ranks[0]->wait();
  EXPECT_EQ(lead.exit_code, 1);
  EXPECT_THAT(lead.err, HasSubstr("rank 1 of 2 does not answer"));
  ranks[1]->send(SIGKILL);
}

TEST_F(Processes, RefuseToTrainDifferentThings) {
  for (const auto& [key, what] :
       {std::pair{"generator.lr=0.001", "configuration"}, {"data.limit=256", "configuration"}}) {
    const std::string out = std::string("run_") + what + key;
    const auto lead = start_rank(0, 2, train_words(out, {}));
    const auto other = start_rank(1, 2, train_words(out, {"--set", key}));
    for (const auto& rank : {lead.get(), other.get()}) {
      const ProgramResult result = rank->wait();
      EXPECT_EQ(result.exit_code, 1) << result.err;
      EXPECT_THAT(result.err, HasSubstr(std::string("differ in their ") + what));
    }
    EXPECT_FALSE(exists(out + "/g.pt"));
  }
}

TEST_F(Processes, RefuseToTrainWithAnotherVersion) {
  const std::filesystem::path build =
      std::filesystem::path(DCGAN_PROGRAM).parent_path().parent_path();
  const std::filesystem::path other = folder_ / "other";
  for (const std::string file : {"bin/dcgan", "lib/dcgan/dcgan-core"}) {
    std::filesystem::create_directories((other / file).parent_path());
    std::filesystem::copy_file(build / file, other / file);
  }
  const std::string core = (other / "lib/dcgan/dcgan-core").string();
  std::string program = read_file(core);
  const std::string version = run({"--version"}).out.substr(6, 5);  // "dcgan 0.1.0"
  const auto place = program.find('\0' + version + '\0');
  ASSERT_NE(place, std::string::npos) << version;
  program.replace(place + 1, 5, "9.8.7");
  std::ofstream(core, std::ios::binary) << program;
  const auto words = train_words("run", {});
  const auto lead = start_rank(0, 2, words);
  const auto follower = start_rank(1, 2, words, (other / "bin/dcgan").string());
  const ProgramResult result = lead->wait();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("rank 0 and rank 1 differ in their version (dcgan " + version));
  EXPECT_THAT(result.err, HasSubstr("dcgan 9.8.7"));
  EXPECT_EQ(follower->wait().exit_code, 1);
}

TEST_F(Processes, TellTheOthersWhatWentWrongInOne) {
  const auto lead = start_rank(0, 2, train_words("run", {}));
  const auto other = start_rank(1, 2, train_words("run", {"--set", "data.path=nowhere"}));
  EXPECT_THAT(other->wait().err, HasSubstr("nowhere"));
  const ProgramResult result = lead->wait();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("rank 1: "));
  EXPECT_THAT(result.err, HasSubstr("nowhere"));
}

TEST_F(Processes, SayWhereNobodyIsToBeMet) {
  const auto alone = start_rank(1, 2, train_words("run", {"--set", "train.rank_timeout=1"}));
  const ProgramResult result = alone->wait();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("127.0.0.1:" + std::to_string(port_)));
  EXPECT_THAT(result.err, HasSubstr("rank 1 met nobody within 1 s"));
  EXPECT_THAT(result.err, HasSubstr("check MASTER_ADDR and MASTER_PORT"));
}

TEST_F(Processes, RefuseABatchThatDoesNotDivide) {
  const ProgramResult result = train_on("3", "run");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("train.batch_size (8) can't be cut into 3 equal parts; the "
                                    "nearest that can is 9"));
  EXPECT_FALSE(exists("run/g.pt"));
}

TEST_F(Processes, RefuseAConfigurationThatOnlyOneCanRead) {
  const ProgramResult result = run({"train", "--config", "-", "--out", "run", "--processes", "2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("a configuration that can be read only once; name a file"));
}

TEST_F(Processes, RefuseVariablesThatContradictEachOther) {
  const ProgramResult result = testing::run_program(
      train_words("run", {}),
      {.folder = folder_.path(), .environment = {{"RANK", "2"}, {"WORLD_SIZE", "2"}}});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("RANK is 2, but WORLD_SIZE is 2"));
}

}  // namespace
}  // namespace dcgan
