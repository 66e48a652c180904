#include "export/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "base/text.h"
#include "config/resolve.h"
#include "dcgan/error.h"
#include "export/pytorch_example.h"
#include "export/state_dict.h"
#include "generate/generator_file.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr const char* kWhatIsRead =
    "import takes the generator of PyTorch's DCGAN example, or what dcgan export wrote";

Error not_a_generator() {
  return failure("a discriminator; import makes generators").remedy("name the generator's file");
}

/// The arrays by the names that the example or we give them, without what stands before these.
struct NamedWeights {
  std::map<std::string, const NamedArray*> by_name;
  bool of_example = false;
};

NamedWeights find_names(const StateDict& state) {
  for (const std::string first : {"main.0.weight", "layer1.weight"}) {
    for (const NamedArray& array : state.arrays) {
      if (array.name != first && !array.name.ends_with("." + first)) continue;
      const std::size_t prefix = array.name.size() - first.size();
      NamedWeights weights;
      weights.of_example = first == "main.0.weight";
      for (const NamedArray& each : state.arrays) {
        const bool has_prefix = each.name.starts_with(array.name.substr(0, prefix));
        weights.by_name[has_prefix ? each.name.substr(prefix) : each.name] = &each;
      }
      return weights;
    }
  }
  throw failure(state.arrays.empty()
                    ? std::string("it holds no tensors")
                    : fmt::format("it has no tensor 'main.0.weight' or 'layer1.weight', but '{}'",
                                  printable(state.arrays.front().name)))
      .remedy(kWhatIsRead);
}

/// The sizes of a convolution's weight.
const std::vector<std::int64_t>& weight_of(const NamedWeights& weights, const std::string& name) {
  const std::vector<std::int64_t>& sizes = weights.by_name.at(name)->sizes;
  if (sizes.size() == 4) return sizes;
  throw failure(
      fmt::format("tensor '{}' is {}, where a convolution's weight has four sizes", name, sizes))
      .remedy(kWhatIsRead);
}

/// What the shapes of PyTorch's example say: [latent, inner channels, 4, 4] of the first layer,
/// [base channels, channels, 4, 4] of the last, and between these each layer doubles the size.
Config config_of_example(const NamedWeights& weights, const std::filesystem::path& path) {
  const auto& first = weight_of(weights, "main.0.weight");
  if (!weights.by_name.contains("main.1.weight") && weights.by_name.contains("main.2.weight") &&
      (first[1] == 1 || first[1] == 3)) {
    throw not_a_generator();
  }
  std::string last_name = "main.0.weight";
  Extent size{first[2], first[3]};
  constexpr int kMaxLayers = 12;
  for (int layer = 1; layer < kMaxLayers; ++layer) {
    const std::string name = fmt::format("main.{}.weight", 3 * layer);
    if (!weights.by_name.contains(name)) break;
    last_name = name;
    size = {size[0] * 2, size[1] * 2};
  }
  const auto& last = weight_of(weights, last_name);
  Config config;
  config.data.format = DataFormat::folder;
  config.data.path = "unknown";
  config.data.image_size = size;
  config.data.channels = last[1];
  config.model.latent_dim = first[0];
  config.model.base_channels = last[0];
  config.model.max_channels = std::max(first[1], last[0]);
  return parse_config(to_yaml(config), path.string() + ": the configuration of its shapes");
}

/// Copies each tensor from where the example or we name it.
void copy_weights(NamedWeights weights, const Network& network) {
  const torch::NoGradGuard no_grad;
  const NetworkPlan plan = plan_of(network);
  for (const auto& [ours, tensor] : named_tensors(network)) {
    const std::string name = weights.of_example ? example_name(plan, ours) : ours;
    const auto found = weights.by_name.find(name);
    if (found == weights.by_name.end()) {
      throw failure(fmt::format("it has no tensor '{}'", name)).remedy(kWhatIsRead);
    }
    const NamedArray& array = *found->second;
    const bool is_variance = ours.ends_with("running_var");
    const auto is_wrong = [&](float number) {
      return !std::isfinite(number) || (is_variance && number < 0);
    };
    if (std::any_of(array.numbers.begin(), array.numbers.end(), is_wrong)) {
      throw failure(fmt::format("tensor '{}' has numbers that no generator has: NaN, infinite{}",
                                name, is_variance ? " or negative" : ""))
          .remedy("use another file");
    }
    if (array.sizes != tensor.sizes().vec()) {
      throw failure(fmt::format("tensor '{}' is {}, where {} is needed", name, array.sizes,
                                tensor.sizes().vec()))
          .remedy(
              "name a configuration of its sizes with --config, or, for netG of PyTorch's DCGAN "
              "example, none");
    }
    torch::Tensor target = tensor;
    target.copy_(torch::from_blob(const_cast<float*>(array.numbers.data()), array.sizes));
    weights.by_name.erase(found);
  }
  if (weights.by_name.empty()) return;
  throw failure(fmt::format("a generator of its form has no tensor '{}'",
                            printable(weights.by_name.begin()->first)))
      .remedy(kWhatIsRead);
}

/// By our names: a generator's first layer is as its others.
bool is_our_discriminator(const NamedWeights& weights) {
  return !weights.of_example && !weights.by_name.contains("layer1.norm.weight") &&
         weights.by_name.contains("layer2.norm.weight");
}

/// All but the weights; from `config`, else what the file says.
ExportedNetwork describe_file(const StateDict& state, const NamedWeights& weights,
                              const std::filesystem::path& path,
                              const std::optional<Config>& config) {
  ExportedNetwork network = read_metadata(state.metadata, path).value_or(ExportedNetwork());
  if (network.plan.name == "discriminator" || is_our_discriminator(weights)) {
    throw not_a_generator();
  }
  const bool is_known = !network.plan.name.empty();
  if (config) {
    network.config = *config;
  } else if (!is_known && weights.of_example) {
    network.config = config_of_example(weights, path);
  } else if (!is_known) {
    throw failure("it names its tensors as dcgan does, and has no configuration")
        .remedy("name that of its run with --config");
  }
  return network;
}

}  // namespace

Config import_generator(const std::filesystem::path& from, const std::filesystem::path& to,
                        const std::optional<Config>& config) {
  const StateDict state = read_state_dict(from);
  try {
    const NamedWeights weights = find_names(state);
    const ExportedNetwork described = describe_file(state, weights, from, config);
    const Network network = make_network(plan_generator(described.config), torch::kCPU);
    copy_weights(weights, network);
    save_generator(to, network, described.config, described.step, described.classes);
    return described.config;
  } catch (Error& error) {
    if (error.where().empty()) throw error.in(from);
    throw;
  }
}

}  // namespace dcgan
