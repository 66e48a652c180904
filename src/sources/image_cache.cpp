#include "sources/image_cache.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <random>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "sources/cache_file.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using State = CacheEntry::State;

// What belongs to what --------------------------------------------------------------------------

/// The same however the folder was spelled.
fs::path real_path(const fs::path& folder) {
  std::error_code error;
  fs::path path = fs::canonical(folder, error);
  return error ? folder : path;
}

/// What is asked for, and where it is kept.
struct CacheOrder {
  const ImageFolder& folder;
  const RowFormat& format;
  double held_out;
  std::string key;
  fs::path whole;  ///< the cache
  fs::path part;   ///< while it is built
  fs::path lock;
};

std::string key_of(const fs::path& root, const RowFormat& format, double held_out) {
  return fmt::format("{}\n{} x {} x {}, fit {}, background {:02x}{:02x}{:02x}, held out {}",
                     root.string(), format.channels, format.height, format.width,
                     static_cast<int>(format.fit), format.background[0], format.background[1],
                     format.background[2], held_out) +
         (format.levels == Levels::full ? "" : ", levels " + to_string(format.levels));
}

/// Short enough for every file system, and so is it with ".part" behind it.
std::string file_name_of(const fs::path& root, std::string_view key) {
  constexpr std::size_t kMostOfFolder = 100;
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a; the whole key is in the file
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  const std::string name = root.filename().string().substr(0, kMostOfFolder);
  return fmt::format("{}-{:016x}.images", name.empty() ? "images" : name, hash);
}

