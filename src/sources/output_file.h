// Files that a command is asked to write.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "dcgan/config.h"
#include "dcgan/error.h"
#include "sources/image_folder.h"

namespace dcgan {

/// Before the work of which `file` will be the result: throws `failure` where its folder is
/// missing.
inline void require_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  throw failure(fmt::format("there is no folder {}", folder.string()))
      .in(file)
      .remedy("make it first");
}

/// A picture written among those of a set would be one of them from then on, or take the place of
/// one: throws `usage_error` where `picture`, which `flag` and its `value` ask for, is to lie
/// there.
inline void keep_out_of_pictures(const std::string& flag, const std::string& value,
                                 const std::filesystem::path& picture, const DataConfig& data) {
  if (data.format != DataFormat::folder || !would_be_listed(picture, data.path)) return;
  throw usage_error(
      fmt::format("would be one of the pictures of {}, which are trained on", data.path))
      .in(fmt::format("{} {}", flag, value))
      .remedy("name a place outside of it with " + flag);
}

}  // namespace dcgan
