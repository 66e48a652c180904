// The pickle of a PyTorch state_dict, read without Python: LibTorch's own unpickler knows no
// OrderedDict. Nothing in it is run: names that a state_dict has no use for are refused.
//
// Source: CPython's Lib/pickletools.py, and torch.save of PyTorch 1.6 and newer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// A view of a storage, whose bytes are another file of the archive. As the pickle says: whether
/// sizes and strides fit the storage is for the reader to check.
struct PickledTensor {
  std::string name;
  std::string storage_type;  ///< "FloatStorage"
  std::string storage;       ///< "0", of data/0
  std::int64_t offset = 0;   ///< in elements
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;  ///< as many as sizes
};

/// Throws `failure` or `damaged`, without where.
std::vector<PickledTensor> read_state_dict_pickle(std::string_view pickle);

}  // namespace dcgan
