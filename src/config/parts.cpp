#include "config/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "dcgan/error.h"

namespace dcgan {

PartsHere parts_here(const Config& config, std::int64_t processes) {
  const std::int64_t shards = config.train.shards;
  const std::int64_t turns = config.train.accumulate;
  const std::int64_t parts = shards > 1 ? shards : processes * turns;
  const std::int64_t here = parts / processes;
  // Several processes each add up a whole branch of the tree.
  const bool is_branch = processes == 1 || (here & (here - 1)) == 0;
  if (shards > 1 && (parts % processes != 0 || here == 0 || !is_branch)) {
    throw usage_error(
        fmt::format("train.shards is {}, which {} processes can't share", shards, processes))
        .key("train.shards")
        .remedy(fmt::format("set it to {}, or to 1 for a part a process",
                            processes * std::bit_ceil(static_cast<std::uint64_t>(
                                            std::max<std::int64_t>(here, 1)))));
  }
  if (here % turns != 0 || !is_branch) {
    throw usage_error(fmt::format("train.accumulate is {}, but {}", turns,
                                  shards > 1 ? fmt::format("a process has {} of train.shards", here)
                                             : "several processes need a power of two"))
        .key("train.accumulate")
        .remedy(fmt::format("set it to {}", shards > 1 ? std::gcd(here, turns)
                                                       : static_cast<std::int64_t>(std::bit_floor(
                                                             static_cast<std::uint64_t>(turns)))));
  }
  const std::int64_t batch = config.train.batch_size;
  if (batch % parts != 0) {
    const std::int64_t below = batch / parts * parts;
    const bool up = below == 0 || batch - below > below + parts - batch;
    throw usage_error(
        fmt::format("train.batch_size ({}) can't be cut into {} equal parts", batch, parts))
        .key("train.batch_size")
        .remedy(fmt::format("the nearest that can is {}", up ? below + parts : below));
  }
  if (parts > 1 && !config.data.drop_last) {
    throw usage_error(
        fmt::format("data.drop_last is false, and an epoch's last batch need not have {} "
                    "equal parts",
                    parts))
        .key("data.drop_last")
        .remedy("set it to true");
  }
  return {here, here / (shards > 1 ? turns : here), shards > 1};
}

}  // namespace dcgan
