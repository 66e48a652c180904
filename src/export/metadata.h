// What our exported files say of a network beside its weights.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "export/exported_network.h"

namespace dcgan {

using Metadata = std::map<std::string, std::string>;

/// A JSON list; what is no UTF-8 becomes U+FFFD.
std::string json_list(const std::vector<std::string>& texts);

/// "network" (generator or discriminator), "step", "config" (JSON: each key with its value as YAML)
/// and, where there are, "classes" (a JSON list of names).
Metadata file_metadata(const ExportedNetwork& network);

/// The same read back: all but plan and arrays; nothing where `metadata` holds no configuration.
/// Throws `failure` naming `path`.
std::optional<ExportedNetwork> read_metadata(const Metadata& metadata,
                                             const std::filesystem::path& path);

}  // namespace dcgan
