#include "gan/freeze.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {

void freeze_layers(Network& generator, Network& discriminator,
                   const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (Network* network : {&generator, &discriminator}) {
    for (Layer& layer : network->layers) {
      known.push_back(fmt::format("{}.{}", network->name, layer.plan.name));
      layer.frozen = std::find(names.begin(), names.end(), known.back()) != names.end();
    }
  }
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto all = fmt::format(
        "the layers are generator.layer1 to {} and discriminator.layer1 "
        "to {}, from the input on",
        generator.layers.back().plan.name, discriminator.layers.back().plan.name);
    throw usage_error(fmt::format("train.freeze: the networks have no '{}'", printable(name)))
        .key("train.freeze")
        .remedy(did_you_mean(name, known, all));
  }
  for (Network* network : {&generator, &discriminator}) {
    const auto& layers = network->layers;
    if (std::all_of(layers.begin(), layers.end(), [](const Layer& l) { return l.frozen; })) {
      throw usage_error(
          fmt::format("train.freeze has all layers of the {}: nothing in it would be trained",
                      network->name))
          .key("train.freeze")
          .remedy("leave out at least one");
    }
    set_requires_grad(*network, true);
  }
}

}  // namespace dcgan
