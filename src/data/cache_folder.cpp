#include "dcgan/data/cache_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>
#include <utility>

#include "dcgan/base/error.h"

namespace dcgan {

namespace fs = std::filesystem;

namespace {

/// `path`, in a folder where everybody may write, made where it is not there. Another user's would
/// let them choose what is trained on, and what is written.
fs::path own_folder(const fs::path& path) {
  const bool made = mkdir(path.c_str(), 0700) == 0;
  struct stat status {};
  const bool own = made || (lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                            status.st_uid == geteuid() && (status.st_mode & 022) == 0);
  if (own) return path;
  throw failure(fmt::format(
      "{}: is no folder that only you may write to; set data.cache to a folder, or to none",
      path.string()));
}

}  // namespace

fs::path cache_folder(const std::string& setting) {
  if (setting != "auto") return setting;
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", ".cache"}}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && *value == '/') return fs::path(value) / below / "dcgan";
  }
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  // Each user's own: one user's may be closed to the others.
  if (!error) return own_folder(temporary / fmt::format("dcgan-{}", geteuid()));
  throw failure("there is no folder for the decoded images; set data.cache to one, or to none");
}

}  // namespace dcgan
