#include "export/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/file.h"
#include "export/export.h"
#include "export/exported_network.h"
#include "export/pytorch_example.h"
#include "export/writers.h"
#include "generate/generator_file.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::small_config;
using testing::small_trained_state;
using testing::TempFolder;

class Import : public ::testing::Test {
 protected:
  /// A generator under the names of PyTorch's example, without metadata, after `change`.
  void save_example(
      const Config& config,
      const std::function<void(std::vector<NamedArray>&)>& change = [](auto&) {}) {
    const TrainState state = small_trained_state(config, 1);
    save_checkpoint(folder_ / "c.pt", state, config, "");
    ExportedNetwork network = read_exported_network(folder_ / "c.pt", {});
    for (NamedArray& array : network.arrays) array.name = example_name(network.plan, array.name);
    change(network.arrays);
    save_without_metadata(network);
  }
  void save_without_metadata(const ExportedNetwork& network) const {
    std::string bytes = to_safetensors(network);
    const std::string config = "\"config\"";
    bytes.replace(bytes.find(config), config.size(), "\"unused\"");
    write_file_atomically(file_, bytes);
  }
  static NamedArray& find(std::vector<NamedArray>& arrays, const std::string& name) {
    for (NamedArray& array : arrays) {
      if (array.name == name) return array;
    }
    throw std::out_of_range(name);
  }
  Config import(const std::optional<Config>& config = {}) const {
    return import_generator(file_, folder_ / "g.pt", config);
  }
  auto says(const std::string& problem, const std::string& remedy = "PyTorch's DCGAN example") {
    return IsError(ErrorKind::failure, file_, HasSubstr(problem), HasSubstr(remedy));
  }

  TempFolder folder_;
  std::filesystem::path file_ = folder_ / "x.safetensors";
};

TEST_F(Import, MakesTheGeneratorThatWasExported) {
  Config config = small_config();
  config.model.latent_modes = 4;
  config.model.latent_dim = 6;
  config.model.classes = 2;
  config.generator.activation = Activation::swish;
  config.output = OutputRange::sigmoid;
  config.data.path = "a folder: of #1 'pictures'";
  const TrainState state = small_trained_state(config);
  save_generator(folder_ / "g.pt", state.generator, config, state.step, {"cat", "dog"});
  for (const std::string name : {"x.safetensors", "x.pth"}) {
    export_network(folder_ / "g.pt", folder_ / name, {});
    import_generator(folder_ / name, folder_ / "back.pt", {});
    EXPECT_EQ(read_file(folder_ / "back.pt"), read_file(folder_ / "g.pt")) << name;
  }
}

TEST_F(Import, TakesThePlanOfPyTorchsExampleFromItsShapes) {
  for (const std::int64_t size : {16, 32, 64, 128}) {
    Config config = small_config();
    config.data.image_size = {size, size};
    config.data.channels = 3;
    save_example(config);
    const Config found = import();
    EXPECT_EQ(found.data.image_size, config.data.image_size);
    EXPECT_EQ(found.data.channels, 3);
    EXPECT_EQ(found.model.latent_dim, 3);
    EXPECT_EQ(found.model.base_channels, 2);
    const GeneratorFile file =
        load_generator(read_archive(folder_ / "g.pt", ArchiveKind::generator), "g.pt");
    EXPECT_TRUE(testing::equal(named_tensors(file.generator),
                               named_tensors(small_trained_state(config, 1).generator)));
  }
}

TEST_F(Import, IgnoresAPrefixOfAllNames) {
  save_example(small_config(), [](auto& arrays) {
    for (NamedArray& array : arrays) array.name = "module." + array.name;
  });
  EXPECT_EQ(import().data.image_size, (Extent{8, 8}));
}

TEST_F(Import, NamesTheTensorThatIsAtFault) {
  save_example(small_config(), [](auto& arrays) { arrays.pop_back(); });
  EXPECT_THAT(caught([&] { import(); }), says("it has no tensor 'main.4.running_var'"));
  save_example(small_config(), [](auto& arrays) {
    find(arrays, "main.3.weight").sizes = {4, 2, 2, 8};
  });
  EXPECT_THAT(caught([&] { import(); }),
              says("tensor 'main.3.weight' is [4, 2, 2, 8], where [4, 2, 4, 4] is needed"));
  save_example(small_config(), [](auto& arrays) {
    arrays.push_back({"main.0.bias", {4}, {0, 0, 0, 0}});
  });
  EXPECT_THAT(caught([&] { import(); }), says("has no tensor 'main.0.bias'"));
  save_example(small_config(), [](auto& arrays) { find(arrays, "main.0.weight").sizes = {48}; });
  EXPECT_THAT(caught([&] { import(); }),
              says("tensor 'main.0.weight' is [48], where a convolution's weight has four sizes"));
  save_example(small_config(), [](auto& arrays) {
    for (NamedArray& array : arrays) array.name = "net" + array.name.substr(4);
  });
  EXPECT_THAT(caught([&] { import(); }),
              says("it has no tensor 'main.0.weight' or 'layer1.weight', but 'net.0.weight'"));
}

TEST_F(Import, RefusesNumbersThatNoGeneratorHas) {
  for (const auto& [name, number] : {std::pair<std::string, float>("main.0.weight", NAN),
                                     {"main.1.running_var", -1.0F},
                                     {"main.1.bias", INFINITY}}) {
    save_example(small_config(), [&name = name, &number = number](auto& arrays) {
      find(arrays, name).numbers[1] = number;
    });
    EXPECT_THAT(caught([&] { import(); }),
                says("tensor '" + name + "' has numbers", "another file"));
  }
}

TEST_F(Import, OfADiscriminatorSaysSo) {
  const Config config = small_config();
  save_checkpoint(folder_ / "c.pt", small_trained_state(config), config, "");
  export_network(folder_ / "c.pt", file_, {.discriminator = true});
  EXPECT_THAT(caught([&] { import(); }), says("a discriminator", "generator's file"));
  ExportedNetwork network = read_exported_network(folder_ / "c.pt", {.discriminator = true});
  save_without_metadata(network);
  EXPECT_THAT(caught([&] { import(); }), says("a discriminator", "generator's file"));
  for (NamedArray& array : network.arrays) array.name = example_name(network.plan, array.name);
  save_without_metadata(network);
  EXPECT_THAT(caught([&] { import(); }), says("a discriminator", "generator's file"));
}

TEST_F(Import, OfOurNamesAloneNeedsAConfiguration) {
  const TrainState state = small_trained_state();
  save_checkpoint(folder_ / "c.pt", state, small_config(), "");
  save_without_metadata(read_exported_network(folder_ / "c.pt", {}));
  EXPECT_THAT(caught([&] { import(); }), says("has no configuration", "--config"));
  import(small_config());
  const GeneratorFile file =
      load_generator(read_archive(folder_ / "g.pt", ArchiveKind::generator), "g.pt");
  EXPECT_TRUE(testing::equal(named_tensors(file.generator), named_tensors(state.generator)));
}

TEST_F(Import, RejectsSizesThatNoConfigurationHas) {
  Config config = small_config();
  save_example(config, [](auto& arrays) {
    NamedArray& last = find(arrays, "main.6.weight");
    last.sizes = {1, 2, 4, 4};
  });
  const Error error = caught([&] { import(); });
  EXPECT_THAT(error.where(), HasSubstr(file_.string()));
  EXPECT_THAT(error.problem(), HasSubstr("data.channels"));
}

}  // namespace
}  // namespace dcgan
