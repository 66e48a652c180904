#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "command_context.h"
#include "dcgan/base/error.h"
#include "dcgan/base/text.h"
#include "dcgan/config/fields.h"
#include "dcgan/fetch/catalogue.h"
#include "dcgan/fetch/fetch.h"
#include "dcgan/fetch/progress.h"
#include "dcgan/fetch/verify.h"
#include "dcgan/run/log.h"
#include "load_data.h"

namespace dcgan::cli {
namespace {

/// Reads every image of a set that is not a known one, and counts. Its files have no sums to check,
/// but those that can't be read are found.
int verify_other(const std::string& path) {
  DataConfig data;
  data.format = guess_format(path);
  data.path = path;
  data.channels = data.format == DataFormat::mnist ? 1 : 3;
  data.held_out = 0;  // all are read
  data.max_bad_fraction = 1;
  data.cache = "none";
  const bool any_size = data.format == DataFormat::folder;
  data.image_size = any_size ? std::array<std::int64_t, 2>{8, 8} : std::array<std::int64_t, 2>{};
  const bool has_splits = !any_size && data.format != DataFormat::npy;
  Log log(Verbosity::normal);
  bool all_right = true;
  for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
    if (split == DataSplit::test && !has_splits) continue;
    data.split = split;
    const Dataset set = load_dataset_aloud(data, log);
    std::cout << fmt::format("{}: {} images{}\n", path, format_count(set.size()),
                             has_splits ? fmt::format(" in the {} split", to_string(split)) : "");
    all_right = all_right && set.warning.empty();
  }
  if (all_right) return 0;
  throw failure(fmt::format("{}: files are damaged or no images; mend or remove them", path));
}

}  // namespace

int run_data_list(const DataListOptions& /*options*/) {
  std::cout << format_known_sets(known_sets(), ".");
  return 0;
}

int run_data_fetch(const DataFetchOptions& options) {
  const KnownSet& set = find_known_set(options.name);
  FetchPrinter printer;
  FetchOptions fetch{.folder = options.to, .force = options.force};
  if (options.mirror) fetch.sources = {*options.mirror};
  const FetchOutcome outcome = fetch_set(set, fetch, printer.listener());
  std::cout << fmt::format("{}: {}; train on it with --set data.path={}\n", options.to,
                           outcome == FetchOutcome::already_there
                               ? fmt::format("all of {} is there already and right", set.name)
                               : fmt::format("all of {} is there", set.name),
                           options.to);
  return 0;
}

int run_data_verify(const DataVerifyOptions& options) {
  const std::optional<VerifyReport> report = verify_known(options.path);
  if (!report) return verify_other(options.path);
  std::cout << format_report(*report) << std::flush;
  if (report->all_right()) return 0;
  throw failure(
      fmt::format("{0}: not all of {1} is as published; get the rest with: dcgan data fetch {1} "
                  "--to {0} --force",
                  options.path, report->set.name));
}

}  // namespace dcgan::cli
