// What the program says to data, checkpoints and disks that it cannot use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cli/training_fixture.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ProgramResult;
using ::testing::StartsWith;
using testing::Training;

constexpr const char* kExpected =
    "expected a g.pt, a checkpoint or a feature network of dcgan, or another TorchScript "
    "(torch.jit.save)\n";

/// At most three lines, from the program itself, without LibTorch's own words.
void expect_clean_error(const ProgramResult& result, int exit_code) {
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_THAT(result.err, StartsWith("dcgan: "));
  EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 3) << result.err;
  for (const char* raw : {"c10::Error", "frame #", "Exception raised", "terminate called"}) {
    EXPECT_THAT(result.err, ::testing::Not(HasSubstr(raw)));
  }
}

// Data --------------------------------------------------------------------------------------------

class BadData : public Training {
 protected:
  BadData() {
    fs::create_directory(folder_ / "data");
    for (const char* name : {kImages, kLabels}) {
      fs::copy(std::string(DCGAN_SOURCE_DIR) + "/data/mnist/" + name, folder_ / "data" / name);
    }
  }
  /// The run must fail, say `part` and leave no run directory.
  void expect_error(const std::string& part) const {
    const ProgramResult result =
        run({"train", "--config", "tiny.yaml", "--set", "data.path=data", "--set", "data.limit=0"});
    expect_clean_error(result, 1);
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_FALSE(exists("runs"));
  }
  void overwrite(const std::string& name, const std::string& content) const {
    write_file_atomically(folder_ / "data" / name, content);
  }

  static constexpr const char* kImages = "train-images-idx3-ubyte.gz";
  static constexpr const char* kLabels = "train-labels-idx1-ubyte.gz";
};

TEST_F(BadData, MissingFolderIsNamed) {
  fs::remove_all(folder_ / "data");
  expect_error((folder_ / "data").string());
}

TEST_F(BadData, MissingFileIsNamed) {
  fs::remove(folder_ / "data" / kLabels);
  expect_error("train-labels-idx1-ubyte");
}

TEST_F(BadData, TruncatedFileIsNamed) {
  overwrite(kImages, bytes(std::string("data/") + kImages).substr(0, 100000));
  expect_error(kImages);
}

TEST_F(BadData, WrongMagicIsNamed) {
  overwrite(kImages, "not an IDX file at all, only some text");
  expect_error(kImages);
}

