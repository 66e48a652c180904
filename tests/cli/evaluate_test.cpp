// `dcgan evaluate` as a user runs it, on a set that is small enough to take a second.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/read_png.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::run_program;
using ::testing::StartsWith;
using testing::TempFolder;

const std::string kFeatures = std::string(DCGAN_SOURCE_DIR) + "/data/features/mnist.pt";
constexpr int kSize = 12;

std::string idx(const std::vector<int>& sizes, const std::string& bytes) {
  std::string file = std::string(2, '\0') + '\x08' + static_cast<char>(sizes.size());
  for (const int size : sizes) {
    file += std::string(2, '\0') + static_cast<char>(size >> 8) + static_cast<char>(size & 255);
  }
  return file + bytes;
}

/// A bar at a place of its own in each image, and some dots.
std::string pixels(int count, int seed) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    for (int at = 0; at < kSize * kSize; ++at) {
      const bool bar = at % kSize == (i + seed) % kSize || at % (i % 7 + 20) == 3;
      bytes += static_cast<char>(bar ? 200 + (i * 13 + at + seed) % 50 : (i * 7 + at * seed) % 30);
    }
  }
  return bytes;
}

std::string labels(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(i % kSize);
  return bytes;
}

/// A data set and a generator that was trained on it for a moment, made once.
class Evaluate : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    make_folder(*folder_ / "data");
    constexpr int kTraining = 240;
    constexpr int kTest = 160;
    put("data/train-images-idx3-ubyte", idx({kTraining, kSize, kSize}, pixels(kTraining, 1)));
    put("data/train-labels-idx1-ubyte", idx({kTraining}, labels(kTraining)));
    put("data/t10k-images-idx3-ubyte", idx({kTest, kSize, kSize}, pixels(kTest, 5)));
    put("data/t10k-labels-idx1-ubyte", idx({kTest}, labels(kTest)));
    put("tiny.yaml",
        "data: {path: data, image_size: [12, 12]}\n"
        "model: {base_channels: 4, latent_dim: 8}\n"
        "train: {epochs: 1, batch_size: 8}\n");
    put("other.yaml", "data: {path: data, image_size: [16, 16]}\n");
    ASSERT_EQ(run({"train", "-q", "--config", "tiny.yaml", "--out", "run"}).exit_code, 0);
  }
  static void TearDownTestSuite() { delete folder_; }

  static void put(const std::string& name, const std::string& bytes) {
    write_file_atomically(*folder_ / name, bytes);
  }
  static ProgramResult run(const std::vector<std::string>& arguments) {
    return run_program(arguments, {.folder = folder_->path()});
  }
  static ProgramResult evaluate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "evaluate");
    for (const char* word : {"--features", kFeatures.c_str(), "--samples", "120"}) {
      arguments.emplace_back(word);
    }
    return run(arguments);
  }
  static json report(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const ProgramResult result = evaluate(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }
  static void expect_failure(const ProgramResult& result, const std::string& message) {
    EXPECT_THAT(result.err, HasSubstr("dcgan: " + message + "\n"));
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.exit_code, 1);
  }

  inline static TempFolder* folder_ = nullptr;
};

