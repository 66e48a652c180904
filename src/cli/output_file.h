// Files that a command is asked to write.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "dcgan/base/error.h"
#include "dcgan/config/config.h"
#include "dcgan/data/image_folder.h"

namespace dcgan::cli {

/// Before the work of which `file` will be the result: throws `failure` where its folder is
/// missing.
inline void require_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  throw failure(fmt::format("{}: there is no folder {}; make it first", file, folder.string()));
}

/// A picture written among those of a set would be one of them from then on, or take the place of
/// one: throws `usage_error`, which names `typed` ("--out a.png"), where `picture` is to lie there.
inline void keep_out_of_pictures(const std::string& typed, const std::filesystem::path& picture,
                                 const DataConfig& data) {
  if (data.format != DataFormat::folder || !would_be_listed(picture, data.path)) return;
  throw usage_error(
      fmt::format("{}: would be one of the pictures of {}, which are trained on; name a place "
                  "outside of it with {}",
                  typed, data.path, typed.substr(0, typed.find(' '))));
}

}  // namespace dcgan::cli
