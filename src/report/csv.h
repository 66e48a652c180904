// The metrics of runs as one table for other programs.
#pragma once

#include <string>
#include <vector>

#include "report/run.h"

namespace dcgan {

/// A row for each line of metrics.jsonl, with the run's name in the first column; a column for
/// each key with numbers or words. Quoted as RFC 4180 says; lines end in '\n'.
std::string to_csv(const std::vector<RunRecord>& runs);

}  // namespace dcgan
