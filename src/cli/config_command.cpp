#include "cli/config_command.h"

#include "base/text.h"
#include "cli/read_config.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

std::string list_shipped() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, meaning] : list_configs(shipped_configs())) {
    rows.push_back({name, meaning});
  }
  if (rows.empty()) {
    throw failure("the shipped configurations are missing; build or install dcgan again");
  }
  return format_table({"name", "what it is"}, rows);
}

}  // namespace

std::string config_command(ConfigOptions options) {
  if (options.list) return list_shipped();
  if (options.markdown) return fields_as_markdown();
  if (options.defaults) return to_commented_yaml(ResolvedConfig{});
  return to_commented_yaml(read_config(options.config, options.overrides));
}

}  // namespace dcgan::cli
