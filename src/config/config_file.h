// Finding and reading the file that a configuration is in.
#pragma once

#include <filesystem>
#include <string>

namespace dcgan {

struct ConfigFile {
  std::filesystem::path path;  ///< what was read
  std::string text;
  bool is_stream = false;   ///< a pipe, a device or the standard input: it lies in no folder
  bool is_shipped = false;  ///< found in the folder of shipped configurations
};

/// `file` as resolve_config() takes it. Throws a usage error, since a wrong path is a wrong command
/// line; it names what is like it.
ConfigFile read_config_file(const std::filesystem::path& file,
                            const std::filesystem::path& shipped);

}  // namespace dcgan
