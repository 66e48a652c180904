// What is taken out of a .tar.gz that came over the network.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/catalogue.h"

namespace dcgan {

/// Unpacks `files` from a .tar.gz into `folder`, which must be there and have none of them. In the
/// archive they lie at the top or in one folder, whose name does not matter.
///
/// libarchive reads only gzip and tar, and never touches the disk: a path of the archive is only
/// compared with the wanted names. An archive is refused, not read around, where it holds a path
/// that leads out, a link, a device, a file twice, a wanted file of another size or sum, or more
/// files or bytes than the set can have.
///
/// Returns "" or what is wrong with the archive: words that fit behind its name. `folder` then
/// holds a part of the files. Throws `failure` where the archive can't be read or a file not be
/// written.
std::string unpack(const std::filesystem::path& archive, const std::vector<UnpackedFile>& files,
                   const std::filesystem::path& folder);

/// The same from memory.
std::string unpack_bytes(std::string_view archive, const std::vector<UnpackedFile>& files,
                         const std::filesystem::path& folder);

}  // namespace dcgan
