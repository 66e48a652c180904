// What the program says to what it cannot use: one message, the right exit code, nothing written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "base/file.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using testing::ProgramResult;
using testing::run_program;
using testing::TempFolder;

/// A test in an empty folder, which must be empty afterwards but for what the test put there.
class BadInput : public ::testing::Test {
 protected:
  ~BadInput() override {
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), put_)
        << "something was written";
  }

  void put(const std::string& name, std::string_view bytes) {
    write_file_atomically(folder_ / name, bytes);
    ++put_;
  }
  ProgramResult run(const std::vector<std::string>& arguments) {
    return run_program(arguments, {.folder = folder_.path()});
  }
  /// The program must end with 2 and say only `message`.
  void expect_usage_error(const std::vector<std::string>& arguments, const std::string& message) {
    expect_error(arguments, 2, message);
  }
  void expect_error(const std::vector<std::string>& arguments, int exit_code,
                    const std::string& message) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.err, "dcgan: " + message + "\n");
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.exit_code, exit_code);
  }

  TempFolder folder_;
  std::ptrdiff_t put_ = 0;
};

// The command line --------------------------------------------------------------------------------

using CommandLine = BadInput;

TEST_F(CommandLine, WithoutACommandShowsTheHelp) {
  const ProgramResult result = run({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, run({"--help"}).out);
}

TEST_F(CommandLine, SuggestsACommand) {
  expect_usage_error({"trian", "--config", "c.yaml"},
                     "unknown command 'trian'; did you mean 'train'?");
}

TEST_F(CommandLine, PointsToTheListOfCommands) {
  expect_usage_error({"draw"}, "unknown command 'draw'; 'dcgan --help' lists them");
}

TEST_F(CommandLine, SuggestsAnOption) {
  expect_usage_error({"sample", "--chkpt", "g.pt"},
                     "sample has no option '--chkpt'; did you mean '--ckpt'?");
}

TEST_F(CommandLine, PointsToTheListOfOptions) {
  expect_usage_error({"inspect", "g.pt", "-x"},
                     "inspect has no option '-x'; 'dcgan inspect --help' lists them");
}

TEST_F(CommandLine, SaysWhereAnOptionBelongs) {
  expect_usage_error({"--config", "c.yaml", "train"},
                     "'--config' belongs behind the command, as in: dcgan train --config ...");
}

TEST_F(CommandLine, RefusesAnOptionWithoutItsValue) {
  expect_usage_error({"train", "--config"},
                     "--config needs a value; 'dcgan train --help' shows which");
}

TEST_F(CommandLine, RefusesAnEmptyValue) {
  expect_usage_error({"sample", "--ckpt", ""}, "--ckpt needs a value, not an empty one");
}

TEST_F(CommandLine, RefusesAValueForASwitch) {
  expect_usage_error({"train", "--resume=7"}, "--resume takes no value");
}

TEST_F(CommandLine, RefusesAnOptionGivenTwice) {
  expect_usage_error({"train", "--config", "a", "--config", "b"},
                     "--config is given 2 times; leave one");
}

TEST_F(CommandLine, RefusesAWordTooMany) {
  expect_usage_error({"inspect", "a", "b"},
                     "'b' is one word too many; 'dcgan inspect --help' shows how to write it");
}

using TrainLine = BadInput;

TEST_F(TrainLine, NeedsAConfiguration) {
  expect_usage_error({"train"},
                     "train needs --config, as in:\n"
                     "       dcgan train --config quick.yaml");
}

TEST_F(TrainLine, NeedsARunToResume) {
  expect_usage_error({"train", "--resume"},
                     "--resume needs --out, the run directory to go on with, as in:\n"
                     "       dcgan train --out runs/mnist-001 --resume");
}

TEST_F(TrainLine, RefusesQuietAndVerbose) {
  expect_usage_error({"train", "--config", "c.yaml", "-q", "-v"},
                     "-q and -v contradict each other; leave one out");
}

using SampleLine = BadInput;

TEST_F(SampleLine, NeedsACheckpoint) {
  expect_usage_error({"sample"},
                     "sample needs --ckpt, a g.pt, a checkpoint or a run directory, as in:\n"
                     "       dcgan sample --ckpt runs/mnist-001/g.pt");
}

TEST_F(SampleLine, RefusesACountThatIsNone) {
  for (const std::string count :
       {"0", "-1", "abc", "1.5", "1000000000000", "99999999999999999999"}) {
    expect_usage_error({"sample", "--ckpt", "g.pt", "-n", count},
                       "-n must be an integer from 1 to 65536, not '" + count + "'");
  }
}

TEST_F(SampleLine, PointsToSeparateFilesForACountTooLargeForAGrid) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "-n", "65537"},
                     "-n must be an integer from 1 to 65536, not '65537'; --separate DIR in place "
                     "of one file takes up to 1000000000");
}

