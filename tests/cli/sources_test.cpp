// Every kind of data set through the commands: train, stop, resume, evaluate, show, verify.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "sources/arrays.h"
#include "support/put_picture.h"
#include "support/read_png.h"
#include "training_fixture.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ProgramResult;

const std::string kFixtures = DCGAN_SOURCE_DIR "/tests/fixtures";

struct SourceCase {
  const char* name;
  std::vector<std::string> settings;
};

void PrintTo(const SourceCase& source, std::ostream* out) { *out << source.name; }

/// A folder `pictures` with 60 pictures in two folders.
class Sources : public testing::Training {
 protected:
  Sources() {
    for (int i = 0; i < 60; ++i) {
      const std::string name = std::string(i % 2 == 0 ? "even/" : "odd/") + std::to_string(i);
      testing::put_picture(folder_ / "pictures" / (name + ".png"), 4 * i);
    }
  }
  static std::vector<std::string> sets(const std::vector<std::string>& settings) {
    std::vector<std::string> arguments;
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return arguments;
  }
  static std::vector<std::string> pictures(const std::vector<std::string>& more = {}) {
    std::vector<std::string> settings{"data.format=folder", "data.path=pictures",
                                      "data.limit=0",       "data.cache=cache",
                                      "data.channels=3",    "data.image_size=[16, 16]"};
    settings.insert(settings.end(), more.begin(), more.end());
    return sets(settings);
  }
  ProgramResult with(std::vector<std::string> arguments,
                     const std::vector<std::string>& settings) const {
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    return run(arguments);
  }
};

class EverySource : public Sources, public ::testing::WithParamInterface<SourceCase> {};

TEST_P(EverySource, ResumesToTheSameEnd) {
  std::vector<std::string> settings = GetParam().settings;
  settings.push_back("train.log_every=1");
  train("whole", sets(settings));
  // Stopped after its first epoch, and gone on with.
  std::vector<std::string> first = sets(settings);
  first.insert(first.end(), {"--set", "train.epochs=1"});
  train("parts", first);
  ASSERT_EQ(resume("parts", {"--set", "train.epochs=2"}).exit_code, 0);
  std::string last;
  for (const auto& entry : fs::directory_iterator(folder_ / "whole/checkpoints")) {
    last = std::max(last, entry.path().stem().string());
  }
  expect_same_end("whole", "parts", last);
}

INSTANTIATE_TEST_SUITE_P(
    Data, EverySource,
    ::testing::Values(
        SourceCase{"MnistFlipped", {"data.flip=true", "data.limit=64"}},
        SourceCase{"Folder",
                   {"data.format=folder", "data.path=pictures", "data.limit=0", "data.cache=cache",
                    "data.channels=3", "data.flip=true"}},
        SourceCase{"FolderInMemory",
                   {"data.format=folder", "data.path=pictures", "data.limit=0", "data.cache=none"}},
        SourceCase{
            "Cifar10",
            {"data.format=cifar10", "data.path=" + kFixtures + "/cifar/cifar10", "data.limit=0",
             "data.channels=3", "data.image_size=[32, 32]", "train.batch_size=4"}},
        SourceCase{
            "Cifar100",
            {"data.format=cifar100", "data.path=" + kFixtures + "/cifar/cifar100", "data.limit=0",
             "data.channels=3", "data.image_size=[32, 32]", "train.batch_size=2"}}),
    [](const auto& entry) { return std::string(entry.param.name); });

TEST_F(Sources, NpyTrainsAsWell) {
  train("first", sets({"train.epochs=1"}));
  ASSERT_EQ(run({"sample", "--ckpt", "first", "-n", "64", "--out", "images.npy"}).exit_code, 0);
  train("second", sets({"data.format=npy", "data.path=images.npy", "data.limit=0"}));
  EXPECT_TRUE(exists("second/g.pt"));
}

TEST_F(Sources, AFolderGivesTheSameRunFromItsCacheAndFromItsFiles) {
  train("built", pictures());
  train("cached", pictures());
  train("decoded", pictures({"data.cache=none"}));
  const std::vector<std::string> runs{"cached", "decoded"};
  for (const std::string& run : runs) {
    EXPECT_EQ(timeless_metrics(run), timeless_metrics("built")) << run;
    EXPECT_EQ(bytes(run + "/samples/000012.png"), bytes("built/samples/000012.png")) << run;
  }
}

