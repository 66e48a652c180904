// Files that a command is asked to write.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "dcgan/config.h"
#include "dcgan/error.h"
#include "sources/image_folder.h"

namespace dcgan::cli {

/// Before the work of which `file` will be the result: throws `failure` where its folder is
/// missing.
inline void require_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  throw failure(fmt::format("{}: there is no folder {}; make it first", file, folder.string()));
}

/// A picture written among those of a set would be one of them from then on, or take the place of
/// one: throws `usage_error` where `picture`, which `flag` and its `value` ask for, is to lie
/// there.
inline void keep_out_of_pictures(const std::string& flag, const std::string& value,
                                 const std::filesystem::path& picture, const DataConfig& data) {
  if (data.format != DataFormat::folder || !would_be_listed(picture, data.path)) return;
  throw usage_error(
      fmt::format("{0} {1}: would be one of the pictures of {2}, which are trained on; name a "
                  "place outside of it with {0}",
                  flag, value, data.path));
}

}  // namespace dcgan::cli
