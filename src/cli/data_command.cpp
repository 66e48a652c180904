#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "command_context.h"
#include "dcgan/base/error.h"
#include "dcgan/fetch/catalogue.h"
#include "dcgan/fetch/fetch.h"
#include "dcgan/fetch/progress.h"
#include "dcgan/fetch/verify.h"

namespace dcgan::cli {

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
  if (!report) {
    throw failure(fmt::format("{}: holds no file of a known set; 'dcgan data list' names them",
                              options.path));
  }
  std::cout << format_report(*report) << std::flush;
  if (report->all_right()) return 0;
  throw failure(
      fmt::format("{0}: not all of {1} is as published; get the rest with: dcgan data fetch {1} "
                  "--to {0} --force",
                  options.path, report->set.name));
}

}  // namespace dcgan::cli
