#include <system_error>

#include "cli/command.h"

namespace dcgan::cli {

namespace fs = std::filesystem;

fs::path shipped_configs() {
  // The front is PREFIX/bin/dcgan, the core PREFIX/lib/dcgan/dcgan-core; a build has the same.
  std::error_code error;
  const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path prefix = bin.filename() == "bin" ? bin.parent_path() : bin / "../..";
  const fs::path folder = fs::canonical(prefix / "share/dcgan/configs", error);
  return error ? fs::path() : folder;
}

ResolvedConfig read_config(const std::optional<std::string>& config,
                           const std::vector<Override>& overrides) {
  return resolve_config(config, overrides, shipped_configs());
}

std::optional<Config> early_config(const std::optional<std::string>& config,
                                   const std::vector<Override>& overrides) {
  if (!config) return std::nullopt;
  std::error_code ignored;
  const fs::file_status status = fs::status(*config, ignored);
  const bool is_stream =
      fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
  if (is_stream) return std::nullopt;
  return read_config(config, overrides).config;
}

}  // namespace dcgan::cli
