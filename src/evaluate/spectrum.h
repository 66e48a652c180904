// What the spectrum of images shows: the pattern of period 2 that strides and transposed
// convolutions leave (Odena, Dumoulin, Olah, "Deconvolution and checkerboard artifacts", 2016).
#pragma once

#include <torch/types.h>

namespace dcgan {

/// Of each image in grey (ITU-R BT.601) the share of its spectral energy, |2-D DFT|^2 without the
/// mean's, in the row and the column of period 2, the Nyquist frequency; 0 for an image of one
/// colour. An odd side has no such frequency: its last row or column is left out. images: uint8, or
/// float of -127.5 to 255, [N, C, H, W], C = 1 or 3, CPU -> float64 [N].
torch::Tensor period_two_shares(const torch::Tensor& images);

}  // namespace dcgan
