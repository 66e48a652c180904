// The Fréchet distance of two sets of features, known as FID where the features are Inception's.
//
// Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, "GANs trained by a two time-scale update rule
// converge to a local Nash equilibrium" (2017): each set is taken for a normal distribution, and
//   d² = |m_a - m_b|² + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2).
#pragma once

#include <torch/types.h>

#include <cstdint>

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

}  // namespace dcgan
