#include "cli/show_config.h"

#include <iostream>

#include "base/text.h"

namespace dcgan::cli {
namespace {

std::string list_shipped() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, meaning] : list_configs(shipped_configs())) {
    rows.push_back({name, meaning});
  }
  if (rows.empty()) {
    throw failure("the shipped configurations are missing").remedy("build or install dcgan again");
  }
  return format_table({"name", "what it is"}, rows);
}

}  // namespace

int ShowConfig::run_in_front() {
  std::cout << (list       ? list_shipped()
                : markdown ? fields_as_markdown()
                : defaults ? to_commented_yaml(ResolvedConfig{})
                           : to_commented_yaml(read_config(config, overrides)));
  return 0;
}

}  // namespace dcgan::cli
