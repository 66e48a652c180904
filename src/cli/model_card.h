// A model card beside an exported file, as Hugging Face shows it: README.md and samples.png.
// Source: huggingface.co/docs/hub/model-cards.
#pragma once

#include <filesystem>

#include "cli/export.h"
#include "export/exported_network.h"

namespace dcgan::cli {

/// Throws a usage error where beside `file` a README.md or samples.png is already.
void require_no_model_card(const std::filesystem::path& file);

/// What is known of the generator that was exported. Measures are those of the run that its
/// checkpoint lies in.
void write_model_card(const Export& options, ExportedNetwork network);

}  // namespace dcgan::cli
