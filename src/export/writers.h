// The writers: a network -> the bytes of a file.
#pragma once

#include <filesystem>
#include <string>

#include "export/exported_network.h"

namespace dcgan {

/// Writes it in the format that the ending of `file` says; atomically. Errors of the network name
/// `checkpoint`, which it was read from.
void write_network(const ExportedNetwork& network, const std::filesystem::path& checkpoint,
                   const std::filesystem::path& file);

/// A page that draws the generator's images in a browser, by itself: page/. Weights as float16, the
/// rest as float32. Throws `failure` where float16 cannot hold a weight.
std::string to_html(const ExportedNetwork& generator);

/// NumPy's: a zip of .npy files of float32, by the arrays' names.
std::string to_npz(const ExportedNetwork& network);

/// A state_dict as torch.save writes it, by the names of PyTorch's DCGAN example where the network
/// has its form, else by ours. Metadata lie in the archive, where PyTorch doesn't look.
std::string to_pth(const ExportedNetwork& network);

/// Hugging Face's safetensors: every array as float32, and metadata with "format" ("pt") among
/// them. Source: the format's description in its repository.
std::string to_safetensors(const ExportedNetwork& network);

/// ONNX, opset 17: BatchNorm folded, latent modes and classes inside the graph, any batch size.
/// docs/export.md describes inputs and outputs. Throws `failure` for weights above the format's
/// limit.
std::string to_onnx(const ExportedNetwork& network);

}  // namespace dcgan
