#include "dcgan/data/image_cache.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "dcgan/base/error.h"
#include "dcgan/base/file.h"
#include "dcgan/base/text.h"
#include "dcgan/data/image_source.h"
#include "dcgan/image/decode.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using State = CacheEntry::State;

constexpr std::array<char, 8> kMagic{'D', 'C', 'G', 'A', 'N', 'I', 'M', 'G'};
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kPage = 4096;
constexpr std::size_t kMostShown = 10;  ///< bad files by name

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t complete = 0;
  std::int64_t files = 0;
  std::int64_t training_rows = 0;
  std::int64_t rows = 0;       ///< good files, once complete
  std::int64_t row_bytes = 0;
  std::int64_t key_bytes = 0;
  std::int64_t path_bytes = 0;
  std::uint32_t index_crc = 0;  ///< of key, entries and paths, once complete
  std::uint32_t unused = 0;
};
static_assert(sizeof(Header) == 72);

struct Layout {
  std::int64_t key = sizeof(Header);
  std::int64_t entries = 0;
  std::int64_t paths = 0;
  std::int64_t rows = 0;
  std::int64_t end = 0;
};

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

Layout layout_of(const Header& header) {
  Layout layout;
  layout.entries = round_up(layout.key + header.key_bytes, alignof(std::int64_t));
  layout.paths = layout.entries + header.files * static_cast<std::int64_t>(sizeof(CacheEntry));
  layout.rows = round_up(layout.paths + header.path_bytes, kPage);
  layout.end = layout.rows + header.files * header.row_bytes;
  return layout;
}

// A file in memory ------------------------------------------------------------------------------

