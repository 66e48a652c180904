// The list of sub-commands, in the order of the help.
#pragma once

#include <tuple>

#include "cli/data_fetch.h"
#include "cli/data_list.h"
#include "cli/data_show.h"
#include "cli/data_verify.h"
#include "cli/evaluate.h"
#include "cli/features_train.h"
#include "cli/inspect.h"
#include "cli/sample.h"
#include "cli/show_config.h"
#include "cli/train.h"

namespace dcgan::cli {

using Commands = std::tuple<Train, Sample, Evaluate, Inspect, FeaturesTrain, DataList, DataFetch,
                            DataVerify, DataShow, ShowConfig>;

}  // namespace dcgan::cli
