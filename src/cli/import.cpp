#include "cli/import.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "export/import.h"
#include "sources/output_file.h"

namespace dcgan::cli {

int Import::run() const {
  require_folder_of(to);
  std::error_code ignored;
  refuse(std::filesystem::equivalent(from, to, ignored), "--from and --to are the same file",
         "name another file with --to");
  std::optional<Config> wanted;
  if (config) wanted = read_config(config, {}).config;
  const Config found = import_generator(from, to, wanted);
  std::cout << fmt::format("{}: a generator of {} x {} x {} images, latent size {}\n", to,
                           found.data.image_size[0], found.data.image_size[1], found.data.channels,
                           found.model.latent_dim);
  return 0;
}

}  // namespace dcgan::cli
