#include "cli/export.h"

#include <fmt/format.h>

#include <iostream>

#include "cli/model_card.h"
#include "export/exported_network.h"
#include "export/writers.h"
#include "sources/output_file.h"

namespace dcgan::cli {

int Export::run() const {
  require_folder_of(file);
  if (model_card) require_no_model_card(file);
  const ExportedNetwork network =
      read_exported_network(checkpoint, {.weights = raw ? Weights::raw : Weights::averaged,
                                         .discriminator = discriminator,
                                         .uint8 = uint8});
  write_network(network, checkpoint, file);
  std::cout << fmt::format("{}: the {} of {}\n", file,
                           discriminator ? "discriminator" : "generator", checkpoint);
  if (model_card) write_model_card(*this, network);
  return 0;
}

}  // namespace dcgan::cli
