// `dcgan export` and `import`, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/training_fixture.h"
#include "export/formats.h"
#include "support/read_png.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::Training;

using Export = Training;

class ModelCard : public Training {
 protected:
  /// `dcgan export --ckpt <checkpoint> --to out/<file> --model-card`, and the card.
  std::string card(const std::string& checkpoint, const std::string& file = "digits.pth") const {
    std::filesystem::create_directory(folder_ / "out");
    const ProgramResult result =
        run({"export", "--ckpt", checkpoint, "--to", "out/" + file, "--model-card"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return bytes("out/README.md");
  }
};

TEST_F(ModelCard, SaysWhatIsKnown) {
  train("run", {"--set", "train.epochs=1", "--set", "train.evaluate_samples=100"});
  const std::string text = card("run");
  EXPECT_TRUE(
      text.starts_with("---\nlicense: other\nlibrary_name: dcgan\n"
                       "pipeline_tag: unconditional-image-generation\n"));
  EXPECT_THAT(text,
              AllOf(HasSubstr("\n# digits\n"), HasSubstr("| data | mnist (mnist) |"),
                    HasSubstr("| images | 28 x 28, grey |"), HasSubstr("| steps | 64 of batch 8 |"),
                    HasSubstr("    dcgan import --from digits.pth --to g.pt\n"),
                    HasSubstr("      base_channels: 4\n")));
  EXPECT_THAT(text, Not(HasSubstr(DCGAN_SOURCE_DIR)));  // no folder of this machine
  const auto measures = metrics("run").back();
  EXPECT_THAT(text, AllOf(HasSubstr("(https://arxiv.org/abs/1706.08500) | "),
                          HasSubstr("Of 100 samples after step 64"),
                          HasSubstr("the mnist classifier that comes with dcgan (`" +
                                    measures["features"].get<std::string>() + "`)")));
  run({"sample", "--ckpt", "run", "-n", "64", "--out", "again.png"});
  EXPECT_EQ(bytes("out/samples.png"), bytes("again.png"));
}

TEST_F(ModelCard, HasNoMeasuresOfLaterSteps) {
  train("run", {"--set", "train.evaluate_samples=100"});
  EXPECT_THAT(card("run/checkpoints/000064.pt"), HasSubstr("after step 64"));
}

TEST_F(ModelCard, OfAGeneratorWithoutARunHasNoMeasures) {
  train("run", {"--set", "train.epochs=1"});
  std::filesystem::create_directories(folder_ / "a/b");
  std::filesystem::copy_file(folder_ / "run/g.pt", folder_ / "a/b/g.pt");
  EXPECT_THAT(card("a/b/g.pt"), HasSubstr("Not measured"));
}

TEST_F(ModelCard, ReplacesNothing) {
  write_file_atomically(folder_ / "README.md", "mine");
  const ProgramResult result =
      run({"export", "--ckpt", "nothing.pt", "--to", "g.npz", "--model-card"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(bytes("README.md"), "mine");
  EXPECT_FALSE(exists("g.npz"));
}

TEST_F(ModelCard, ShowsAColumnAClass) {
  train("run", {"--set", "train.epochs=1", "--set", "model.classes=10", "--set",
                "model.latent_modes=10", "--set", "model.latent_dim=12"});
  EXPECT_THAT(card("run"), HasSubstr("| classes | 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 |"));
  const Image grid = read_png(folder_ / "out/samples.png");
  EXPECT_EQ(grid.width, 10 * (28 + 2) + 2);
  EXPECT_EQ(grid.height, 8 * (28 + 2) + 2);
  run({"sample", "--ckpt", "run", "-n", "80", "--class", "0,1,2,3,4,5,6,7,8,9", "--columns", "10",
       "--out", "again.png"});
  EXPECT_EQ(bytes("out/samples.png"), bytes("again.png"));
  EXPECT_THAT(bytes("out/README.md"), AllOf(HasSubstr("  - class-conditional-image-generation\n"),
                                            Not(HasSubstr("unconditional"))));
}

TEST_F(ModelCard, ReadsTheGeneratorOnce) {
  train("run", {"--set", "train.epochs=1"});
  std::filesystem::create_directory(folder_ / "out");
  const auto result = testing::run_program(
      {"-c", "cat run/g.pt | \"$0\" export --ckpt /dev/stdin --to out/g.pth --model-card",
       DCGAN_PROGRAM},
      {.folder = folder_.path(), .program = "/bin/sh"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  run({"sample", "--ckpt", "run", "-n", "64", "--out", "again.png"});
  EXPECT_EQ(bytes("out/samples.png"), bytes("again.png"));
}

TEST_F(Export, ComesBackTheSame) {
  train("run", {"--set", "train.epochs=1", "--set", "train.ema_decay=0.9"});
  for (const std::string file : {"g.pth", "g.safetensors"}) {
    EXPECT_EQ(run({"export", "--ckpt", "run", "--to", file}).exit_code, 0);
    const ProgramResult result = run({"import", "--from", file, "--to", "back.pt"});
    EXPECT_EQ(result.out, "back.pt: a generator of 28 x 28 x 1 images, latent size 8\n")
        << result.err;
    EXPECT_EQ(bytes("back.pt"), bytes("run/g.pt"));
    EXPECT_EQ(
        run({"sample", "--ckpt", file}).err,
        "dcgan: " + file +
            ": a state_dict, not a TorchScript archive; make a g.pt of it: dcgan import --from "
            "FILE --to g.pt\n");
  }
}

TEST_F(Export, IsNotImportedOverItself) {
  train("run", {"--set", "train.epochs=1"});
  run({"export", "--ckpt", "run", "--to", "g.pth"});
  std::filesystem::rename(folder_ / "g.pth", folder_ / "g.pt");
  const std::string before = bytes("g.pt");
  const ProgramResult result = run({"import", "--from", "g.pt", "--to", "./g.pt"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--from and --to are the same file"));
  EXPECT_EQ(bytes("g.pt"), before);
}

TEST_F(Export, WritesARunInEveryFormat) {
  train("run");
  for (const std::string& ending : kExportEndings) {
    const auto result = run({"export", "--ckpt", "run", "--to", "g" + ending});
    EXPECT_EQ(result.out, "g" + ending + ": the generator of run\n") << result.err;
    EXPECT_TRUE(exists("g" + ending));
  }
  run({"export", "--ckpt", "run", "--to", ".npz"});  // a name, too
  EXPECT_EQ(bytes(".npz"), bytes("g.npz"));
  const auto result = run({"export", "--ckpt", "run", "--to", "d.onnx", "--discriminator"});
  EXPECT_EQ(result.out, "d.onnx: the discriminator of run\n") << result.err;
  EXPECT_TRUE(exists("d.onnx"));
}

}  // namespace
}  // namespace dcgan
