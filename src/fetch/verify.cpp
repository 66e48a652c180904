#include "fetch/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "fetch/digest.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGz = ".gz";
/// The content of no known file comes near; a gz file that holds more is none of them.
constexpr std::int64_t kMostContent = std::int64_t{1} << 30;

/// The names that training takes for a file, in its order of preference.
std::vector<std::string> spellings(const std::string& name) {
  if (!name.ends_with(kGz)) return {name};
  const std::string plain = name.substr(0, name.size() - kGz.size());
  std::string dotted = plain;
  const std::size_t dash = dotted.rfind("-idx");
  if (dash == std::string::npos) return {plain, name};
  dotted[dash] = '.';
  return {plain, name, dotted, dotted + std::string(kGz)};
}

std::string find_spelling(const std::string& name, const fs::path& folder) {
  std::error_code ignored;
  for (const std::string& spelling : spellings(name)) {
    if (fs::exists(folder / spelling, ignored)) return spelling;
  }
  return "";
}

bool is_gz(const fs::path& path) {
  char magic[2] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return magic[0] == '\x1f' && magic[1] == '\x8b';
}

FileState state_of(const fs::path& path, const std::string& sha256,
                   const std::string& content_sha256) {
  if (sha256_of_file(path) == sha256) return FileState::right;
  if (content_sha256.empty()) return FileState::wrong;
  const auto content =
      is_gz(path) ? sha256_of_gz_content(path, kMostContent) : std::optional(sha256_of_file(path));
  return content == content_sha256 ? FileState::same_content : FileState::wrong;
}

FileCheck check_file(const fs::path& folder, const std::string& name, const std::string& sha256,
                     const std::string& content_sha256) {
  FileCheck check{.published = name, .found = find_spelling(name, folder)};
  if (check.found.empty()) return check;
  const fs::path path = folder / check.found;
  std::error_code ignored;
  check.bytes = fs::is_regular_file(path, ignored)
                    ? static_cast<std::int64_t>(fs::file_size(path, ignored))
                    : 0;
  const bool no_sum = content_sha256.empty() && name.ends_with(kGz) && !check.found.ends_with(kGz);
  check.state = no_sum ? FileState::unchecked : state_of(path, sha256, content_sha256);
  return check;
}

std::string here(const KnownSet& set, const fs::path& root) {
  std::string usual = "data/" + set.name;
  if (is_there(set, root / usual)) return usual;
  if (!set.system_folder.empty() && is_there(set, set.system_folder)) return set.system_folder;
  return "";
}

}  // namespace

std::string state_text(FileState state) {
  switch (state) {
    case FileState::right:
      return "as published";
    case FileState::same_content:
      return "content as published";
    case FileState::wrong:
      return "wrong";
    case FileState::unchecked:
      return "unchecked";
    case FileState::missing:
      return "missing";
  }
  return "";
}

std::size_t VerifyReport::count(FileState state) const {
  return static_cast<std::size_t>(
      std::count_if(files.begin(), files.end(), [&](const auto& f) { return f.state == state; }));
}

bool VerifyReport::all_right() const {
  return count(FileState::right) + count(FileState::same_content) == files.size();
}

VerifyReport check_set(const KnownSet& set, const fs::path& folder) {
  VerifyReport report{set, {}};
  for (const RemoteFile& file : set.files) {
    if (file.unpacked.empty()) {
      report.files.push_back(check_file(folder, file.name, file.sha256, file.content_sha256));
    }
    for (const UnpackedFile& inner : file.unpacked) {
      if (inner.sha256.empty()) continue;
      report.files.push_back(check_file(folder, inner.name, inner.sha256, ""));
    }
  }
  return report;
}

std::optional<VerifyReport> verify_known(const fs::path& folder,
                                         const std::vector<KnownSet>& sets) {
  require_folder(folder, "name the folder that holds the files");
  std::optional<VerifyReport> best;
  std::size_t most = 0;
  for (const KnownSet& set : sets) {
    VerifyReport report = check_set(set, folder);
    const std::size_t right =
        report.count(FileState::right) + report.count(FileState::same_content);
    if (right <= most) continue;
    most = right;
    best = std::move(report);
  }
  return best;
}

bool is_there(const KnownSet& set, const fs::path& folder) {
  const auto has = [&](const std::string& name) { return !find_spelling(name, folder).empty(); };
  return std::all_of(set.files.begin(), set.files.end(), [&](const RemoteFile& file) {
    if (file.unpacked.empty()) return has(file.name);
    return std::all_of(file.unpacked.begin(), file.unpacked.end(), [&](const UnpackedFile& inner) {
      return inner.sha256.empty() || has(inner.name);
    });
  });
}

std::string format_report(const VerifyReport& report) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(report.files.size());
  for (const FileCheck& file : report.files) {
    rows.push_back({file.found.empty() ? file.published : file.found,
                    file.found.empty() ? "" : format_count(file.bytes), state_text(file.state)});
  }
  std::string text = format_table({"file", ">bytes", "sum"}, rows);
  text +=
      report.all_right()
          ? fmt::format("{}: all {} files, {} + {} images of {} x {} x {}, {} classes\n",
                        report.set.name, report.files.size(), format_count(report.set.train_images),
                        format_count(report.set.test_images), report.set.shape[0],
                        report.set.shape[1], report.set.shape[2], report.set.classes)
          : fmt::format("{}: {} of {} files are as published\n", report.set.name,
                        report.count(FileState::right) + report.count(FileState::same_content),
                        report.files.size());
  return text;
}

std::string format_known_sets(const std::vector<KnownSet>& sets, const fs::path& root) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(sets.size());
  for (const KnownSet& set : sets) {
    rows.push_back(
        {set.name,
         fmt::format("{} + {}", format_count(set.train_images), format_count(set.test_images)),
         fmt::format("{} x {} x {}", set.shape[0], set.shape[1], set.shape[2]),
         fmt::format("{}", set.classes), format_bytes(download_bytes(set)), set.licence,
         set.homepage, here(set, root)});
  }
  return format_table(
      {"name", "images", "size", "classes", ">download", "licence", "source", "here"}, rows);
}

}  // namespace dcgan
