#include "training/run_directory.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// In the current folder, which need not be one's own.
fs::path new_default_folder(const std::string& config_name) {
  for (int number = 1;; ++number) {
    const fs::path candidate = fs::path("runs") / fmt::format("{}-{:03d}", config_name, number);
    std::error_code code;
    fs::create_directories("runs", code);
    // create_directory says whether it made the folder: two programs never get the same one.
    if (!code && fs::create_directory(candidate, code)) return candidate;
    if (code && code != std::errc::file_exists) {
      throw failure("cannot be made: " + code.message())
          .in(candidate)
          .remedy("name another folder with --out");
    }
  }
}

}  // namespace

RunDirectory::RunDirectory(fs::path root) : root_(std::move(root)), lock_(root_) {
  if (lock_.busy()) {
    throw failure("another dcgan is training in this folder")
        .in(root_)
        .remedy("wait for it or stop it first");
  }
  for (const fs::path& folder : {root_, root_ / "samples", root_ / "checkpoints"}) {
    make_folder(folder);
    remove_stale_temporaries(folder);
  }
  remove_stale_temporaries(root_ / "averages");  // made with the first of them
}

RunDirectory RunDirectory::create(const std::optional<std::string>& out,
                                  const std::string& config_name) {
  if (!out) return RunDirectory(new_default_folder(config_name));
  check_is_free(*out);
  make_folder(*out);
  return RunDirectory(*out);
}

RunDirectory RunDirectory::open(const std::string& out) {
  check_is_run(out);
  return RunDirectory(out);
}

fs::path RunDirectory::samples(std::int64_t step) const {
  return root_ / "samples" / fmt::format("{:06d}.png", step);
}

fs::path RunDirectory::checkpoint(std::int64_t step) const {
  return root_ / "checkpoints" / fmt::format("{:06d}.pt", step);
}

fs::path RunDirectory::averages(std::int64_t step) const {
  return root_ / "averages" / fmt::format("{:06d}.pt", step);
}

void RunDirectory::prune_checkpoints(std::int64_t keep) const {
  const std::vector<fs::path> all = list_checkpoints(root_);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < all.size(); ++i) {
    std::error_code ignored;
    fs::remove(all[i], ignored);
  }
}

void check_is_free(const std::string& out) {
  const bool folder = fs::is_directory(out);
  if (!fs::exists(out) || (folder && !is_non_empty_folder(out))) return;
  throw usage_error(folder ? "the folder is not empty" : "a file of that name exists")
      .in("--out " + out)
      .remedy(folder ? "name a new one, or go on with the run in it with --resume"
                     : "name a folder");
}

void check_is_run(const std::string& out) {
  if (fs::exists(fs::path(out) / "config.yaml") || !list_checkpoints(out).empty()) return;
  throw usage_error("there is no run in " + out)
      .in("--resume")
      .remedy("name the folder of a run with --out");
}

}  // namespace dcgan
