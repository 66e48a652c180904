// Numbers that a configuration leaves open: `auto`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

/// Whether a number is kAuto.
bool has_automatic(const Config& config);

/// Replaces each kAuto by what suits so many training images of data.image_size, and says so:
/// "train.batch_size: auto is 8 for 10 images". docs/configuration.md has the rules.
std::vector<std::string> choose_automatic(Config& config, std::int64_t images);

}  // namespace dcgan
