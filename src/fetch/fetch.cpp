#include "fetch/fetch.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

fs::path part_of(const KnownFile& file, const fs::path& folder) {
  return folder / (file.name + ".part");
}

/// The files of `set` that are missing, and under `force` those that are wrong or can't be checked.
/// Throws where something is wrong without.
std::vector<KnownFile> find_missing(const KnownSet& set, const FetchOptions& options) {
  std::vector<KnownFile> missing;
  for (const KnownFile& file : set.files) {
    if (file.sha256.empty()) continue;
    const FileState state = check_file(file, options.folder);
    const std::string path = find_spelling(file.name, options.folder).string();
    if (state == FileState::missing || (state >= FileState::wrong && options.force)) {
      missing.push_back(file);
    } else if (state == FileState::wrong) {
      throw failure("is there, but is not the published file of " + set.name)
          .in(path)
          .remedy("name another folder with --to, or replace it with --force");
    } else if (state == FileState::unchecked) {
      options.on_line(path + ": not checked: of this form no sum is published");
    }
  }
  return missing;
}

void download_from_any(const KnownFile& file, const FetchOptions& options) {
  const fs::path part = part_of(file, options.folder);
  std::vector<Error> errors;
  for (const std::string& source : options.sources) {
    if (!errors.empty()) options.on_line(errors.back().summary() + "; trying the next source");
    const std::string url = source + (source.ends_with('/') ? "" : "/") + file.name;
    if (const auto error = download(url, part, file, options.on_progress)) {
      errors.push_back(*error);
      continue;
    }
    options.on_line(fmt::format("{}: {}, SHA-256 as published",
                                (options.folder / file.name).string(), format_bytes(file.bytes)));
    return;
  }
  if (fs::exists(part) && fs::is_empty(part)) fs::remove(part);
  Error error = errors.at(0);
  for (std::size_t i = 1; i < errors.size(); ++i) error.also(errors[i]);
  throw error.remedy(
      "run the same command again to resume, or name another source with --mirror URL");
}

}  // namespace

std::map<std::string, std::string> unpack(const fs::path& archive,
                                          const std::vector<KnownFile>& files) {
  const std::unique_ptr<struct archive, decltype(&archive_read_free)> reader(archive_read_new(),
                                                                             &archive_read_free);
  const auto require = [&](bool is_good) {
    if (is_good) return;
    throw damaged("the archive is damaged or cut short")
        .in(archive)
        .remedy("remove it and run the same command again");
  };
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  require(archive_read_open_filename(reader.get(), archive.c_str(), kBlock) == ARCHIVE_OK);
  std::map<std::string, std::string> unpacked;
  for (struct archive_entry* entry = nullptr;;) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) return unpacked;
    // A warning is about a name's encoding or a date: neither matters here.
    require(code == ARCHIVE_OK || code == ARCHIVE_WARN);
    const std::string name = fs::path(archive_entry_pathname(entry)).filename().string();
    for (const KnownFile& file : files) {
      if (file.name != name || archive_entry_filetype(entry) != AE_IFREG) continue;
      const std::int64_t size = archive_entry_size(entry);
      require(size <= file.bytes);
      std::string bytes(static_cast<std::size_t>(size), '\0');
      require(archive_read_data(reader.get(), bytes.data(), bytes.size()) == size);
      unpacked[name] = std::move(bytes);
    }
  }
}

void fetch_set(const KnownSet& set, const FetchOptions& options) {
  const fs::path& folder = options.folder;
  make_folder(folder);
  const FileLock lock(folder);
  if (lock.busy()) {
    throw failure("another dcgan is fetching into it").in(folder).remedy("wait until it is done");
  }
  std::vector<KnownFile> downloads = find_missing(set, options);
  if (downloads.empty()) return;
  if (set.has_archive()) downloads = {set.archive};
  for (const KnownFile& file : downloads) {
    download_from_any(file, options);
    if (set.has_archive()) continue;
    fs::rename(part_of(file, folder), folder / file.name);
    // A wrong file under another name would be read in the place of the new one.
    const fs::path taken = find_spelling(file.name, folder);
    if (taken.filename() != file.name) fs::remove(taken);
  }
  if (!set.has_archive()) return;
  const fs::path part = part_of(set.archive, folder);
  for (const auto& [name, bytes] : unpack(part, set.files)) {
    write_file_atomically(folder / name, bytes);
  }
  fs::remove(part);
}

}  // namespace dcgan
