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

std::int64_t configured_threads(const std::optional<std::string>& config,
                                const std::vector<Override>& overrides) {
  if (!config) return 0;
  std::error_code ignored;
  const fs::file_status status = fs::status(*config, ignored);
  const bool is_stream =
      fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
  return is_stream ? 0 : read_config(config, overrides).config.run.threads;
}

}  // namespace dcgan::cli
