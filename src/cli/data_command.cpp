#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <numeric>
#include <optional>
#include <vector>

#include "base/text.h"
#include "cli/command_context.h"
#include "cli/load_data.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "fetch/fetch.h"
#include "fetch/verify.h"
#include "sources/data_format.h"
#include "sources/image_cache.h"
#include "sources/image_folder.h"
#include "training/log.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Decodes every picture below a folder and names all that can't be.
int verify_folder(const std::string& path) {
  const ImageFolder folder = list_images(path, /*classes=*/false);
  std::vector<std::int64_t> all(folder.files.size());
  std::iota(all.begin(), all.end(), 0);
  constexpr RowFormat kSmall{{8, 8, 3}};  // the pixels are not kept
  Log log(Verbosity::normal);
  PrepareBar bar(log);
  const PreparedImages images = decode_into_memory(folder, kSmall, all, bar.progress());
  for (const BadImage& one : images.bad) {
    std::cout << fmt::format("{}: {}\n", printable_path((fs::path(path) / one.path).string()),
                             one.problem);
  }
  std::cout << fmt::format("{}: {} images{}\n", path, format_count(images.size()),
                           images.size() == 0 ? "" : fmt::format(" of {}", images.sizes.text()));
  if (const std::string others = describe_others(folder); !others.empty()) {
    std::cout << fmt::format("{}: other files are left out: {}\n", path, others);
  }
  std::cout << std::flush;
  if (images.bad.empty()) return 0;
  throw failure(fmt::format("{}: {} of {} files are damaged or no images; mend or remove them",
                            path, format_count(static_cast<std::int64_t>(images.bad.size())),
                            format_count(static_cast<std::int64_t>(all.size()))));
}

/// Reads every image of a set that is not a known one, and counts. Its files have no sums to check,
/// but those that can't be read are found.
int verify_other(const std::string& path, DataFormat format) {
  DataConfig data;
  data.format = format;
  if (data.format == DataFormat::folder) return verify_folder(path);
  data.path = path;
  data.channels = data.format == DataFormat::mnist ? 1 : 3;
  data.held_out = 0;  // all are read
  data.image_size = {};
  const bool has_splits = has_own_splits(data.format);
  Log log(Verbosity::normal);
  for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
    if (split == DataSplit::test && !has_splits) continue;
    data.split = split;
    const Dataset set = load_dataset(data, log);
    std::cout << fmt::format("{}: {} images of {}{}\n", path, format_count(set.size()),
                             set.originals.text(),
                             has_splits ? fmt::format(" in the {} split", to_string(split)) : "");
  }
  return 0;
}

}  // namespace

int run_data_list(const DataListOptions& /*options*/) {
  std::cout << format_known_sets(known_sets(), ".");
  return 0;
}

int run_data_fetch(const DataFetchOptions& options) {
  const KnownSet& set = find_known_set(options.name);
  Log log(Verbosity::normal);
  FetchOptions fetch{.folder = options.to, .sources = set.sources, .force = options.force};
  if (options.mirror) fetch.sources = {*options.mirror};
  fetch.on_line = [&](const std::string& line) {
    log.show_bar("");
    log.info(line);
  };
  fetch.on_progress = [&](std::int64_t done, std::int64_t total, std::int64_t rate) {
    const std::string bar =
        fmt::format("{:3d} %  {} of {}  {}/s", done * 100 / total, format_bytes(done),
                    format_bytes(total), format_bytes(rate));
    log.show_bar(bar.substr(0, static_cast<std::size_t>(terminal_width() - 1)));
  };
  fetch_set(set, fetch);
  std::cout << fmt::format("{}: all of {} is there; train on it with --set data.path={}\n",
                           options.to, set.name, shell_quote(options.to));
  return 0;
}

int run_data_verify(const DataVerifyOptions& options) {
  DataConfig data;
  data.path = options.path;
  data.format = guess_format(data.path);
  // An array is one file; every known set is a folder.
  if (data.format == DataFormat::npy) return verify_other(data.path, data.format);
  // Of pictures all are looked at, whatever their split.
  const std::string path = data.format == DataFormat::folder ? data.path : find_set(data);
  const std::optional<SetCheck> check = verify_known(path);
  if (!check) return verify_other(path, data.format);
  std::cout << check->table << std::flush;
  if (check->all_right) return 0;
  throw failure(
      fmt::format("{0}: not all of {1} is as published; get the rest with: dcgan data fetch {1} "
                  "--to {2} --force",
                  path, check->set->name, shell_quote(path)));
}

}  // namespace dcgan::cli