TEST_F(SampleLine, RefusesACountTooLargeForSeparateFiles) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "-n", "1000000001", "--separate", "d"},
                     "-n must be an integer from 1 to 1000000000, not '1000000001'");
}

TEST_F(SampleLine, RefusesAnOutputThatIsNoPng) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--out", "a.jpg"},
                     "--out must be a file name that ends in .png or .npy, not 'a.jpg'");
}

TEST_F(SampleLine, RefusesColumnsOfAnArray) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--out", "a.npy", "--columns", "2"},
                     "--columns arranges a grid, which a .npy file is not; leave one out");
  expect_usage_error({"sample", "--ckpt", "g.pt", "--out", "a.npy", "--padding", "2"},
                     "--padding arranges a grid, which a .npy file is not; leave one out");
  expect_usage_error({"sample", "--ckpt", "g.pt", "--separate", "a", "--columns", "2"},
                     "--columns arranges a grid, which --separate does not write; leave one out");
  expect_usage_error({"sample", "--ckpt", "g.pt", "--separate", "a", "--padding", "2"},
                     "--padding arranges a grid, which --separate does not write; leave one out");
}

TEST_F(SampleLine, RefusesAnArrayThatIsTooLarge) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--out", "a.npy", "-n", "1000001"},
                     "-n must be an integer from 1 to 1000000, not '1000001'; --separate DIR in "
                     "place of one file takes up to 1000000000");
  // --separate would be refused beside it.
  expect_usage_error({"sample", "--ckpt", "g.pt", "--interpolate", "10", "-n", "100000"},
                     "-n must be an integer from 1 to 65536, not '100000'");
}

TEST_F(SampleLine, RefusesMoreColumnsThanImages) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "-n", "8", "--columns", "9"},
                     "--columns must be at most 8, the number of images, not 9");
}

TEST_F(SampleLine, RefusesPaddingOutOfRange) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--padding", "257"},
                     "--padding must be an integer from 0 to 256, not '257'");
}

TEST_F(SampleLine, RefusesACountThatIsNoMultipleOfTheWalk) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "-n", "63", "--interpolate", "8"},
                     "-n must be a multiple of --interpolate 8, not 63; the nearest is 64");
}

TEST_F(SampleLine, RefusesAWalkWithColumns) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--interpolate", "8", "--columns", "4"},
                     "--interpolate sets the columns itself: a walk is a row; leave out --columns");
}

TEST_F(SampleLine, RefusesAWalkInSeparateFiles) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--interpolate", "8", "--separate", "d"},
                     "--interpolate makes rows of a grid, which --separate does not write; leave "
                     "one out");
}

TEST_F(SampleLine, RefusesATruncationOutOfRange) {
  for (const std::string psi : {"0", "-1", "2.1", "nan", "much"}) {
    expect_usage_error(
        {"sample", "--ckpt", "g.pt", "--truncation", psi},
        "--truncation must be a number more than 0 and at most 2, not '" + psi + "'");
  }
}

TEST_F(SampleLine, RefusesWhatIsNoClass) {
  for (const std::string text : {"1,,2", ",1", "1,", " "}) {
    expect_usage_error(
        {"sample", "--ckpt", "g.pt", "--class", text},
        "--class must be a class or several, such as 3 or 0,1,2, not '" + text + "'");
  }
}

