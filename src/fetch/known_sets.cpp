#include "fetch/known_sets.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTable =
#include "known_sets_yaml.h"  // CMake makes it of data/known_sets.yaml
    ;

std::string text(const YAML::Node& node, const char* key) { return node[key].as<std::string>(""); }

KnownFile read_known_file(const YAML::Node& node) {
  return {text(node, "name"), node["bytes"].as<std::int64_t>(), text(node, "sha256"),
          text(node, "content_sha256")};
}

std::vector<KnownSet> read_table() {
  std::vector<KnownSet> sets;
  for (const YAML::Node& node : YAML::Load(kTable)) {
    KnownSet& set = sets.emplace_back();
    set.name = text(node, "name");
    set.sources = node["sources"].as<std::vector<std::string>>();
    if (node["archive"]) set.archive = read_known_file(node["archive"]);
    for (const YAML::Node& file : node["files"]) set.files.push_back(read_known_file(file));
    set.images = text(node, "images");
    set.shape = text(node, "shape");
    set.classes = text(node, "classes");
    set.licence = text(node, "licence");
    set.homepage = text(node, "homepage");
    set.system_folder = text(node, "system_folder");
  }
  return sets;
}

bool is_there(const KnownSet& set, const fs::path& folder) {
  std::error_code ignored;
  return std::all_of(set.files.begin(), set.files.end(), [&](const KnownFile& file) {
    return file.sha256.empty() || fs::exists(find_spelling(file.name, folder), ignored);
  });
}

SetCheck check_set(const KnownSet& set, const fs::path& folder) {
  constexpr std::array kTexts{"as published", "content as published", "wrong", "unchecked",
                              "missing"};
  SetCheck check{.set = &set};
  std::vector<std::vector<std::string>> rows;
  for (const KnownFile& file : set.files) {
    if (file.sha256.empty()) continue;
    const fs::path path = find_spelling(file.name, folder);
    const FileState state = check_file(file, folder);
    check.right += state <= FileState::same_content ? 1 : 0;
    std::error_code error;
    const auto bytes = static_cast<std::int64_t>(fs::file_size(path, error));
    rows.push_back({path.empty() ? file.name : path.filename().string(),
                    error ? "" : format_count(bytes), kTexts.at(static_cast<std::size_t>(state))});
  }
  check.all_right = check.right == static_cast<std::int64_t>(rows.size());
  check.table =
      format_table({"file", ">bytes", "sum"}, rows) +
      (check.all_right ? fmt::format("{}: all {} files, {} images of {}, {} classes\n", set.name,
                                     rows.size(), set.images, set.shape, set.classes)
                       : fmt::format("{}: {} of {} files are as published\n", set.name, check.right,
                                     rows.size()));
  return check;
}

}  // namespace

const std::vector<KnownSet>& known_sets() {
  static const std::vector<KnownSet> sets = read_table();
  return sets;
}

const KnownSet& find_known_set(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownSet& set : known_sets()) {
    if (set.name == name) return set;
    names.push_back(set.name);
  }
  throw usage_error(fmt::format("unknown data set '{}'", printable(name)))
      .remedy(did_you_mean(name, names, "it must be " + or_list(names)));
}

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

FileState check_file(const KnownFile& file, const fs::path& folder) {
  const fs::path path = find_spelling(file.name, folder);
  std::error_code error;
  if (!fs::exists(path, error)) return FileState::missing;
  const bool is_plain = file.name.ends_with(".gz") && path.extension() != ".gz";
  if (is_plain && file.content_sha256.empty()) return FileState::unchecked;
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error) return FileState::wrong;  // no regular file
  if (size == file.bytes && sha256_of(read_file(path)) == file.sha256) return FileState::right;
  if (file.content_sha256.empty()) return FileState::wrong;
  try {
    if (sha256_of(read_gz_file(path)) == file.content_sha256) return FileState::same_content;
  } catch (const Error& unreadable) {
    if (unreadable.kind() != ErrorKind::damaged) throw;
  }
  return FileState::wrong;
}

std::optional<SetCheck> verify_known(const fs::path& folder, const std::vector<KnownSet>& sets) {
  require_folder(folder, "name the folder that holds the files");
  std::optional<SetCheck> best;
  for (const KnownSet& set : sets) {
    SetCheck check = check_set(set, folder);
    if (check.right > (best ? best->right : 0)) best = std::move(check);
  }
  return best;
}

std::string format_known_sets(const std::vector<KnownSet>& sets, const fs::path& root) {
  std::vector<std::vector<std::string>> rows;
  for (const KnownSet& set : sets) {
    std::int64_t bytes = set.archive.bytes;
    for (const KnownFile& file : set.files) bytes += set.has_archive() ? 0 : file.bytes;
    std::string here = "data/" + set.name;
    if (!is_there(set, root / here))
      here = is_there(set, set.system_folder) ? set.system_folder : "";
    rows.push_back({set.name, set.images, set.shape, set.classes, format_bytes(bytes), set.licence,
                    set.homepage, here});
  }
  return format_table(
      {"name", "images", "size", "classes", ">download", "licence", "source", "here"}, rows);
}

}  // namespace dcgan
