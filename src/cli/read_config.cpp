#include "cli/read_config.h"

#include <fmt/format.h>

#include <cstdio>
#include <system_error>

#include "base/text.h"

namespace dcgan::cli {

namespace fs = std::filesystem;

fs::path shipped_configs() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path share = program.parent_path().parent_path() / "share" / "dcgan";
  // A build has a link there.
  const fs::path folder = fs::canonical(share / "configs", error);
  return error ? fs::path() : folder;
}

ResolvedConfig read_config(std::optional<std::string>& config,
                           const std::vector<Override>& overrides, bool quiet) {
  ResolvedConfig resolved = resolve_config(config, overrides, shipped_configs());
  const std::string read = resolved.file.string();
  if (config && !read.empty() && read != *config) {
    const std::string line =
        fmt::format("--config {}: taking {}\n", printable(*config), without_controls(read));
    if (!quiet) std::fwrite(line.data(), 1, line.size(), stderr);
    config = read;
  }
  return resolved;
}

}  // namespace dcgan::cli