TEST_F(SampleLine, RefusesAFileBesideAFolder) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--out", "a.png", "--separate", "d"},
                     "--separate writes a file an image into its folder, --out all images into "
                     "one; leave one out");
}

TEST_F(SampleLine, RefusesAnUnknownDevice) {
  expect_usage_error({"sample", "--ckpt", "g.pt", "--device", "tpu"},
                     "--device must be auto, cpu, cuda or cuda:N, not 'tpu'");
}

using InspectLine = BadInput;

TEST_F(InspectLine, NeedsAPath) {
  expect_usage_error({"inspect"},
                     "inspect needs a file or a run directory, as in:\n"
                     "       dcgan inspect runs/mnist-001/g.pt");
}

using DataLine = BadInput;

TEST_F(DataLine, WithoutACommandShowsTheHelp) {
  const ProgramResult result = run({"data"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, run({"data", "--help"}).out);
}

TEST_F(DataLine, SuggestsACommand) {
  expect_usage_error({"data", "fecth"}, "data has no command 'fecth'; did you mean 'fetch'?");
}

TEST_F(DataLine, FetchNeedsAName) {
  expect_usage_error({"data", "fetch"},
                     "data fetch needs the name of a set, as in:\n"
                     "       dcgan data fetch fashion-mnist");
}

TEST_F(DataLine, FetchSuggestsASet) {
  expect_usage_error({"data", "fetch", "cifra10"},
                     "unknown data set 'cifra10'; did you mean 'cifar10'?");
}

TEST_F(DataLine, FetchRefusesAMirrorThatIsNotOfTheWeb) {
  for (const std::string url : {"ftp://host/", "file:///tmp", "host/folder"}) {
    expect_usage_error(
        {"data", "fetch", "mnist", "--mirror", url},
        "--mirror must be a URL that begins with http:// or https://, not '" + url + "'");
  }
}

TEST_F(DataLine, VerifyNeedsAFolder) {
  expect_usage_error({"data", "verify"},
                     "data verify needs a folder, as in:\n"
                     "       dcgan data verify data/mnist");
  expect_error({"data", "verify", "nowhere"}, 1,
               "nowhere: no such folder; name the folder that holds the files");
}

TEST_F(DataLine, ShowRefusesAnOutputThatIsNoPng) {
  expect_usage_error({"data", "show", "--out", "a.jpg"},
                     "--out must be a file name that ends in .png, not 'a.jpg'");
}

TEST_F(DataLine, ShowRefusesACountThatIsNone) {
  expect_usage_error({"data", "show", "-n", "0"}, "-n must be an integer from 1 to 65536, not '0'");
}

TEST_F(DataLine, ShowRefusesAnUnknownKey) {
  expect_usage_error({"data", "show", "--set", "data.pth=a"},
                     "--set: unknown key 'data.pth'; did you mean 'data.path'?");
}

using ConfigLine = BadInput;

TEST_F(ConfigLine, RefusesDefaultsWithAConfiguration) {
  expect_usage_error({"config", "--defaults", "--config", "c.yaml"},
                     "--defaults shows the built-in values; leave out --config and --set");
}

TEST_F(ConfigLine, SaysWhenTheOutputCannotBeWritten) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  const auto result =
      run_program({"-c", "exec \"$0\" config > /dev/full", DCGAN_PROGRAM}, {.program = "/bin/sh"});
  EXPECT_EQ(result.err, "dcgan: the standard output cannot be written\n");
  EXPECT_EQ(result.exit_code, 1);
}

// The program's own files -------------------------------------------------------------------------

/// A copy of the executable in a folder of its own, away from its library.
class Installation : public ::testing::Test {
 protected:
  Installation() { std::filesystem::copy_file(DCGAN_PROGRAM, folder_ / "dcgan"); }

  ProgramResult inspect() {
    return run_program({"inspect", "g.pt"}, {.program = (folder_ / "dcgan").string()});
  }

