#include "config/resolve.h"
#include "dcgan/config.h"

namespace dcgan {

Config load_config(const std::filesystem::path& file, const std::vector<std::string>& set) {
  std::vector<Override> overrides;
  overrides.reserve(set.size());
  for (const std::string& text : set) overrides.push_back({"--set", text});
  return resolve_config(file, overrides).config;
}

}  // namespace dcgan
