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

/// Throws `usage_error` where `picture`, which `flag` and its `value` ask for, would lie among
/// those of a set, and so be one of them from then on.
inline void keep_out_of_pictures(const std::string& flag, const std::string& value,
                                 const std::filesystem::path& picture, const DataConfig& data) {
  using std::filesystem::weakly_canonical;
  if (data.format != DataFormat::folder || !has_image_ending(picture)) return;
  const auto below =
      weakly_canonical(absolute(picture)).lexically_relative(weakly_canonical(data.path));
  if (below.empty() || *below.begin() == "..") return;
  throw usage_error(fmt::format("lies among the pictures that are trained on, in {}", data.path))
      .in(fmt::format("{} {}", flag, value))
      .remedy("name a place outside of it with " + flag);
}

}  // namespace dcgan
