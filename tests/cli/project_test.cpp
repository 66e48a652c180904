// `dcgan project` and `dcgan evaluate --recovery`, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/training_fixture.h"
#include "sources/arrays.h"
#include "support/read_png.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::Training;

class Project : public Training {
 protected:
  Project() {
    train("run", {"--set", "train.epochs=1"});
    EXPECT_EQ(run({"sample", "--ckpt", "run", "-n", "3", "--separate", "made"}).exit_code, 0);
  }
};

TEST_F(Project, WritesEachPictureBesideItsImage) {
  const ProgramResult result = run({"project", "--ckpt", "run", "--image", "made", "--out", "p"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("comparing pixels and D's features\n"));
  EXPECT_THAT(result.out, HasSubstr("picture     written to"));
  EXPECT_THAT(result.out, HasSubstr("\n000002.png  000002.png"));
  EXPECT_THAT(result.out, HasSubstr("\nerror: "));
  EXPECT_EQ(read_float_npy(folder_ / "p/z.npy").sizes, (std::vector<std::int64_t>{3, 8}));
  EXPECT_EQ(
      run({"sample", "--ckpt", "run", "--latents", "p/z.npy", "--separate", "again"}).exit_code, 0);
  for (const std::string name : {"000000.png", "000001.png", "000002.png"}) {
    const Image pair = read_png(folder_ / "p" / name);
    ASSERT_EQ(pair.width, 2 + 2 * 30);
    const Image given = read_png(folder_ / "made" / name);
    const Image again = read_png(folder_ / "again" / name);
    for (std::int64_t y = 0; y < 28; ++y) {
      for (std::int64_t x = 0; x < 28; ++x) {
        const auto at = static_cast<std::size_t>(28 * y + x);
        const auto in_pair = static_cast<std::size_t>((2 + y) * pair.width + 2 + x);
        EXPECT_EQ(pair.pixels[in_pair], given.pixels[at]);
        EXPECT_EQ(pair.pixels[in_pair + 30], again.pixels[at]);
      }
    }
  }
}

TEST_F(Project, FitsOnePictureAndSpeaksJson) {
  const ProgramResult result =
      run({"project", "--ckpt", "run/g.pt", "--image", "made/000001.png", "--out", "p", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("comparing pixels and features of the mnist classifier"));
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["images"][0]["file"], "000001.png");
  EXPECT_EQ(json["images"][0]["error"], json["error"]);
  EXPECT_LT(json["generated"], json["held_out"]);
  // The same again.
  const ProgramResult again =
      run({"project", "--ckpt", "run/g.pt", "--image", "made/000001.png", "--out", "q", "--json"});
  EXPECT_EQ(again.out, result.out);
  EXPECT_EQ(bytes("q/z.npy"), bytes("p/z.npy"));
}

TEST_F(Project, NamesWhatItCanNotUse) {
  const auto said = [this](const std::string& image, const std::string& out, int exit_code) {
    const ProgramResult result = run({"project", "--ckpt", "run", "--image", image, "--out", out});
    EXPECT_EQ(result.exit_code, exit_code);
    return result.err;
  };
  EXPECT_EQ(said("nowhere.png", "p", 1), "dcgan: nowhere.png: no such file\n");
  EXPECT_EQ(said("made", "made", 2),
            "dcgan: --out made: the folder is not empty; name a new one\n");
  EXPECT_THAT(said("tiny.yaml", "p", 1), HasSubstr("dcgan: tiny.yaml: "));
  EXPECT_FALSE(exists("p"));
}

TEST_F(Project, RecoveryIsReportedBesideTheMeasures) {
  const std::vector<std::string> arguments{"evaluate", "--ckpt",     "run", "--samples",
                                           "200",      "--recovery", "4"};
  const ProgramResult table = run(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("\nrecovery, the error of the nearest image"));
  auto with_json = arguments;
  with_json.emplace_back("--json");
  const auto json = nlohmann::json::parse(run(with_json).out);
  EXPECT_EQ(json["recovery"]["count"], 4);
  EXPECT_LT(json["recovery"]["generated"]["value"], json["recovery"]["held_out"]["value"]);
  EXPECT_GT(json["recovery"]["training"]["error"], 0);
}

}  // namespace
}  // namespace dcgan
