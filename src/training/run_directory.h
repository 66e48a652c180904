// The folder of a run, and the names of what lies in it.
//
//   config.yaml           the resolved configuration
//   metrics.jsonl         a line every train.log_every steps
//   train.log             what was said on the terminal
//   samples/real.png      real images, as the network sees them
//   samples/NNNNNN.png    samples after so many steps, from the same latents each time
//   checkpoints/NNNNNN.pt the last run.keep_checkpoints of them
//   averages/NNNNNN.pt    with train.posthoc_ema: the two averages after so many steps
//   g.pt                  the generator of the last checkpoint
//   best.pt               the generator with the smallest fid, where train.evaluate_every is on
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "generate/generator_file.h"

namespace dcgan {

class RunDirectory {
 public:
  /// A new folder: `out`, which must not exist or be empty, else runs/<config_name>-NNN with the
  /// first number that is free. Throws `failure` or, for a non-empty `out`, a usage error.
  static RunDirectory create(const std::optional<std::string>& out, const std::string& config_name);

  /// An existing run, to go on with. Throws a usage error when `out` is no run of ours, and
  /// `failure` when another process is training in it.
  static RunDirectory open(const std::string& out);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path config() const { return root_ / "config.yaml"; }
  std::filesystem::path metrics() const { return root_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return root_ / "train.log"; }
  std::filesystem::path generator() const { return root_ / "g.pt"; }
  std::filesystem::path best_generator() const { return root_ / "best.pt"; }
  std::filesystem::path real_samples() const { return root_ / "samples" / "real.png"; }
  std::filesystem::path samples(std::int64_t step) const;
  std::filesystem::path checkpoint(std::int64_t step) const;
  std::filesystem::path averages(std::int64_t step) const;

  /// Removes all but the newest `keep` checkpoints.
  void prune_checkpoints(std::int64_t keep) const;

 private:
  explicit RunDirectory(std::filesystem::path root);

  std::filesystem::path root_;
  FileLock lock_;  ///< held as long as this lives: one training at a time
};

/// Throws a usage error unless `out` can become a new run: it does not exist, or is an empty
/// folder.
void check_is_free(const std::string& out);

/// Throws a usage error unless `out` is the folder of a run.
void check_is_run(const std::string& out);

}  // namespace dcgan
