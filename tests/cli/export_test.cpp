#include "cli/training_fixture.h"
#include "export/formats.h"

namespace dcgan {
namespace {

using Export = testing::Training;

TEST_F(Export, WritesARunInEveryFormat) {
  train("run");
  for (const std::string& ending : kExportEndings) {
    const auto result = run({"export", "--ckpt", "run", "--to", "g" + ending});
    EXPECT_EQ(result.out, "g" + ending + ": the generator of run\n") << result.err;
    EXPECT_TRUE(exists("g" + ending));
  }
  const auto result = run({"export", "--ckpt", "run", "--to", "d.onnx", "--discriminator"});
  EXPECT_EQ(result.out, "d.onnx: the discriminator of run\n") << result.err;
  EXPECT_TRUE(exists("d.onnx"));
}

}  // namespace
}  // namespace dcgan