  TempFolder folder_;
  std::string library_ = (folder_ / "libdcgan_commands.so").string();
};

TEST_F(Installation, WithoutItsLibrarySaysWhereItLooked) {
  const auto result = inspect();
  const std::string installed =
      (folder_.path().parent_path() / "lib/dcgan/libdcgan_commands.so").string();
  EXPECT_EQ(result.err, "dcgan: libdcgan_commands.so is missing: neither " + library_ +
                            "\n       nor " + installed +
                            " is there; build or install dcgan again\n");
  EXPECT_EQ(result.exit_code, 1);
}

TEST_F(Installation, WithADamagedLibrarySaysWhatToDo) {
  write_file_atomically(library_, "no library");
  const auto result = inspect();
  EXPECT_EQ(result.err, "dcgan: " + library_ + " cannot be loaded: " + library_ +
                            ": file too short\n       scripts/setup.sh installs what it needs\n");
  EXPECT_EQ(result.exit_code, 1);
}

TEST_F(Installation, AnswersHelpWithoutItsLibrary) {
  EXPECT_EQ(run_program({"--help"}, {.program = (folder_ / "dcgan").string()}).exit_code, 0);
}

// The configuration -------------------------------------------------------------------------------
// Every text is asserted in config/resolve_test.cpp; here is what `train` does with it.

using ConfigurationFile = BadInput;

TEST_F(ConfigurationFile, IsMissing) {
  expect_usage_error({"train", "--config", "c.yaml"},
                     "c.yaml: no such file; shipped are avatars.yaml, cifar10.yaml, cifar100.yaml, "
                     "dense.yaml, fashion.yaml, kmnist.yaml, mnist-best.yaml, mnist-paper.yaml, "
                     "mnist.yaml, quick.yaml, smoke.yaml, wgan.yaml");
}

TEST_F(ConfigurationFile, IsAFolder) {
  expect_usage_error({"train", "--config", "."}, ".: is a folder, not a file");
}

TEST_F(ConfigurationFile, IsNotYaml) {
  put("c.yaml", "train: [1, 2\n");
  expect_usage_error({"train", "--config", "c.yaml"},
                     "c.yaml:2: is not valid YAML: end of sequence flow not found; check "
                     "indentation, colons and quotes here");
}

TEST_F(ConfigurationFile, IsAList) {
  put("c.yaml", "- 1\n");
  expect_usage_error({"train", "--config", "c.yaml"},
                     "c.yaml:1: must hold sections such as 'train:' with keys below, not a list");
}

TEST_F(ConfigurationFile, HasAnUnknownKey) {
  put("c.yaml", "train:\n  batchsize: 64\n");
  expect_usage_error({"train", "--config", "c.yaml"},
                     "c.yaml:2: unknown key 'train.batchsize'; did you mean 'train.batch_size'?");
}

TEST_F(ConfigurationFile, HasAKeyTwice) {
  put("c.yaml", "seed: 1\nseed: 2\n");
  expect_usage_error({"train", "--config", "c.yaml"},
                     "c.yaml:2: 'seed' is given twice; the first is in line 1");
}

TEST_F(ConfigurationFile, HasSeveralProblemsTogetherWithTheCommandLine) {
  put("c.yaml", "train:\n  batch_size: abc\n  epochs: 0\n");
  expect_usage_error(
      {"train", "--config", "c.yaml", "--set", "train.epoch=3", "--threads", "-1", "--seed", "x"},
      "c.yaml:2: train.batch_size must be an integer from 2 to 65536, not 'abc'\n"
      "       c.yaml:3: train.epochs must be an integer from 1 to 100000, not '0'\n"
      "       --set: unknown key 'train.epoch'; did you mean 'train.epochs'?\n"
      "       --threads must be an integer from 0 to 1024, not '-1'\n"
      "       --seed must be an integer from 0 to 9223372036854775807, not 'x'");
}

// Data, checkpoints and outputs -------------------------------------------------------------------
// (to be added here: no data, wrong magic, truncated, ...; no checkpoint, random bytes, ...)

}  // namespace
}  // namespace dcgan