TEST_F(BadData, ShowsWithoutTheImagesThatAreNotTrainedOn) {
  const ProgramResult result =
      run({"data", "show", "--config", "tiny.yaml", "--set", "data.path=data"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("not trained on  unknown\n"));
}

TEST_F(BadData, EmptyFileIsNamed) {
  overwrite(kLabels, "");
  expect_error(kLabels);
}

TEST_F(BadData, ImagesAndLabelsMixedUpAreSeen) {
  fs::rename(folder_ / "data" / kImages, folder_ / "data" / "x");
  fs::rename(folder_ / "data" / kLabels, folder_ / "data" / kImages);
  fs::rename(folder_ / "data" / "x", folder_ / "data" / kLabels);
  expect_error("exchange images and labels if they were mixed up");
}

TEST_F(BadData, CountsThatDoNotMatchAreNamed) {
  overwrite(kLabels,
            read_file(std::string(DCGAN_SOURCE_DIR) + "/data/mnist/t10k-labels-idx1-ubyte.gz"));
  expect_error("holds 60,000 images, but ");
}

TEST_F(BadData, FewerImagesThanABatchAreRefused) {
  const ProgramResult result = run({"train", "--config", "tiny.yaml", "--set", "data.limit=0",
                                    "--set", "data.split=test", "--set", "train.batch_size=10001"});
  expect_clean_error(result, 1);
  EXPECT_THAT(result.err, HasSubstr("batch"));
  EXPECT_FALSE(exists("runs"));
}

// Checkpoints and generators ----------------------------------------------------------------------

class BadCheckpoint : public Training {
 protected:
  ProgramResult sample(const std::string& file) const {
    ProgramResult result = run({"sample", "--ckpt", file});
    expect_clean_error(result, 1);
    EXPECT_FALSE(exists("samples.png"));
    return result;
  }
  void put(const std::string& name, const std::string& content) const {
    write_file_atomically(folder_ / name, content);
  }
};

TEST_F(BadCheckpoint, Missing) {
  EXPECT_THAT(sample("nowhere.pt").err, HasSubstr("nowhere.pt: no such file"));
}

TEST_F(BadCheckpoint, BehindALinkToItself) {
  fs::create_symlink("loop.pt", folder_ / "loop.pt");
  EXPECT_EQ(sample("loop.pt").err,
            "dcgan: loop.pt: cannot be read: Too many levels of symbolic links\n");
}

TEST_F(BadCheckpoint, EscapesInItsNameDoNotReachTheTerminal) {
  EXPECT_THAT(sample("\x1b[2J.pt").err, HasSubstr("dcgan: ?[2J.pt: no such file"));
}

TEST_F(BadCheckpoint, FolderWithoutARun) {
  fs::create_directory(folder_ / "empty");
  EXPECT_EQ(sample("empty").err,
            "dcgan: empty: a folder without g.pt and without checkpoints; name a g.pt, a "
            "checkpoint or the folder of a run\n");
}

TEST_F(BadCheckpoint, Empty) {
  put("g.pt", "");
  EXPECT_EQ(sample("g.pt").err,
            std::string("dcgan: g.pt: not a TorchScript archive; ") + kExpected);
}

TEST_F(BadCheckpoint, RandomBytes) {
  put("g.pt", std::string(5000, '\x99'));
  EXPECT_EQ(sample("g.pt").err,
            std::string("dcgan: g.pt: not a TorchScript archive; ") + kExpected);
}

TEST_F(BadCheckpoint, ZipOfSomethingElse) {
  put("g.pt", std::string("PK\x03\x04", 4) + std::string(500, 'x'));
  EXPECT_EQ(sample("g.pt").err,
            std::string("dcgan: g.pt: the archive is truncated or damaged; ") + kExpected);
}

TEST_F(BadCheckpoint, Truncated) {
  train("run", {"--set", "train.epochs=1"});
  const std::string whole = bytes("run/g.pt");
  put("g.pt", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(sample("g.pt").err,
            std::string("dcgan: g.pt: the archive is truncated or damaged; ") + kExpected);
}

TEST_F(BadCheckpoint, TorchScriptThatIsNoGenerator) {
  const std::string fixture = std::string(DCGAN_SOURCE_DIR) + "/tests/fixtures/dense_28x28x1.pt";
  EXPECT_THAT(sample(fixture).err, HasSubstr("a TorchScript that is no generator"));
}

TEST_F(BadCheckpoint, WrongLatentSizeForAGeneratorOfOurs) {
  train("run", {"--set", "train.epochs=1"});
  const ProgramResult result = run({"sample", "--ckpt", "run/g.pt", "--latent-dim", "100"});
  expect_clean_error(result, 1);
  EXPECT_EQ(result.err, "dcgan: run/g.pt: its latent size is 8, not 100; leave --latent-dim out\n");
}

TEST_F(BadCheckpoint, DamagedOneIsNotResumedFromAndStays) {
  train("run", {"--set", "train.epochs=1"});
  put("run/checkpoints/000064.pt", bytes("run/checkpoints/000064.pt").substr(0, 5000));
  const ProgramResult result = resume("run", {"--set", "train.epochs=2"});
  expect_clean_error(result, 1);
  EXPECT_THAT(result.err,
              HasSubstr("run/checkpoints/000064.pt: the archive is truncated or damaged; "
                        "there is no older checkpoint: start a new run"));
  EXPECT_TRUE(exists("run/checkpoints/000064.pt"));
}

TEST_F(BadCheckpoint, OneThatIsWholeButCannotBeReadIsNotCalledDamaged) {
  train("run", {"--set", "train.epochs=1"});
  std::filesystem::copy(folder_ / "run/g.pt", folder_ / "run/checkpoints/000128.pt");
  const ProgramResult result = resume("run", {"--set", "train.epochs=3"});
  expect_clean_error(result, 1);
  EXPECT_EQ(result.err,
            "dcgan: run/checkpoints/000128.pt: a dcgan generator, where a dcgan checkpoint is "
            "needed\n");
}

TEST_F(BadCheckpoint, InspectSaysTheSame) {
  put("g.pt", std::string(5000, '\x99'));
  const ProgramResult result = run({"inspect", "g.pt"});
  expect_clean_error(result, 1);
  EXPECT_EQ(result.err, std::string("dcgan: g.pt: not a TorchScript archive; ") + kExpected);
}

// Devices -----------------------------------------------------------------------------------------

TEST_F(Training, WithoutAGpuSaysSoInOneLine) {
  if (fs::exists("/dev/nvidiactl")) GTEST_SKIP() << "this machine has an NVIDIA driver";
  const ProgramResult result = run({"train", "--config", "tiny.yaml", "--device", "cuda"});
  expect_clean_error(result, 1);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(result.err, StartsWith("dcgan: --device cuda: "));
  EXPECT_THAT(result.err, HasSubstr("--device cpu"));
  EXPECT_FALSE(exists("runs"));
}

// Outputs -----------------------------------------------------------------------------------------

class BadOutput : public Training {};

TEST_F(BadOutput, NonEmptyFolderIsRefusedAndKept) {
  train("run", {"--set", "train.epochs=1"});
  const std::string before = bytes("run/g.pt");
  const ProgramResult result = run({"train", "--config", "tiny.yaml", "--out", "run"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "dcgan: --out run: the folder is not empty; name a new one, or go on with the run in "
            "it with --resume\n");
  EXPECT_EQ(bytes("run/g.pt"), before);
}

TEST_F(BadOutput, SampleIntoAMissingFolderIsRefused) {
  train("run", {"--set", "train.epochs=1"});
  const ProgramResult result =
      run({"sample", "--ckpt", "run/g.pt", "--out", "nowhere/samples.png"});
  expect_clean_error(result, 1);
  EXPECT_THAT(result.err, HasSubstr("nowhere/samples.png"));
}

/// A disk of one megabyte, where the system lets us make one.
class FullDisk : public Training {
 protected:
  void SetUp() override {
    fs::create_directory(disk_);
    if (mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=1m") != 0) {
      GTEST_SKIP() << "no permission to mount a small tmpfs";
    }
    mounted_ = true;
  }
  ~FullDisk() override {
    if (mounted_) umount2(disk_.c_str(), MNT_DETACH);
  }

  fs::path disk_ = folder_ / "disk";
  bool mounted_ = false;
};

TEST_F(FullDisk, StopsTheRunAndKeepsTheLastGoodCheckpoint) {
  // A checkpoint takes about 300 KB: the first fits, the one after it does not with the filler.
  train("disk/run", {"--set", "train.epochs=1"});
  const std::string good = bytes("disk/run/checkpoints/000064.pt");
  const auto space = fs::space(disk_);
  write_file_atomically(disk_ / "filler",
                        std::string(space.available > 60000 ? space.available - 60000 : 0, 'x'));
  const ProgramResult result = resume("disk/run", {"--set", "train.epochs=2"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("dcgan: disk/run/"));
  EXPECT_THAT(result.err, HasSubstr("the disk is full; free some space"));
  EXPECT_EQ(bytes("disk/run/checkpoints/000064.pt"), good);
  EXPECT_FALSE(exists("disk/run/checkpoints/000128.pt"));

  // With room again it goes on to the same end.
  fs::remove(disk_ / "filler");
  EXPECT_EQ(resume("disk/run", {"--set", "train.epochs=2"}).exit_code, 0);
  train("whole");
  EXPECT_EQ(bytes("disk/run/samples/000128.png"), bytes("whole/samples/000128.png"));
}

TEST_F(FullDisk, SampleLeavesNoHalfPicture) {
  train("run", {"--set", "train.epochs=1"});
  write_file_atomically(disk_ / "filler", std::string(fs::space(disk_).available - 8192, 'x'));
  const ProgramResult result =
      run({"sample", "--ckpt", "run/g.pt", "-n", "256", "--out", "disk/samples.png"});
  expect_clean_error(result, 1);
  EXPECT_THAT(result.err, HasSubstr("disk/samples.png"));
  EXPECT_THAT(result.err, HasSubstr("the disk is full; free some space"));
  EXPECT_EQ(std::distance(fs::directory_iterator(disk_), {}), 1) << "only the filler";
}

}  // namespace
}  // namespace dcgan
