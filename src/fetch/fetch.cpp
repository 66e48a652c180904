#include "fetch/fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "fetch/digest.h"
#include "fetch/output_file.h"
#include "fetch/unpack.h"
#include "fetch/verify.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// A file that is still to come.
struct Job {
  const RemoteFile* file = nullptr;
  std::vector<std::string> replaced;  ///< names of wrong files that it takes the place of
};

fs::path part_of(const RemoteFile& file, const fs::path& folder) {
  return folder / (file.name + ".part");
}

/// Keeps two programs out of one folder while it lives.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    // Where a file system has no locks, there is none.
    if (descriptor_.get() < 0 || ::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0 ||
        errno != EWOULDBLOCK) {
      return;
    }
    throw failure(fmt::format("{}: another dcgan is fetching into it; wait until it is done",
                              folder.string()));
  }

 private:
  Descriptor descriptor_;
};

const FileCheck& find_check(const VerifyReport& report, const std::string& name) {
  return *std::find_if(report.files.begin(), report.files.end(),
                       [&](const FileCheck& check) { return check.published == name; });
}

/// What is missing, and under `force` what is wrong or can't be checked. Throws where something is
/// wrong without.
std::vector<Job> find_jobs(const KnownSet& set, const VerifyReport& report,
                           const FetchOptions& options) {
  std::vector<Job> jobs;
  for (const RemoteFile& file : set.files) {
    std::vector<std::string> names;
    if (file.unpacked.empty()) names.push_back(file.name);
    for (const UnpackedFile& inner : file.unpacked) {
      if (!inner.sha256.empty()) names.push_back(inner.name);
    }
    Job job{&file, {}};
    bool wanted = false;
    for (const std::string& name : names) {
      const FileCheck& check = find_check(report, name);
      const bool bad =
          check.state == FileState::wrong || (check.state == FileState::unchecked && options.force);
      wanted = wanted || check.state == FileState::missing || bad;
      if (!bad) continue;
      job.replaced.push_back(check.found);
      if (options.force) continue;
      throw failure(fmt::format(
          "{}: is there, but is not the published file of {}; name another folder with --to, or "
          "replace it with --force",
          (options.folder / check.found).string(), set.name));
    }
    if (wanted) jobs.push_back(job);
  }
  return jobs;
}

std::int64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

/// A full disk is told before the download, not after.
void check_space(const std::vector<Job>& jobs, const fs::path& folder) {
  std::int64_t needed = 0;
  for (const Job& job : jobs) {
    needed += std::max<std::int64_t>(job.file->bytes - size_of(part_of(*job.file, folder)), 0);
    for (const UnpackedFile& file : job.file->unpacked) needed += file.bytes;
  }
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return;
  const auto free =
      static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
  if (free >= needed) return;
  throw failure(
      fmt::format("{}: the disk has {} left and this needs {}; free some space or name another "
                  "folder with --to",
                  folder.string(), format_bytes(free), format_bytes(needed)));
}

std::string join_url(const std::string& source, const std::string& name) {
  return source + (source.ends_with('/') ? "" : "/") + name;
}

/// Downloads to `part` until the sum is right. "" or the problem.
std::string download(const RemoteFile& file, const std::string& url, const fs::path& part,
                     const FetchOptions& options, const FetchListener& listener) {
  for (;;) {
    const bool went_on = size_of(part) > 0;
    std::string problem = transfer(url, part, file.bytes, options.limits, listener.progress);
    if (!problem.empty()) return problem;
    const std::string found = sha256_of_file(part);
    if (found == file.sha256) return "";
    fs::remove(part);
    // What an earlier call had left may be of another file: one that is whole decides.
    if (went_on) continue;
    return fmt::format(
        "{}: its SHA-256 is {}, not {}, so it was removed; run the same command again, or name "
        "another source with --mirror URL",
        shown_url(url), found, file.sha256);
  }
}

/// Tries one source after the other.
void download_from_any(const RemoteFile& file, const std::vector<std::string>& sources,
                       const FetchOptions& options, const FetchListener& listener) {
  const fs::path part = part_of(file, options.folder);
  std::string problems;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string problem =
        download(file, join_url(sources[i], file.name), part, options, listener);
    if (problem.empty()) return;
    problems += (problems.empty() ? "" : "\n") + problem;
    // The remedy, behind the last "; ", is not for now.
    const std::string what = problem.substr(0, problem.rfind("; "));
    if (i + 1 < sources.size()) listener.line(what + "; trying the next source");
  }
  if (size_of(part) == 0) {
    std::error_code ignored;
    fs::remove(part, ignored);
  }
  throw failure(problems);
}

/// A folder for what is being unpacked; what a killed process left in it goes first.
class UnpackFolder {
 public:
  explicit UnpackFolder(fs::path path) : path_(std::move(path)) {
    fs::remove_all(path_);
    make_folder(path_);
  }
  ~UnpackFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  UnpackFolder(const UnpackFolder&) = delete;
  UnpackFolder& operator=(const UnpackFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void unpack_into(const RemoteFile& file, const fs::path& folder, const FetchListener& listener) {
  const fs::path part = part_of(file, folder);
  const UnpackFolder unpacked(folder / ".unpacking");
  const std::string problem = unpack(part, file.unpacked, unpacked.path());
  if (!problem.empty()) {
    fs::remove(part);
    throw failure(fmt::format(
        "{}: the archive {}; it was removed, and nothing was unpacked; name another source with "
        "--mirror URL",
        (folder / file.name).string(), problem));
  }
  std::size_t count = 0;
  for (const UnpackedFile& inner : file.unpacked) {
    std::error_code ignored;
    if (!fs::exists(unpacked.path() / inner.name, ignored)) continue;
    rename_file(unpacked.path() / inner.name, folder / inner.name);
    ++count;
  }
  fs::remove(part);
  listener.line(fmt::format("{}: {} files unpacked", (folder / file.name).string(), count));
}

void run_job(const Job& job, const std::vector<std::string>& sources, const FetchOptions& options,
             const FetchListener& listener) {
  const RemoteFile& file = *job.file;
  download_from_any(file, sources, options, listener);
  listener.line(fmt::format("{}: {}, SHA-256 as published", (options.folder / file.name).string(),
                            format_bytes(file.bytes)));
  if (!file.unpacked.empty()) {
    unpack_into(file, options.folder, listener);
    return;
  }
  rename_file(part_of(file, options.folder), options.folder / file.name);
  // A wrong file under another name would be read in the place of the new one.
  for (const std::string& name : job.replaced) {
    if (name != file.name) fs::remove(options.folder / name);
  }
}

}  // namespace

FetchOutcome fetch_set(const KnownSet& set, const FetchOptions& options,
                       const FetchListener& listener) {
  make_folder(options.folder);
  const FolderLock lock(options.folder);
  const VerifyReport report = check_set(set, options.folder);
  const std::vector<Job> jobs = find_jobs(set, report, options);
  if (jobs.empty()) {
    return report.all_right() ? FetchOutcome::already_there : FetchOutcome::there_unchecked;
  }
  check_space(jobs, options.folder);
  const std::vector<std::string>& sources = options.sources.empty() ? set.sources : options.sources;
  for (const Job& job : jobs) run_job(job, sources, options, listener);
  return FetchOutcome::fetched;
}

}  // namespace dcgan
