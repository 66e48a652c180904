// train.init_from: a new run that begins with the weights of another.
#pragma once

#include "gan/train_step.h"
#include "training/log.h"

namespace dcgan {

/// Puts the networks of train.init_from into `state`, at its first step: of a checkpoint, or a
/// run's newest one, D and the average of G, where there is one, since it draws the better images;
/// of a g.pt G alone. What is of the data set, the modes' biases, is left to set_class_counts().
/// Throws `failure` naming the file where it holds no networks, and a usage error where tensors
/// don't fit and train.init_partial is false.
void take_initial_weights(TrainState& state, Log& log);

}  // namespace dcgan
