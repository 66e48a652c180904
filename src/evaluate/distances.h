// Two distances of two sets of features, known as FID and KID where the features are Inception's.
//
// The Fréchet distance: Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, "GANs trained by a two
// time-scale update rule converge to a local Nash equilibrium" (2017): each set is taken for a
// normal distribution, and
//   d² = |m_a - m_b|² + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2).
//
// The kernel distance: Bińkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs" (2018): the
// squared maximum mean discrepancy under k(x, y) = (x·y / D + 1)³. Unlike the Fréchet distance it
// is unbiased, so that numbers of different sample counts can be compared; it may be a little below
// 0.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "dcgan/evaluate.h"

namespace dcgan {

/// A normal distribution, by its mean and a factor of its covariance.
struct Gaussian {
  torch::Tensor mean;    ///< float64 [D]
  torch::Tensor factor;  ///< float64 [R, D], R = min(N, D); factor^T factor = the covariance
};

/// features: float32 [N, D], N >= 2, CPU. The covariance is the unbiased one (divided by N - 1). It
/// is never formed: the factor is the R of a QR decomposition of the centred features, or these
/// themselves where N < D, so that small deviations keep all their digits.
Gaussian fit_gaussian(const torch::Tensor& features);

/// d², 0 for equal distributions. With C_a = A^T A and C_b = B^T B the trace of (C_a C_b)^(1/2) is
/// the sum of the singular values of A B^T. That holds for singular covariances too, so there is
/// neither a matrix square root, which fails on them, nor an epsilon on the diagonal.
double frechet_distance(const Gaussian& a, const Gaussian& b);

/// How much frechet_distance(set, reference) would change if other samples had been drawn: a
/// standard deviation. features: float32 [N, D], N >= 4, CPU; set: fit_gaussian(features).
///
/// To first order it is that of the mean of the rows' influences (Hampel, "The influence curve and
/// its role in robust estimation", 1974). Near the reference the distance is quadratic: the
/// influences are mostly noise, and their variance is twice the distance's, as the jackknife's is
/// of a quadratic statistic (Efron and Stein, "The jackknife estimate of variance", 1981).
/// Influences by two halves of the rows have independent noise, so that their covariance is the
/// variance without it, and the mean of the two counts the noise once.
double frechet_deviation(const torch::Tensor& features, const Gaussian& set,
                         const Gaussian& reference);

/// The unbiased estimate, over all pairs of rows: float32 [N, D], N >= 2, CPU. Dot products are in
/// float32, all else in float64. The error is that of a U-statistic of degree 2 (Hoeffding, "A
/// class of statistics with asymptotically normal distribution", 1948) whose reference stays. Of a
/// set with more than `max_rows` so many are chosen at random, by `seed`.
Estimate kernel_distance(const torch::Tensor& set, const torch::Tensor& reference,
                         std::int64_t seed = 1, std::int64_t max_rows = 10'000);

}  // namespace dcgan