TEST_F(Sources, OtherPicturesAreNoneToResumeOn) {
  train("run", pictures());
  testing::put_picture(folder_ / "pictures/even/0.png", 99);
  const ProgramResult result = resume("run", sets({"train.epochs=3"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("its run was trained on other images"));
}

TEST_F(Sources, DamagedFilesAreNamedAndLeftOut) {
  write_file_atomically(folder_ / "pictures/even/0.png", "no picture");
  const ProgramResult result = train("run", pictures());
  EXPECT_THAT(
      result.err,
      HasSubstr("pictures: 1 of 60 files are no images that can be read and are left out\n"));
  EXPECT_THAT(result.err,
              HasSubstr("pictures/even/0.png: is not an image (PNG, JPEG, BMP or WebP)\n"));
  const ProgramResult strict = with({"train", "--config", "tiny.yaml", "--out", "strict"},
                                    pictures({"data.max_bad_fraction=0.01"}));
  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_THAT(strict.err, HasSubstr("more than data.max_bad_fraction (0.01) allows"));
  EXPECT_FALSE(exists("strict")) << "nothing is written before the data are read";
}

TEST_F(Sources, AFolderIsEvaluatedAgainstWhatItHeldBack) {
  train("run", pictures({"data.held_out=0.3", "data.classes=true"}));
  const ProgramResult result = run({"evaluate", "--ckpt", "run", "--samples", "20", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["reference"]["count"], 18);
  EXPECT_EQ(report["features"]["name"], "random convolutions");
  EXPECT_GT(report["measures"]["fid"]["value"], 0.0);
}

TEST_F(Sources, FeaturesAreTrainedOnAConfigurationsData) {
  const ProgramResult result =
      run({"features", "train", "--config", "tiny.yaml", "--out", "f.pt", "--epochs", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("f.pt: 10 classes"));
}

TEST_F(Sources, FeaturesAreTrainedOnAFolderForEachClass) {
  const ProgramResult result =
      run({"features", "train", "--data", "pictures", "--out", "f.pt", "--epochs", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("f.pt: 2 classes"));
}

// --config of every command ----------------------------------------------------------------------

TEST_F(Sources, AConfigurationInAPipeIsEnoughForEveryCommand) {
  const std::string yaml =
      "{data: {format: folder, path: pictures, image_size: [8, 8], channels: 3, cache: none, "
      "classes: true, held_out: 0.3}, model: {base_channels: 4}, train: {batch_size: 8, epochs: "
      "1}}";
  for (const std::string command : {"data show", "evaluate --images pictures",
                                    "features train --out f.pt --epochs 1", "train -q"}) {
    const ProgramResult result = testing::run_program(
        {"-c", fmt::format("echo '{}' | \"$0\" {} --config -", yaml, command), DCGAN_PROGRAM},
        {.folder = folder_.path(), .program = "/bin/sh"});
    EXPECT_EQ(result.exit_code, 0) << command << result.err;
  }
  EXPECT_TRUE(exists("runs/run-001/g.pt"));
}

TEST_F(Sources, AShippedConfigurationsNameIsEnoughForEveryCommand) {
  EXPECT_EQ(run({"data", "show", "--config", "smoke"}).exit_code, 0);
  EXPECT_EQ(run({"train", "-q", "--config", "smoke", "--set", "train.epochs=1"}).exit_code, 0);
  EXPECT_TRUE(exists("runs/smoke-001/g.pt"));
  EXPECT_THAT(run({"evaluate", "--images", "nowhere", "--config", "smoke"}).err,
              HasSubstr("dcgan: nowhere: "));
}

// data show ---------------------------------------------------------------------------------------

TEST_F(Sources, ShowWritesWhatTheNetworkSees) {
  const ProgramResult result =
      with({"data", "show", "--config", "tiny.yaml", "-n", "9"}, pictures({"data.classes=true"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("images          54\nnot trained on  6\n"
                                    "smallest        8 x 8\nlargest         8 x 8\n"
                                    "shape           3 x 16 x 16\n"));
  EXPECT_THAT(result.out, HasSubstr("picture         data.png\n"
                                    "class even      27\nclass odd       27\n"));
  const Image picture = read_png(folder_ / "data.png");
  EXPECT_EQ(picture.width, 3 * 16 + 4 * 2);
  EXPECT_EQ(picture.height, picture.width);
  EXPECT_EQ(picture.channels, 3);
}

TEST_F(Sources, ShowCountsAsJson) {
  const ProgramResult result =
      with({"data", "show", "--config", "tiny.yaml", "--json", "--out", "seen.png"}, pictures());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["images"], 54);
  EXPECT_EQ(json["shape"], (std::vector<int>{3, 16, 16}));
  // Each picture's green is its red and one more, its blue two more.
  const double red = json["mean"][0];
  EXPECT_NEAR(json["mean"][1].get<double>() - red, 1 / 255.0, 1e-5);
  EXPECT_NEAR(json["mean"][2].get<double>() - red, 2 / 255.0, 1e-5);
  EXPECT_EQ(json["classes"].size(), 0U);
  EXPECT_TRUE(exists("seen.png"));
}

TEST_F(Sources, ASetBelowTheFolderIsTakenAndNamed) {
  fs::create_directories(folder_ / "root/MNIST");
  fs::create_directory_symlink(DCGAN_SOURCE_DIR "/data/mnist", folder_ / "root/MNIST/raw");
  const std::string root = (folder_ / "root").string();
  const ProgramResult shown =
      run({"data", "show", "--config", "tiny.yaml", "--set", "data.path=root"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.err, HasSubstr(root + ": taken from " + root + "/MNIST/raw\n"));
  EXPECT_THAT(shown.out, HasSubstr("MNIST train, " + root + "/MNIST/raw\n"));
  const ProgramResult verified = run({"data", "verify", "root"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("mnist: all 4 files, "));
}

TEST_F(Sources, OfTrainAndTestTrainIsTaken) {
  fs::create_directories(folder_ / "data/test");
  fs::copy(folder_ / "pictures/even", folder_ / "data/test/even");
  fs::rename(folder_ / "pictures", folder_ / "data/train");
  const ProgramResult result = with({"data", "show", "--config", "tiny.yaml"},
                                    pictures({"data.path=data", "data.classes=true"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("data: taken from " + (folder_ / "data/train").string()));
  EXPECT_THAT(result.out, HasSubstr("class even      27\nclass odd       27\n"));
  EXPECT_EQ(run({"data", "verify", "data"}).out, "data: 90 images of 8 x 8\n");
}

TEST_F(Sources, WhatIsNotReadIsAnErrorWithTheWayOut) {
  fs::create_directory(folder_ / "root");
  write_file_atomically(folder_ / "root/mnist.npz", "PK\x03\x04");
  const ProgramResult result =
      run({"train", "--config", "tiny.yaml", "--out", "run", "--set", "data.path=root"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("root/mnist.npz: is an .npz, several arrays in one file"));
}

TEST_F(Sources, ShowFailsBeforeItReadsWhereItCannotWrite) {
  const ProgramResult result =
      run({"data", "show", "--config", "tiny.yaml", "--out", "nowhere/seen.png"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "dcgan: nowhere/seen.png: there is no folder nowhere; make it first\n");
}

TEST_F(Sources, NothingIsWrittenAmongThePictures) {
  const std::string before = bytes("pictures/even/0.png");
  const std::string folder = (folder_ / "pictures").string();
  ProgramResult result =
      with({"data", "show", "--config", "tiny.yaml", "--out", "pictures/even/0.png"}, pictures());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "dcgan: --out pictures/even/0.png: lies among the pictures that are trained on, in " +
                folder + "; name a place outside of it with --out\n");
  EXPECT_EQ(bytes("pictures/even/0.png"), before);
  ASSERT_EQ(with({"train", "--config", "tiny.yaml", "--out", "run"}, pictures()).exit_code, 0);
  for (const std::string flag : {"--out", "--separate"}) {
    const std::string target = flag == "--out" ? "pictures/samples.png" : "pictures/drawn";
    result = run({"sample", "--ckpt", "run", flag, target});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, ::testing::StartsWith(fmt::format(
                                "dcgan: {} {}: lies among the pictures that are ", flag, target)));
  }
  result = with({"evaluate", "--ckpt", "run", "--neighbours", "pictures/near.png"}, {});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(resume("run", {"--set", "train.epochs=3"}).exit_code, 0);
}

TEST_F(Sources, ShowTakesALimitBelowABatch) {
  const ProgramResult result = with({"data", "show", "--config", "tiny.yaml", "-n", "9"},
                                    pictures({"data.limit=2", "train.batch_size=8"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("images          2\n"));
}

TEST_F(Sources, ADryRunKeepsTheDecodedImagesAndSaysSo) {
  const ProgramResult result = with({"train", "--config", "tiny.yaml", "--dry-run"}, pictures());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("dry run: no run was written; the decoded images are kept in " +
                                    (folder_ / "cache").string()));
  EXPECT_FALSE(exists("runs"));
}

// data verify -------------------------------------------------------------------------------------

TEST_F(Sources, VerifyCountsAnyOtherSet) {
  const ProgramResult folder = run({"data", "verify", "pictures"});
  EXPECT_EQ(folder.exit_code, 0) << folder.err;
  EXPECT_EQ(folder.out, "pictures: 60 images of 8 x 8\n");
  const ProgramResult cifar = run({"data", "verify", kFixtures + "/cifar/cifar100"});
  EXPECT_EQ(cifar.out, kFixtures + "/cifar/cifar100: 4 images of 32 x 32 in the train split\n" +
                           kFixtures + "/cifar/cifar100: 2 images of 32 x 32 in the test split\n");
}

TEST_F(Sources, VerifyNamesEveryDamagedFile) {
  for (int i = 1; i < 24; i += 2) {
    write_file_atomically(folder_ / "pictures/odd" / (std::to_string(i) + ".png"), "");
  }
  const ProgramResult result = run({"data", "verify", "pictures"});
  EXPECT_EQ(result.exit_code, 1);
  for (int i = 1; i < 24; i += 2) {
    EXPECT_THAT(result.out, HasSubstr("pictures/odd/" + std::to_string(i) + ".png: is empty\n"));
  }
  EXPECT_THAT(result.out, HasSubstr("pictures: 48 images of 8 x 8\n"));
  EXPECT_EQ(result.err,
            "dcgan: pictures: 12 of 60 files are damaged or no images; mend or remove them\n");
}

TEST_F(Sources, VerifyTakesAnArray) {
  const std::string images(5 * 9 * 8, '\x20');
  write_npy(folder_ / "images.npy", {5, 9, 8}, images);
  const ProgramResult result = run({"data", "verify", "images.npy"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "images.npy: 5 images of 9 x 8\n");
  const ProgramResult none = run({"data", "verify", "none.npy"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("none.npy: "));
}

// Settings that do not fit the data ---------------------------------------------------------------

TEST_F(Sources, AFolderOfPicturesUnderMnistsFormatIsSaidToBeOne) {
  const ProgramResult result =
      run({"train", "--config", "tiny.yaml", "--out", "run", "--set", "data.path=pictures"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(": holds a set of format folder; set data.format: folder\n"));
  EXPECT_FALSE(exists("run"));
}

TEST_F(Sources, CifarsFilesUnderTheFolderFormatAreSaidToBeThem) {
  const ProgramResult result =
      run({"train", "--config", "tiny.yaml", "--out", "run", "--set", "data.format=folder", "--set",
           "data.path=" + kFixtures + "/cifar/cifar10"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(": holds a set of format cifar10; set data.format: cifar10\n"));
}

TEST_F(Sources, WithoutHeldOutImagesThereIsNothingToMeasureAgainst) {
  const ProgramResult trained =
      with({"train", "--config", "tiny.yaml", "--out", "run"}, pictures({"data.held_out=0"}));
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("the samples are not evaluated: data.held_out is 0"));
  const ProgramResult result = run({"evaluate", "--ckpt", "run/g.pt"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("name others with --data, or with --config"));
  // Of another folder a share is held out as ever.
  fs::copy(folder_ / "pictures", folder_ / "others", fs::copy_options::recursive);
  const ProgramResult other =
      run({"evaluate", "--ckpt", "run/g.pt", "--data", "others", "--samples", "20"});
  EXPECT_THAT(other.err, ::testing::Not(HasSubstr("data.held_out is 0")));
}

TEST_F(Sources, ALimitTakesAsManyGoodPicturesWithACacheAsWithout) {
  write_file_atomically(folder_ / "pictures/even/10.png", "");
  const auto limited = [&](const std::string& cache) {
    return pictures({"data.limit=20", "data.cache=" + cache, "data.max_bad_fraction=0.5"});
  };
  ASSERT_EQ(with({"train", "--config", "tiny.yaml", "--out", "a"}, limited("cache")).exit_code, 0);
  ASSERT_EQ(with({"train", "--config", "tiny.yaml", "--out", "b"}, limited("none")).exit_code, 0);
  // The files' configurations differ in data.cache.
  EXPECT_EQ(bytes("a/samples/000004.png"), bytes("b/samples/000004.png"));
  EXPECT_EQ(timeless_metrics("a"), timeless_metrics("b"));
  EXPECT_EQ(resume("a", {"--set", "data.cache=none", "--set", "train.epochs=3"}).exit_code, 0);
}

TEST_F(Sources, TheGeneratorMustHaveAStep) {
  const ProgramResult result = with({"train", "--config", "tiny.yaml", "--out", "run"},
                                    sets({"train.discriminator_steps=1000", "train.loss=hinge"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("train.discriminator_steps (1000) is more than the run has steps "
                        "(128), so that the generator would never be updated"));
  EXPECT_FALSE(exists("run"));
}

// What happens to a cache -------------------------------------------------------------------------

TEST_F(Sources, WaitingForAnothersCacheCanBeStopped) {
  const auto settings = pictures();
  ASSERT_EQ(with({"train", "--config", "tiny.yaml", "--out", "a"}, settings).exit_code, 0);
  int lock = -1;
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
    if (entry.path().extension() == ".lock") lock = open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
    if (entry.path().extension() == ".npy") fs::remove(entry.path());
  }
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  std::vector<std::string> arguments{"train", "--config", "tiny.yaml", "--out", "b"};
  arguments.insert(arguments.end(), settings.begin(), settings.end());
  testing::RunningProgram program(arguments, {.folder = folder_.path()});
  std::this_thread::sleep_for(std::chrono::seconds(5));  // it waits from its first second on
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  close(lock);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("waiting for another program that prepares the same images"));
  EXPECT_FALSE(exists("b"));
}

TEST_F(Sources, StoppedWhilePreparingLeavesNothingBehind) {
  // Large enough that decoding them takes seconds.
  const Image large{2500, 2500, 3, std::vector<std::uint8_t>(3 * 2500 * 2500, 77)};
  write_png(folder_ / "pictures/even/large.png", large);
  for (int i = 0; i < 120; ++i) {
    fs::copy(folder_ / "pictures/even/large.png",
             folder_ / "pictures/odd" / ("large" + std::to_string(i) + ".png"));
  }
  std::vector<std::string> arguments{"train", "--config", "tiny.yaml", "--out", "run"};
  const auto settings = pictures();
  arguments.insert(arguments.end(), settings.begin(), settings.end());
  testing::RunningProgram program(arguments, {.folder = folder_.path()});
  const auto is_building = [&] {
    if (!exists("cache")) return false;
    return std::any_of(fs::directory_iterator(folder_ / "cache"), fs::directory_iterator(),
                       [](const auto& entry) { return entry.path().extension() == ".part"; });
  };
  while (program.is_running() && !is_building()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("dcgan: stopped while preparing images: "));
  EXPECT_THAT(result.err, HasSubstr(" of 181 are done\n"));
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
    EXPECT_EQ(entry.path().extension(), ".lock");
  }
  EXPECT_FALSE(exists("run"));
}

}  // namespace
}  // namespace dcgan
