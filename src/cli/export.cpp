#include "cli/export.h"

#include <fmt/format.h>

#include <iostream>

#include "cli/model_card.h"
#include "export/export.h"
#include "sources/output_file.h"

namespace dcgan::cli {

int Export::run() const {
  require_folder_of(file);
  if (model_card) require_no_model_card(file);
  export_network(checkpoint, file,
                 {.weights = raw ? Weights::raw : Weights::averaged,
                  .discriminator = discriminator,
                  .uint8 = uint8});
  std::cout << fmt::format("{}: the {} of {}\n", file,
                           discriminator ? "discriminator" : "generator", checkpoint);
  if (model_card) write_model_card(*this);
  return 0;
}

}  // namespace dcgan::cli
