// What the commands of libdcgan_commands.so share. Each takes its options and returns an exit code.
#pragma once

#include "cli/commands.h"

namespace dcgan::cli {

int run_train(const TrainOptions& options);
int run_sample(const SampleOptions& options);
int run_evaluate(const EvaluateOptions& options);
int run_inspect(const InspectOptions& options);
int run_features_train(const FeaturesTrainOptions& options);
int run_data_list(const DataListOptions& options);
int run_data_fetch(const DataFetchOptions& options);
int run_data_verify(const DataVerifyOptions& options);
int run_data_show(const DataShowOptions& options);
int run_version(const VersionOptions& options);

}  // namespace dcgan::cli