class MappedFile {
 public:
  MappedFile(int descriptor, std::int64_t size, int protection)
      : size_(static_cast<std::size_t>(size)),
        data_(mmap(nullptr, size_, protection, MAP_SHARED, descriptor, 0)) {}
  ~MappedFile() {
    if (valid()) munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  bool valid() const { return data_ != MAP_FAILED; }
  std::uint8_t* at(std::int64_t offset) const { return static_cast<std::uint8_t*>(data_) + offset; }
  Header& header() const { return *reinterpret_cast<Header*>(at(0)); }
  CacheEntry* entries() const {
    return reinterpret_cast<CacheEntry*>(at(layout_of(header()).entries));
  }
  std::string_view key() const {
    return {reinterpret_cast<const char*>(at(layout_of(header()).key)),
            static_cast<std::size_t>(header().key_bytes)};
  }
  std::string_view paths() const {
    return {reinterpret_cast<const char*>(at(layout_of(header()).paths)),
            static_cast<std::size_t>(header().path_bytes)};
  }
  std::uint8_t* row(std::int64_t index) const {
    return at(layout_of(header()).rows + index * header().row_bytes);
  }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  void* data_;
};
using Mapped = std::shared_ptr<MappedFile>;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

bool sizes_fit(const Header& header, std::int64_t size) {
  constexpr std::int64_t kMost = std::int64_t{1} << 46;
  const auto sane = [](std::int64_t value) { return value >= 0 && value <= kMost; };
  return sane(header.files) && sane(header.row_bytes) && sane(header.key_bytes) &&
         sane(header.path_bytes) &&
         static_cast<double>(header.files) * static_cast<double>(header.row_bytes) <
             static_cast<double>(kMost) &&
         layout_of(header).end == size;
}

std::uint32_t index_crc(const MappedFile& file) {
  const Layout layout = layout_of(file.header());
  return static_cast<std::uint32_t>(
      crc32_z(0, file.at(layout.key), static_cast<std::size_t>(layout.rows - layout.key)));
}

/// A cache file with this key, whole or half built; nothing where it is none or is damaged.
Mapped map_cache(const fs::path& path, std::string_view key, int protection) {
  const Descriptor descriptor(
      open(path.c_str(), ((protection & PROT_WRITE) != 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  struct stat status {};
  if (descriptor.get() < 0 || fstat(descriptor.get(), &status) != 0 ||
      status.st_size < static_cast<off_t>(sizeof(Header))) {
    return nullptr;
  }
  auto file = std::make_shared<MappedFile>(descriptor.get(), status.st_size, protection);
  if (!file->valid()) return nullptr;
  const Header& header = file->header();
  const bool ours = header.magic == kMagic && header.version == kVersion &&
                    sizes_fit(header, status.st_size) && file->key() == key &&
                    (header.complete == 0 || header.index_crc == index_crc(*file));
  return ours ? file : nullptr;
}

// What belongs to what --------------------------------------------------------------------------

std::string key_of(const ImageFolder& folder, const RowFormat& format, double held_out) {
  return fmt::format("{}\n{} x {} x {}, fit {}, background {:02x}{:02x}{:02x}, held out {}",
                     fs::absolute(folder.root).lexically_normal().string(), format.channels,
                     format.height, format.width, static_cast<int>(format.fit),
                     format.background[0], format.background[1], format.background[2], held_out);
}

std::string file_name_of(const ImageFolder& folder, std::string_view key) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a; the whole key is in the file
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  const std::string name = fs::absolute(folder.root).lexically_normal().filename().string();
  return fmt::format("{}-{:016x}.images", name.empty() ? "images" : name, hash);
}

std::string joined_paths(const ImageFolder& folder) {
  std::string paths;
  for (const ImageFile& file : folder.files) paths.append(file.path).push_back('\0');
  return paths;
}

/// Where each file's row lies while all files have one: those to train on first.
std::vector<std::int64_t> slots_of(std::int64_t files, double held_out, std::int64_t& training) {
  std::vector<std::int64_t> slots(static_cast<std::size_t>(files));
  training = 0;
  for (std::int64_t i = 0; i < files; ++i) training += is_held_out(i, held_out) ? 0 : 1;
  std::int64_t next_training = 0;
  std::int64_t next_test = training;
  for (std::int64_t i = 0; i < files; ++i) {
    slots[static_cast<std::size_t>(i)] = is_held_out(i, held_out) ? next_test++ : next_training++;
  }
  return slots;
}

std::uint32_t crc_of(const void* bytes, std::size_t size) {
  return static_cast<std::uint32_t>(crc32_z(0, static_cast<const Bytef*>(bytes), size));
}

/// Reads, decodes and fits one file into `row`, and says in `entry` what it found. Returns the state;
/// `problem` says what is wrong with a bad file.
State decode_file(const ImageFolder& folder, const ImageFile& file, const RowFormat& format,
                  std::uint8_t* row, CacheEntry& entry, std::string& problem) {
  entry.bytes = file.bytes;
  entry.modified = file.modified;
  std::string content;
  try {
    content = read_file(folder.root / file.path);
    entry.file_crc = crc_of(content.data(), content.size());
    const Image image = decode_image(content, {.wanted = {format.height, format.width}});
    entry.height = static_cast<std::int32_t>(image.height);
    entry.width = static_cast<std::int32_t>(image.width);
    write_row(image, format, row);
  } catch (const Error& error) {
    problem = error.what();
    return State::bad;
  }
  entry.row_crc = crc_of(row, static_cast<std::size_t>(format.bytes()));
  return State::good;
}

/// Adds what is wrong with a file, by name for the first ones.
void add_bad(const ImageFile& file, const std::string& problem, PreparedImages& prepared) {
  ++prepared.bad_count;
  if (prepared.bad.size() < kMostShown) prepared.bad.push_back({file.path, problem});
}

// Building --------------------------------------------------------------------------------------

/// Finds rows of files that are still the same in older caches.
class OldRows {
 public:
  void add(const Mapped& cache) {
    if (!cache) return;
    std::string_view paths = cache->paths();
    for (std::int64_t i = 0; i < cache->header().files; ++i) {
      const auto end = paths.find('\0');
      if (end == std::string_view::npos) return;
      const CacheEntry& entry = cache->entries()[i];
      const bool has_row = entry.state == State::good && entry.row >= 0 &&
                           entry.row < cache->header().files;
      if (has_row) found_[std::string(paths.substr(0, end))] = {cache, &entry};
      paths.remove_prefix(end + 1);
    }
  }

  /// Copies a file's old row, if there is one that is its own still; `entry.row` stays.
  bool copy(const ImageFile& file, std::uint8_t* row, CacheEntry& entry) const {
    const auto found = found_.find(file.path);
    if (found == found_.end()) return false;
    const auto& [cache, old] = found->second;
    if (old->bytes != file.bytes || old->modified != file.modified) return false;
    const std::uint8_t* const source = cache->row(old->row);
    const auto size = static_cast<std::size_t>(cache->header().row_bytes);
    if (crc_of(source, size) != old->row_crc) return false;
    std::memcpy(row, source, size);
    const std::int64_t number = std::exchange(entry, *old).row;
    entry.row = number;
    return true;
  }

 private:
  struct Row {
    Mapped cache;
    const CacheEntry* entry = nullptr;
  };
  std::unordered_map<std::string, Row> found_;
};

[[noreturn]] void fail_to_write(const fs::path& path, int error, std::int64_t wanted) {
  std::error_code ignored;
  const fs::space_info space = fs::space(path.parent_path(), ignored);
  fs::remove(path, ignored);
  const std::string sizes =
      error == ENOSPC || error == EFBIG || error == EDQUOT
          ? fmt::format(" ({} are needed, {} free)", format_bytes(wanted),
                        format_bytes(static_cast<std::int64_t>(space.available)))
          : "";
  throw failure(fmt::format("{}: the decoded images can't be kept here: {}{}; set data.cache to a "
                            "folder with room, or to none, or lower data.image_size",
                            path.string(), std::strerror(error), sizes));
}

/// A new file with room for everything, so that writing to its map can't fail.
Mapped create_cache(const fs::path& path, Header header, std::string_view key,
                    std::string_view paths) {
  const Layout layout = layout_of(header);
  const Descriptor descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (descriptor.get() < 0) fail_to_write(path, errno, layout.end);
  const int error = posix_fallocate(descriptor.get(), 0, layout.end);
  if (error != 0) fail_to_write(path, error, layout.end);
  auto file =
      std::make_shared<MappedFile>(descriptor.get(), layout.end, PROT_READ | PROT_WRITE);
  if (!file->valid()) fail_to_write(path, errno, layout.end);
  std::memcpy(file->at(0), &header, sizeof header);
  std::memcpy(file->at(layout.key), key.data(), key.size());
  std::memcpy(file->at(layout.paths), paths.data(), paths.size());
  return file;
}

/// Moves the rows of good files together, keeping their order, and counts them.
void close_up(const MappedFile& file) {
  Header& header = file.header();
  std::vector<CacheEntry*> by_row(static_cast<std::size_t>(header.files));
  for (std::int64_t i = 0; i < header.files; ++i) {
    CacheEntry& entry = file.entries()[i];
    by_row[static_cast<std::size_t>(entry.row)] = &entry;
  }
  std::int64_t training = 0;
  for (CacheEntry* const entry : by_row) {
    if (entry->state != State::good) continue;
    if (entry->row < header.training_rows) ++training;
    const std::int64_t row = header.rows++;
    if (row != entry->row) {
      std::memcpy(file.row(row), file.row(entry->row), static_cast<std::size_t>(header.row_bytes));
    }
    entry->row = row;
  }
  header.training_rows = training;
}

struct CachePaths {
  fs::path whole;
  fs::path part;
};

Mapped build_cache(const ImageFolder& folder, const RowFormat& format, double held_out,
                   const std::string& key, const CachePaths& paths,
                   const PrepareProgress& progress) {
  OldRows old;
  old.add(map_cache(paths.part, key, PROT_READ));
  old.add(map_cache(paths.whole, key, PROT_READ));
  std::error_code ignored;
  fs::remove(paths.part, ignored);  // its map stays until its rows are copied

  const std::string names = joined_paths(folder);
  Header header;
  header.files = static_cast<std::int64_t>(folder.files.size());
  header.row_bytes = format.bytes();
  header.key_bytes = static_cast<std::int64_t>(key.size());
  header.path_bytes = static_cast<std::int64_t>(names.size());
  const std::vector<std::int64_t> slots = slots_of(header.files, held_out, header.training_rows);
  const Mapped file = create_cache(paths.part, header, key, names);
  CacheEntry* const entries = file->entries();
  const auto work = [&](std::int64_t i) {
    const ImageFile& source = folder.files[static_cast<std::size_t>(i)];
    CacheEntry entry;
    entry.row = slots[static_cast<std::size_t>(i)];
    std::uint8_t* const row = file->row(entry.row);
    if (!old.copy(source, row, entry)) {
      std::string problem;
      entry.state = decode_file(folder, source, format, row, entry, problem);
    }
    entries[i] = entry;  // last: an entry that is there has its row
  };
  for_each_image(header.files, work, progress);
  close_up(*file);
  file->header().index_crc = index_crc(*file);
  file->header().complete = 1;
  if (msync(file->at(0), file->size(), MS_SYNC) != 0 ||
      rename(paths.part.c_str(), paths.whole.c_str()) != 0) {
    fail_to_write(paths.part, errno, static_cast<std::int64_t>(file->size()));
  }
  return file;
}

// Opening ---------------------------------------------------------------------------------------

/// Whether the cache's entry is of this very file; a new time with the old content is noted.
bool is_current(const ImageFolder& folder, const ImageFile& file, CacheEntry& entry,
                bool& changed) {
  if (entry.bytes != file.bytes || entry.state == State::missing) return false;
  if (entry.modified == file.modified) return true;
  try {
    const std::string content = read_file(folder.root / file.path);
    if (crc_of(content.data(), content.size()) != entry.file_crc) return false;
  } catch (const Error&) {
    return false;
  }
  entry.modified = file.modified;
  changed = true;
  return true;
}

/// The cache if it is complete and of these files.
Mapped open_current(const ImageFolder& folder, const fs::path& path, const std::string& key) {
  const Mapped file = map_cache(path, key, PROT_READ | PROT_WRITE);
  const auto count = static_cast<std::int64_t>(folder.files.size());
  if (!file || file->header().complete == 0 || file->header().files != count ||
      file->paths() != joined_paths(folder)) {
    return nullptr;
  }
  bool changed = false;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!is_current(folder, folder.files[static_cast<std::size_t>(i)], file->entries()[i], changed)) {
      return nullptr;
    }
  }
  if (changed) file->header().index_crc = index_crc(*file);
  return file;
}

/// Asks the system to have the rows at hand: all of them where they take less than half of the
/// memory, else none before it is used, since the order of training is random.
void advise(const MappedFile& file) {
  const std::int64_t memory = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const bool fits = static_cast<std::int64_t>(file.size()) < memory / 2;
  madvise(file.at(0), file.size(), fits ? MADV_WILLNEED : MADV_RANDOM);
}

/// A second look at a bad file, for the words.
std::string problem_of(const ImageFolder& folder, const ImageFile& file, const RowFormat& format) {
  std::vector<std::uint8_t> row(static_cast<std::size_t>(format.bytes()));
  CacheEntry entry;
  std::string problem = "can't be read";
  decode_file(folder, file, format, row.data(), entry, problem);
  return problem;
}

PreparedImages describe_cache(const Mapped& file, const ImageFolder& folder,
                              const RowFormat& format) {
  PreparedImages prepared;
  const Header& header = file->header();
  prepared.training = header.training_rows;
  prepared.row_crcs.resize(static_cast<std::size_t>(header.rows));
  prepared.files.resize(static_cast<std::size_t>(header.rows));
  for (std::int64_t i = 0; i < header.files; ++i) {
    const CacheEntry& entry = file->entries()[i];
    if (entry.state == State::good) {
      prepared.row_crcs[static_cast<std::size_t>(entry.row)] = entry.row_crc;
      prepared.files[static_cast<std::size_t>(entry.row)] = i;
      prepared.sizes.add(entry.height, entry.width);
      continue;
    }
    const ImageFile& source = folder.files[static_cast<std::size_t>(i)];
    const bool shown = prepared.bad.size() < kMostShown;
    add_bad(source, shown ? problem_of(folder, source, format) : "", prepared);
  }
  prepared.rows = at::from_blob(
      file->row(0), {header.rows, format.channels, format.height, format.width},
      [file](void*) {}, at::kByte);
  return prepared;
}

}  // namespace

