#include "sources/cache_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "dcgan/error.h"

namespace dcgan {

namespace fs = std::filesystem;

namespace {

/// Whether files can be written into `path`, which is made where it is not there.
bool can_hold_files(const fs::path& path) {
  std::error_code ignored;
  fs::create_directories(path, ignored);
  return faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

/// `path`, in a folder where everybody may write, made where it is not there. Another user's would
/// let them choose what is trained on, and what is written.
fs::path own_folder(const fs::path& path) {
  const char* const remedy = "set data.cache to a folder, or to none";
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) throw write_failure(path, errno).remedy(remedy);
  struct stat status {};
  const bool own = made || (lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                            status.st_uid == geteuid() && (status.st_mode & 022) == 0);
  if (own) return path;
  throw failure("is no folder that only you may write to").in(path).remedy(remedy);
}

}  // namespace

fs::path cache_folder(const std::string& setting) {
  if (setting != "auto") return setting;
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", ".cache"}}) {
    const char* const value = std::getenv(variable);
    if (value == nullptr || *value != '/') continue;
    const fs::path folder = fs::path(value) / below / "dcgan";
    if (can_hold_files(folder)) return folder;  // a container's HOME may be /, or nowhere
  }
  std::error_code error;
  fs::path temporary = fs::temp_directory_path(error);
  if (error) temporary = "/tmp";  // TMPDIR is empty, or names no folder
  // Each user's own: one user's may be closed to the others.
  return own_folder(temporary / fmt::format("dcgan-{}", geteuid()));
}

}  // namespace dcgan
