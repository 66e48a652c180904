#include "cli/show_config.h"

#include <iostream>

#include "base/text.h"

namespace dcgan::cli {
int ShowConfig::run_in_front() {
  std::cout << (list       ? format_table({"name", "what it is"}, list_configs(shipped_configs()))
                : markdown ? fields_as_markdown()
                : defaults ? to_commented_yaml(ResolvedConfig{})
                           : to_commented_yaml(read_config(config, overrides)));
  return 0;
}

}  // namespace dcgan::cli
