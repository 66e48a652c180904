// Where caches of decoded images lie.
#pragma once

#include <filesystem>
#include <string>

namespace dcgan {

/// `setting` is data.cache: "auto" is dcgan/ in $XDG_CACHE_HOME, or in ~/.cache, or, where there is
/// no home, dcgan-UID/ in the folder for temporary files, which is made and must be the user's own.
/// Throws `failure` where that is none, either.
std::filesystem::path cache_folder(const std::string& setting);

}  // namespace dcgan
