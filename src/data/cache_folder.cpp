#include "dcgan/data/cache_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>
#include <utility>

#include "dcgan/base/error.h"

namespace dcgan {

namespace fs = std::filesystem;

fs::path cache_folder(const std::string& setting) {
  if (setting != "auto") return setting;
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", ".cache"}}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && *value == '/') return fs::path(value) / below / "dcgan";
  }
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  // Each user's own: one user's may be closed to the others.
  if (!error) return temporary / fmt::format("dcgan-{}", geteuid());
  throw failure("there is no folder for the decoded images; set data.cache to one, or to none");
}

}  // namespace dcgan
