// `dcgan export` and `import`, as a user runs them.
#include <gtest/gtest.h>

#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using testing::ProgramResult;
using testing::Training;

TEST_F(Training, ExportedGeneratorComesBackTheSame) {
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

}  // namespace
}  // namespace dcgan
