// What `dcgan data list`, `fetch`, `verify` and `show` take.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace dcgan::cli {

/// The options of all four, and what must be known beyond them: whether a value was given.
struct DataLine {
  DataListOptions list;
  DataFetchOptions fetch;
  std::optional<std::string> to;
  DataVerifyOptions verify;
  DataShowOptions show;
  std::optional<std::string> out;
};

void setup_data(CLI::App& root, DataLine& line);
void check_data_fetch(DataLine& line);
void check_data_verify(const DataLine& line);
void check_data_show(DataLine& line);

}  // namespace dcgan::cli
