// What goes wrong in GAN training, noticed from its numbers and said in words.
//
// The failures and their signs: Goodfellow, "NIPS 2016 tutorial: generative adversarial networks",
// sections 5.1 (non-convergence, mode collapse) and 3.2.3 (vanishing gradients); Odena, Dumoulin,
// Olah, "Deconvolution and checkerboard artifacts", 2016.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gan/train_step.h"
#include "model/network.h"

namespace dcgan {

/// What is known of a training after some step.
struct Observation {
  StepNumbers numbers;
  double gradient = 0;        ///< gradient_size() of G
  double fake_diversity = 0;  ///< diversity() of the step's generated images
  double real_diversity = 0;  ///< diversity() of its real images
  double fake_period2 = 0;    ///< mean period_two_shares() of the generated images
  double real_period2 = 0;    ///< and of the real ones
};

/// Looks at a training every so often and says what is wrong, each trouble once: what happens, what
/// it means and what to try, in one line. A trouble counts only when patience() checks in a row
/// show it (that D wins, their mean), and none of the first patience() ones: a network that has
/// just begun is in all of them.
class Monitor {
 public:
  /// Looks every train.log_every steps. Where the loss is none of probabilities D's output has no
  /// scale, and neither who wins nor how far the losses swing can be told from it.
  explicit Monitor(const TrainConfig& train);

  /// Ten checks, and as many as 300 steps have.
  std::size_t patience() const { return patience_; }

  std::vector<std::string> check(const Observation& observation);

  /// `shares`, `real_shares`: of each class among generated and real images, each sums to 1. A
  /// class is missing whose share is under a tenth of the real one twice in a row, and not in the
  /// first evaluation.
  std::vector<std::string> check_classes(const std::vector<double>& shares,
                                         const std::vector<double>& real_shares,
                                         const std::vector<std::string>& names = {});

 private:
  enum class Trouble {
    discriminator_wins,
    collapse,
    missing_class,
    vanishing_gradient,
    swing,
    pattern
  };

  bool once(Trouble trouble) { return said_.insert(trouble).second; }
  bool lasts(Trouble trouble, bool shows);
  /// A number of the last `count` checks, which there must be: float64 [count].
  torch::Tensor latest(double StepNumbers::*number, std::size_t count) const;

  std::int64_t checked_every_;
  double advised_r1_gamma_;  ///< more than the training has
  bool translates_;
  std::size_t patience_;
  std::size_t checks_ = 0;
  double first_gradient_ = 0;  ///< the largest of the first checks
  bool of_probabilities_;
  std::deque<StepNumbers> recent_;  ///< of the last 2 patience() checks
  std::map<Trouble, std::size_t> in_a_row_;
  std::set<Trouble> said_;
  bool evaluated_ = false;
  std::set<std::size_t> missing_before_;
};

/// How much the images of a batch [N, C, H, W] differ from each other: the root of the mean over
/// pixels of the variance over the batch, in units of the pixels. A scalar on the images' device;
/// N >= 2.
torch::Tensor diversity(const torch::Tensor& images);

/// The root mean square of all numbers of the gradient that a step left in `network`: a scalar on
/// its device.
torch::Tensor gradient_size(const Network& network);

}  // namespace dcgan
