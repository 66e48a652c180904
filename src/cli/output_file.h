// Files that a command is asked to write.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "dcgan/base/error.h"

namespace dcgan::cli {

/// Before the work of which `file` will be the result: throws `failure` where its folder is missing.
inline void require_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  throw failure(fmt::format("{}: there is no folder {}; make it first", file, folder.string()));
}

}  // namespace dcgan::cli
