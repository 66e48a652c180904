// The writers: a network -> the bytes of a file.
#pragma once

#include <string>

#include "export/exported_network.h"

namespace dcgan {

/// Hugging Face's safetensors: every array as float32, and as metadata "format" ("pt"), "network",
/// "step" and the configuration as JSON. Source: the format's description in its repository.
std::string to_safetensors(const ExportedNetwork& network);

}  // namespace dcgan
