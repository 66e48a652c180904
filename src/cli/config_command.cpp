#include "dcgan/cli/config_command.h"

namespace dcgan::cli {

std::string config_command(const ConfigOptions& options) {
  if (options.markdown) return fields_as_markdown();
  if (options.defaults) return to_commented_yaml(ResolvedConfig{});
  return to_commented_yaml(resolve_config(options.config, options.overrides));
}

}  // namespace dcgan::cli
