// The writers: a network -> the bytes of a file.
#pragma once

#include <string>

#include "export/exported_network.h"

namespace dcgan {

/// A page that draws the generator's images in a browser, by itself: page/. Weights as float16, the
/// rest as float32. Throws `failure` where float16 cannot hold a weight.
std::string to_html(const ExportedNetwork& generator);

/// Hugging Face's safetensors: every array as float32, and as metadata "format" ("pt"), "network",
/// "step" and the configuration as JSON. Source: the format's description in its repository.
std::string to_safetensors(const ExportedNetwork& network);

/// ONNX, opset 17: BatchNorm folded, latent modes and classes inside the graph, any batch size.
/// docs/export.md describes inputs and outputs. Throws `failure` for weights above the format's
/// limit.
std::string to_onnx(const ExportedNetwork& network);

}  // namespace dcgan
