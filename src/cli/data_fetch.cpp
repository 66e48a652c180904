#include "cli/data_fetch.h"

#include <iostream>

#include "fetch/fetch.h"
#include "training/log.h"

namespace dcgan::cli {

int DataFetch::run() const {
  const KnownSet& set = find_known_set(name);
  const std::string folder = to.value_or("data/" + name);
  Log log(Verbosity::normal);
  FetchOptions fetch{.folder = folder, .sources = set.sources, .force = force};
  if (mirror) fetch.sources = {*mirror};
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
  std::cout << fmt::format("{}: all of {} is there; train on it with --set data.path={}\n", folder,
                           set.name, shell_quote(folder));
  return 0;
}

}  // namespace dcgan::cli