TEST_F(Evaluate, PrintsATable) {
  const ProgramResult result = evaluate({"--ckpt", "run"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("120 samples: run/g.pt, seed 1\n"
                                     "reference: 160 images of MNIST test, "));
  EXPECT_THAT(result.out, HasSubstr("\nprecision "));
  EXPECT_THAT(result.out, HasSubstr("\nClearly worse than among real images:\n- fid is high"));
  EXPECT_THAT(result.err, HasSubstr(" s  computing features\n"));
}

TEST_F(Evaluate, PrintsJson) {
  const json all = report({"--ckpt", "run/g.pt", "--seed", "3"});
  EXPECT_EQ(all["samples"], (json{{"source", "run/g.pt"}, {"count", 120}, {"seed", 3}}));
  EXPECT_EQ(all["features"]["name"], kFeatures);
  EXPECT_EQ(all["reference"]["split"], "test");
  EXPECT_EQ(all["reference"]["count"], 160);
  EXPECT_EQ(all["real"]["count"], 120);
  EXPECT_EQ(all["measures"].size(), 15U);
  EXPECT_EQ(all["classes"]["shares"].size(), 10U);
}

TEST_F(Evaluate, IsTheSameAgainAndWithOtherThreads) {
  json all = report({"--ckpt", "run"});
  EXPECT_EQ(report({"--ckpt", "run"}), all);
  json other = report({"--ckpt", "run", "--threads", "2"});
  // Sums of LAPACK and, on some CPUs, of BLAS depend on their threads, in the last digits. kid's
  // error is a deviation of numbers that are nearly equal.
  for (const auto& [measure, tolerance] : {std::pair("fid", 1e-9), std::pair("kid", 1e-6)}) {
    for (const char* number : {"value", "error", "real", "real_error"}) {
      const double expected = all["measures"][measure][number].get<double>();
      EXPECT_NEAR(other["measures"][measure][number].get<double>(), expected,
                  tolerance * std::abs(expected))
          << measure << ' ' << number;
    }
    all["measures"].erase(measure);
    other["measures"].erase(measure);
  }
  EXPECT_EQ(other, all);
}

TEST_F(Evaluate, TrainsClassifiersOnSamplesAndOnRealImages) {
  const auto trained =
      run({"train", "-q", "--config", "tiny.yaml", "--out", "told", "--set", "model.classes=12",
           "--set", "model.latent_modes=12", "--set", "model.latent_dim=12"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const json all = report({"--ckpt", "told", "--classifier-score"})["measures"];
  const json& score = all.at("classifier_score");
  EXPECT_GT(score["error"], 0);
  EXPECT_EQ(report({"--ckpt", "told", "--classifier-score"})["measures"], all);
}

TEST_F(Evaluate, TrainsNoClassifierOnSamplesWithoutClasses) {
  expect_failure(evaluate({"--ckpt", "run", "--classifier-score"}),
                 "run/g.pt: has no classes, so that no classifier can learn from its images; leave "
                 "out --classifier-score, or train with model.classes");
}

TEST_F(Evaluate, MeasuresImagesThatSampleWrote) {
  const json expected = report({"--ckpt", "run"})["measures"];
  ASSERT_EQ(run({"sample", "--ckpt", "run", "-n", "120", "--out", "s.npy"}).exit_code, 0);
  EXPECT_EQ(report({"--images", "s.npy", "--data", "data"})["measures"], expected);
  ASSERT_EQ(run({"sample", "--ckpt", "run", "-n", "120", "--separate", "pngs"}).exit_code, 0);
  const json all = report({"--images", "pngs", "--config", "tiny.yaml"});
  EXPECT_EQ(all["measures"], expected);
  EXPECT_TRUE(all["samples"]["seed"].is_null());
}

TEST_F(Evaluate, SaysWhatItLeavesOutOfAFolder) {
  ASSERT_EQ(run({"sample", "--ckpt", "run", "-n", "12", "--separate", "some"}).exit_code, 0);
  put("some/000003.png", "nonsense");
  put("some/notes.txt", "x");
  const ProgramResult result = evaluate({"--images", "some", "--data", "data"});
  EXPECT_THAT(result.out, StartsWith("11 samples: some\n"));
  EXPECT_THAT(result.err, HasSubstr("some: 1 of 12 files are no images that can be read and are "
                                    "left out\nsome/000003.png: is not an image"));
  EXPECT_THAT(result.err, HasSubstr("some: other files are left out: 1 of .txt\n"));
}

TEST_F(Evaluate, FindsNothingWrongWithTheTestImages) {
  put("real.npy", std::string("\x93NUMPY\x01\0", 8) + "\x46" + std::string(1, '\0') +
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (160, 12, 12), }   \n" +
                      pixels(160, 5));
  const ProgramResult result = evaluate({"--images", "real.npy", "--data", "data"});
  EXPECT_THAT(result.out, HasSubstr("\nNo measure is clearly worse than among real images.\n"))
      << result.err;
}

TEST_F(Evaluate, DrawsTheNearestTrainingImages) {
  const ProgramResult result = evaluate({"--ckpt", "run", "--neighbours", "near.png"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const Image sheet = read_png(*folder_ / "near.png");
  EXPECT_EQ(sheet.width, 8 * (2 * kSize + 4) + 4);
  EXPECT_EQ(sheet.height, 8 * (kSize + 4) + 4);
}

TEST_F(Evaluate, NeedsTheFolderOfTheDrawing) {
  expect_failure(evaluate({"--ckpt", "run", "--neighbours", "absent/near.png"}),
                 "absent/near.png: there is no folder absent; make it first");
}

TEST_F(Evaluate, WritesNothingUnasked) {
  const auto count = [] {
    return std::distance(std::filesystem::recursive_directory_iterator(folder_->path()), {});
  };
  const auto before = count();
  evaluate({"--ckpt", "run"});
  EXPECT_EQ(count(), before);
}

TEST_F(Evaluate, TakesRandomFeaturesForAnUnknownSet) {
  const ProgramResult result = run({"evaluate", "--ckpt", "run", "--samples", "100"});
  EXPECT_THAT(result.out, HasSubstr("random convolutions"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Evaluate, RefusesImagesOfAnotherSize) {
  expect_failure(evaluate({"--images", "pngs12", "--config", "other.yaml"}),
                 "pngs12: no such file or folder");
  ASSERT_EQ(run({"sample", "--ckpt", "run", "-n", "12", "--out", "twelve.npy"}).exit_code, 0);
  expect_failure(evaluate({"--images", "twelve.npy", "--config", "other.yaml"}),
                 "twelve.npy: its images are 1 x 12 x 12, but those of "
                 "--config are 1 x 16 x 16 (channels, height, width)");
}

TEST_F(Evaluate, RefusesTooFewImages) {
  ASSERT_EQ(run({"sample", "--ckpt", "run", "-n", "9", "--out", "nine.npy"}).exit_code, 0);
  expect_failure(evaluate({"--images", "nine.npy", "--data", "data"}),
                 "nine.npy: holds 9 images, but evaluate needs at least 10");
}

TEST_F(Evaluate, SaysWhatFewImagesCannotShow) {
  ASSERT_EQ(run({"sample", "--ckpt", "run", "-n", "30", "--out", "few.npy"}).exit_code, 0);
  const ProgramResult result = evaluate({"--images", "few.npy", "--data", "data"});
  EXPECT_THAT(result.out,
              HasSubstr("left out: inception_score: it needs 100 images of each kind, there are "
                        "30\n"));
}

}  // namespace
}  // namespace dcgan
