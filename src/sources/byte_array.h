// Unsigned bytes of any shape: what IDX and .npy files hold.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dcgan {

struct ByteArray {
  std::vector<std::int64_t> sizes;  ///< IDX: [N] for labels, [N, H, W] for images
  std::vector<std::uint8_t> bytes;  ///< row-major, as many as the product of `sizes`
};

/// Of the sizes in a file's header and all that stands behind it. Throws `damaged` where that is
/// more or less, or the sizes cannot be.
ByteArray make_array(std::vector<std::int64_t> sizes, std::string_view data);

}  // namespace dcgan
