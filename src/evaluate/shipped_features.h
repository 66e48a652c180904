// The feature networks that lie inside the program: data/features/*.pt, byte for byte.
#pragma once

#include <string_view>

namespace dcgan {

/// The file for a set, by Dataset::set; "" where there is none.
std::string_view shipped_features(std::string_view set);

}  // namespace dcgan
