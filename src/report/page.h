// One HTML page of runs, for any browser, without a network.
//
// Its files are those of page/. Its data is a JSON document in it, and the scripts set all text as
// text: nothing of a run becomes HTML.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/run.h"

namespace dcgan {

/// What the page shows:
///   runs         name, epochs, is_training; `steps` and `evaluations`, a list a key of
///                metrics.jsonl; warnings; real and grids, pictures as data: URIs; evaluation;
///                problems, of the run and of pictures that are left out
///   differences  key, values: a text a run. Of one run, and the default behind it.
/// At most kMaxPoints steps a run, each then the mean of several lines; at most kMaxGrids grids a
/// run, evenly spaced, and kMaxPngBytes of PNG in all.
inline constexpr std::size_t kMaxPoints = 1000;
inline constexpr std::size_t kMaxGrids = 24;
inline constexpr std::uintmax_t kMaxPngBytes = 12 << 20;
nlohmann::ordered_json report_data(const std::vector<RunRecord>& runs);

/// The page of report_data(). While one of the runs is training and `watching`, it loads itself
/// again.
std::string to_page(nlohmann::ordered_json data, bool watching);

}  // namespace dcgan