CacheOrder make_order(const ImageFolder& folder, const RowFormat& format, double held_out,
                      const fs::path& cache_folder) {
  const fs::path root = real_path(folder.root);
  std::string key = key_of(root, format, held_out);
  const std::string whole = (cache_folder / file_name_of(root, key)).string();
  return {folder, format, held_out, std::move(key), whole, whole + ".part", whole + ".lock"};
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

// Decoding --------------------------------------------------------------------------------------

/// Reads, decodes and fits one file into `row`, and says in `entry` what it found. Returns the
/// state; `problem` says what is wrong with a file that is not good.
State decode_file(const ImageFolder& folder, const ImageFile& file, const RowFormat& format,
                  std::uint8_t* row, CacheEntry& entry, std::string& problem) {
  entry.stamp = file.stamp;
  const fs::path path = folder.root / file.path;
  std::string content;
  try {
    content = read_file(path);
  } catch (const Error& error) {
    problem = without_name(error.what(), path);
    return State::unreadable;
  }
  entry.file_crc = crc_of(content.data(), static_cast<std::int64_t>(content.size()));
  try {
    const Image image =
        decode_image(content, {.wanted = {format.height, format.width}, .white = format.white});
    const bool reduced = image.stored[0] > 0;
    entry.height = static_cast<std::int32_t>(reduced ? image.stored[0] : image.height);
    entry.width = static_cast<std::int32_t>(reduced ? image.stored[1] : image.width);
    write_row(image, format, row);
  } catch (const Error& error) {
    problem = error.what();
    return State::bad;
  }
  entry.row_crc = crc_of(row, format.bytes());
  return State::good;
}

/// Adds what is wrong with a file, by name for the first `most_named`.
void add_bad(const ImageFile& file, const std::string& problem, std::size_t most_named,
             PreparedImages& prepared) {
  ++prepared.bad_count;
  if (prepared.bad.size() < most_named) prepared.bad.push_back({file.path, problem});
}

// Whether a file is still the one of an entry ----------------------------------------------------

/// Nothing where it can't be read.
std::optional<std::uint32_t> crc_of_file(const fs::path& path) {
  try {
    const std::string content = read_file(path);
    return crc_of(content.data(), static_cast<std::int64_t>(content.size()));
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Whether the file system would say of a changed file that it changed. FAT, squashfs and others
/// keep no time of changes: they give none, or that of writing, in whole seconds.
bool records_changes(const FileStamp& stamp) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool is_copy = stamp.changed == stamp.modified && stamp.changed % kSecond == 0;
  return stamp.inode != 0 && stamp.changed != 0 && !is_copy;
}

/// Whether the cache's entry is of this very file, by its content where the stamp does not tell.
bool is_current(const ImageFolder& folder, const ImageFile& file, const CacheEntry& entry) {
  if (entry.stamp.bytes != file.stamp.bytes || entry.state == State::missing) return false;
  const fs::path path = folder.root / file.path;
  if (entry.state == State::unreadable) return !crc_of_file(path);
  return (entry.stamp == file.stamp && records_changes(file.stamp)) ||
         crc_of_file(path) == entry.file_crc;
}

// Building --------------------------------------------------------------------------------------

std::uint32_t white_of(const CacheFile& file) {
  return file.header().white == 0 ? kFullRange : file.header().white;
}

/// Finds rows of files that are still the same in older caches.
class OldRows {
 public:
  explicit OldRows(std::uint32_t white) : white_(white) {}

  void add(const MappedCache& cache) {
    if (!cache || white_of(*cache) != white_) return;
    std::string_view paths = cache->paths();
    for (std::int64_t i = 0; i < cache->header().files; ++i) {
      const auto end = paths.find('\0');
      if (end == std::string_view::npos) return;
      const CacheEntry& entry = cache->entries()[i];
      const bool has_row =
          entry.state == State::good && entry.row >= 0 && entry.row < cache->header().files;
      if (has_row) found_[std::string(paths.substr(0, end))] = {cache, &entry};
      paths.remove_prefix(end + 1);
    }
  }

  /// Copies a file's old row, if there is one that is its own still; `entry.row` stays.
  bool copy(const ImageFolder& folder, const ImageFile& file, std::uint8_t* row,
            CacheEntry& entry) const {
    const auto found = found_.find(file.path);
    if (found == found_.end()) return false;
    const auto& [cache, old] = found->second;
    if (!is_current(folder, file, *old)) return false;
    const std::uint8_t* const source = cache->row(old->row);
    const std::int64_t size = cache->header().row_bytes;
    if (crc_of(source, size) != old->row_crc) return false;
    std::memcpy(row, source, static_cast<std::size_t>(size));
    const std::int64_t number = std::exchange(entry, *old).row;
    entry.row = number;
    entry.stamp = file.stamp;
    return true;
  }

 private:
  struct Row {
    MappedCache cache;
    const CacheEntry* entry = nullptr;
  };
  const std::uint32_t white_;
  std::unordered_map<std::string, Row> found_;
};

/// Moves the rows of good files together, keeping their order, and counts them.
void close_up(const CacheFile& file) {
  CacheHeader& header = file.header();
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

MappedCache build_cache(const CacheOrder& order, const PrepareProgress& progress) {
  const std::int64_t row_bytes = order.format.bytes();
  RowFormat format = order.format;
  if (format.levels == Levels::automatic) format.white = find_white(order.folder, format, progress);
  OldRows old(format.white);
  old.add(map_cache(order.whole, order.key, row_bytes, CacheAccess::read));
  old.add(map_cache(order.part, order.key, row_bytes, CacheAccess::read));  // newer: it counts
  std::error_code ignored;
  fs::remove(order.part, ignored);  // its map stays until its rows are copied

  CacheHeader header;
  header.files = static_cast<std::int64_t>(order.folder.files.size());
  header.row_bytes = row_bytes;
  header.white = format.white;
  const std::vector<std::int64_t> slots =
      slots_of(header.files, order.held_out, header.training_rows);
  NewCache cache(order.part, header, order.key, joined_paths(order.folder));
  CacheEntry* const entries = cache.file().entries();
  const auto work = [&](std::int64_t i) {
    const ImageFile& source = order.folder.files[static_cast<std::size_t>(i)];
    CacheEntry entry;
    entry.row = slots[static_cast<std::size_t>(i)];
    std::vector<std::uint8_t> row(static_cast<std::size_t>(row_bytes));
    if (!old.copy(order.folder, source, row.data(), entry)) {
      std::string problem;
      entry.state = decode_file(order.folder, source, format, row.data(), entry, problem);
    }
    if (entry.state == State::good) cache.write_row(entry.row, row.data());
    entries[i] = entry;  // last: an entry that is there has its row
  };
  const auto tick = [&](std::int64_t done, std::int64_t count) {
    cache.start_flush();
    if (progress) progress(done, count);
  };
  for_each_image(header.files, work, tick);
  close_up(cache.file());
  return cache.complete(order.whole);
}

// Opening ---------------------------------------------------------------------------------------

/// Whether each good file has a row of its own, those of files that are held out behind the others,
/// and as many as the header says.
bool has_sound_rows(const CacheFile& file, double held_out) {
  const CacheHeader& header = file.header();
  if (header.rows < 0 || header.rows > header.files) return false;
  std::vector<bool> taken(static_cast<std::size_t>(header.rows));
  std::int64_t training = 0;
  std::int64_t good = 0;
  for (std::int64_t i = 0; i < header.files; ++i) {
    const CacheEntry& entry = file.entries()[i];
    if (entry.state != State::good) continue;
    const bool for_training = !is_held_out(i, held_out);
    const auto row = static_cast<std::size_t>(entry.row);
    if (entry.row < 0 || entry.row >= header.rows || taken[row] ||
        (entry.row < header.training_rows) != for_training) {
      return false;
    }
    taken[row] = true;
    training += for_training ? 1 : 0;
    ++good;
  }
  return good == header.rows && training == header.training_rows;
}

/// Writes down the files' stamps, so that next time none need be read for its own. Not where that
/// can't be done: the cache is read only, or another process is busy with it.
void note_stamps(const CacheOrder& order, const CacheFile& seen) {
  const CacheLock lock(order.lock);
  if (!lock.held()) return;
  const MappedCache file =
      map_cache(order.whole, order.key, order.format.bytes(), CacheAccess::write);
  if (!file || file->header().index_crc != seen.header().index_crc) return;  // a newer one
  for (std::size_t i = 0; i < order.folder.files.size(); ++i) {
    file->entries()[i].stamp = order.folder.files[i].stamp;
  }
  file->header().index_crc = file->index_crc();
}

/// The cache if it is complete and of these files.
MappedCache open_current(const CacheOrder& order) {
  MappedCache file = map_cache(order.whole, order.key, order.format.bytes(), CacheAccess::read);
  const auto count = static_cast<std::int64_t>(order.folder.files.size());
  if (!file || file->header().complete == 0 || file->header().files != count ||
      file->paths() != joined_paths(order.folder) || !has_sound_rows(*file, order.held_out)) {
    return nullptr;
  }
  bool new_stamps = false;
  for (std::int64_t i = 0; i < count; ++i) {
    const ImageFile& source = order.folder.files[static_cast<std::size_t>(i)];
    const CacheEntry& entry = file->entries()[i];
    if (!is_current(order.folder, source, entry)) return nullptr;
    new_stamps = new_stamps || entry.stamp != source.stamp;
  }
  if (new_stamps) note_stamps(order, *file);
  return file;
}

/// A second look at a bad file, for the words.
std::string problem_of(const CacheOrder& order, const ImageFile& file) {
  std::vector<std::uint8_t> row(static_cast<std::size_t>(order.format.bytes()));
  CacheEntry entry;
  std::string problem;
  const State state = decode_file(order.folder, file, order.format, row.data(), entry, problem);
  if (state != State::good) return problem;
  return fmt::format("could not be decoded when the cache was built; remove {} to try again",
                     order.whole.string());
}

PreparedImages describe_cache(const MappedCache& file, const CacheOrder& order) {
  PreparedImages prepared;
  const CacheHeader& header = file->header();
  prepared.training = header.training_rows;
  prepared.white = white_of(*file);
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
    const ImageFile& source = order.folder.files[static_cast<std::size_t>(i)];
    const bool shown = prepared.bad.size() < kMostNamed;
    add_bad(source, shown ? problem_of(order, source) : "", kMostNamed, prepared);
  }
  prepared.rows = {file, file->row(0)};
  prepared.cache = order.whole;
  return prepared;
}

/// Where a file system has no locks others may be building the same cache, too: each builds a file
/// of its own, and the last one stays.
void take_own_part(CacheOrder& order) {
  order.part = fmt::format("{}.{:08x}.part", order.whole.string(), std::random_device()());
}

void make_cache_folder(const fs::path& folder) {
  try {
    make_folder(folder);
  } catch (const Error& error) {
    throw failure(fmt::format("{}; set data.cache to another folder, or to none", error.what()));
  }
}

}  // namespace

std::uint32_t find_white(const ImageFolder& folder, const RowFormat& format,
                         const PrepareProgress& progress) {
  const auto read = [&](std::int64_t i) {
    const ImageFile& file = folder.files[static_cast<std::size_t>(i)];
    return read_image(folder.root / file.path, {.wanted = {format.height, format.width}});
  };
  return find_white(static_cast<std::int64_t>(folder.files.size()), read, progress);
}

PreparedImages decode_into_memory(const ImageFolder& folder, const RowFormat& format,
                                  const std::vector<std::int64_t>& chosen,
                                  const PrepareProgress& progress, std::size_t most_named) {
  const auto count = static_cast<std::int64_t>(chosen.size());
  const std::int64_t size = format.bytes();
  const std::shared_ptr<std::uint8_t[]> rows(
      new std::uint8_t[static_cast<std::size_t>(count * size)]);
  std::vector<CacheEntry> entries(chosen.size());
  std::vector<std::string> problems(chosen.size());
  const auto source = [&](std::int64_t i) -> const ImageFile& {
    return folder.files[static_cast<std::size_t>(chosen[static_cast<std::size_t>(i)])];
  };
  const auto work = [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    entries[at].state =
        decode_file(folder, source(i), format, rows.get() + i * size, entries[at], problems[at]);
  };
  for_each_image(count, work, progress);

  PreparedImages prepared;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (entries[at].state != State::good) {
      add_bad(source(i), problems[at], most_named, prepared);
      continue;
    }
    const std::int64_t next = prepared.size();
    if (next != i) {
      std::memcpy(rows.get() + next * size, rows.get() + i * size, static_cast<std::size_t>(size));
    }
    prepared.row_crcs.push_back(entries[at].row_crc);
    prepared.files.push_back(chosen[at]);
    prepared.sizes.add(entries[at].height, entries[at].width);
  }
  prepared.training = prepared.size();
  prepared.white = format.white;
  prepared.rows = {rows, rows.get()};
  return prepared;
}

PreparedImages open_image_cache(const ImageFolder& folder, const RowFormat& format, double held_out,
                                const fs::path& cache_folder, const PrepareProgress& progress) {
  make_cache_folder(cache_folder);
  CacheOrder order = make_order(folder, format, held_out, cache_folder);
  MappedCache file = open_current(order);
  if (!file) {
    const CacheLock lock(order.lock, [&] {
      if (progress) progress(0, 0);
    });
    if (!lock.held()) take_own_part(order);
    file = open_current(order);  // another process may have built it meanwhile
    if (!file) file = build_cache(order, progress);
  }
  advise(*file);
  return describe_cache(file, order);
}

}  // namespace dcgan
