// A data set, loaded under the user's eyes.
#pragma once

#include "dcgan/data/dataset.h"
#include "dcgan/run/log.h"

namespace dcgan::cli {

/// load_dataset(), with how far it is (a bar on a terminal, else a line every ten seconds) and what
/// it left out on the log.
Dataset load_dataset_aloud(const DataConfig& data, Log& log);

}  // namespace dcgan::cli
