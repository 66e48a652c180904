// What a network can be exported to.
#pragma once

#include <string>
#include <vector>

namespace dcgan {

/// The endings, as export_network() knows them.
inline const std::vector<std::string> kExportEndings{".html", ".onnx", ".safetensors", ".pth",
                                                     ".npz"};

}  // namespace dcgan