PreparedImages decode_into_memory(const ImageFolder& folder, const RowFormat& format,
                                  const std::vector<std::int64_t>& chosen,
                                  const PrepareProgress& progress) {
  const auto count = static_cast<std::int64_t>(chosen.size());
  torch::Tensor rows =
      at::empty({count, format.channels, format.height, format.width}, at::kByte);
  auto* const bytes = rows.data_ptr<std::uint8_t>();
  std::vector<CacheEntry> entries(chosen.size());
  std::vector<std::string> problems(chosen.size());
  const auto source = [&](std::int64_t i) -> const ImageFile& {
    return folder.files[static_cast<std::size_t>(chosen[static_cast<std::size_t>(i)])];
  };
  const auto work = [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    entries[at].state = decode_file(folder, source(i), format, bytes + i * format.bytes(),
                                    entries[at], problems[at]);
  };
  for_each_image(count, work, progress);

  PreparedImages prepared;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (entries[at].state != State::good) {
      add_bad(source(i), problems[at], prepared);
      continue;
    }
    const auto next = static_cast<std::int64_t>(prepared.files.size());
    if (next != i) {
      std::memcpy(bytes + next * format.bytes(), bytes + i * format.bytes(),
                  static_cast<std::size_t>(format.bytes()));
    }
    prepared.row_crcs.push_back(entries[at].row_crc);
    prepared.files.push_back(chosen[at]);
    prepared.sizes.add(entries[at].height, entries[at].width);
  }
  prepared.training = static_cast<std::int64_t>(prepared.files.size());
  prepared.rows = rows.narrow(0, 0, prepared.training);
  return prepared;
}

PreparedImages open_image_cache(const ImageFolder& folder, const RowFormat& format, double held_out,
                                const fs::path& cache_folder, const PrepareProgress& progress) {
  make_folder(cache_folder);
  const std::string key = key_of(folder, format, held_out);
  CachePaths paths;
  paths.whole = cache_folder / file_name_of(folder, key);
  paths.part = paths.whole.string() + ".part";
  Mapped file = open_current(folder, paths.whole, key);
  if (!file) {
    const fs::path lock_file = paths.whole.string() + ".lock";
    const Descriptor lock(open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (lock.get() < 0) fail_to_write(lock_file, errno, 0);
    while (flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    file = open_current(folder, paths.whole, key);  // another process may have built it meanwhile
    if (!file) file = build_cache(folder, format, held_out, key, paths, progress);
  }
  advise(*file);
  return describe_cache(file, folder, format);
}

fs::path cache_folder(const std::string& setting) {
  if (setting != "auto") return setting;
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", ".cache"}}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && *value == '/') return fs::path(value) / below / "dcgan";
  }
  return fs::temp_directory_path() / "dcgan";
}

}  // namespace dcgan
