#include "cli/data_verify.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <numeric>
#include <optional>
#include <vector>

#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "fetch/verify.h"
#include "sources/image_cache.h"
#include "sources/image_folder.h"
#include "sources/image_source.h"
#include "training/load_data.h"
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
  throw failure(fmt::format("{} of {} files are damaged or no images",
                            format_count(static_cast<std::int64_t>(images.bad.size())),
                            format_count(static_cast<std::int64_t>(all.size()))))
      .in(path)
      .remedy("mend or remove them");
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

int DataVerify::run() const {
  DataConfig data;
  data.path = path;
  data.format = guess_format(data.path);
  // An array is one file; every known set is a folder.
  if (data.format == DataFormat::npy) return verify_other(data.path, data.format);
  // Of pictures all are looked at, whatever their split.
  const std::string set = data.format == DataFormat::folder ? data.path : find_set(data);
  const std::optional<SetCheck> found = verify_known(set);
  if (!found) return verify_other(set, data.format);
  std::cout << found->table << std::flush;
  if (found->all_right) return 0;
  throw failure(fmt::format("not all of {} is as published", found->set->name))
      .in(set)
      .remedy(fmt::format("get the rest with: dcgan data fetch {} --to {} --force",
                          found->set->name, shell_quote(set)));
}

}  // namespace dcgan::cli
