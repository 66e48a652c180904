// A labelled set that a classifier learns in a second: stripes across or down, on 8 x 8 pixels.
#pragma once

#include <cstdint>

#include "data/dataset.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan::testing {

/// Image i has label i % 2; noise of its own lies over the stripes.
inline Dataset striped_set(std::int64_t count, std::int64_t size = 8) {
  const torch::Tensor noise =
      uniform_rows(1, Purpose::sample_latents, 0, count, size * size).view({count, size, size});
  const torch::Tensor stripe = torch::arange(size).remainder(2).mul(100).to(torch::kFloat32);
  const torch::Tensor labels = torch::arange(count).remainder(2);
  const torch::Tensor stripes =
      torch::stack({stripe.view({1, size}).expand({size, size}),
                    stripe.view({size, 1}).expand({size, size})});  // [2, H, W]
  Dataset set;
  set.images = (stripes.index_select(0, labels) + noise * 50 + 60).to(torch::kUInt8).unsqueeze(1);
  set.labels = labels.to(torch::kUInt8);
  set.name = "stripes";
  set.fingerprint = "00000000";
  return set;
}

}  // namespace dcgan::testing
