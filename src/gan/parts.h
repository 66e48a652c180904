// A step's batch in parts, computed by threads and processes side by side or one after another.
//
// The parts of a process share weights and optimizers and have gradients of their own. The parts
// wait for each other where a step adds up over the batch: BatchNorm's statistics and gradients,
// the parameters' gradients, losses. All sums are taken pair by pair, neighbours first, whichever
// thread or process has which part: then the same parts make the same bits wherever they are
// computed.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "config/parts.h"
#include "gan/train_step.h"
#include "runtime/process_group.h"

namespace dcgan {

class Parts {
 public:
  /// `state` becomes the first of the parts that this process has; it and `group`, the other
  /// processes if there are any, must outlive this.
  Parts(TrainState& state, const PartsHere& here, ProcessGroup* group);
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  /// As train_step(), of this process's part of the batch, a multiple of its parts. The
  /// numbers that it returns are those of the whole batch; the images are this process's.
  StepStats step(const torch::Tensor& real, const torch::Tensor& labels,
                 const torch::Tensor& latents);

 private:
  class Barrier;
  class PartReducer;
  class Worker;

  TrainState& first_;
  std::unique_ptr<Barrier> barrier_;
  std::vector<std::unique_ptr<PartReducer>> reducers_;
  std::vector<std::unique_ptr<TrainState>> others_;
  std::vector<std::unique_ptr<Worker>> workers_;  ///< none where the caller's thread does it
};

}  // namespace dcgan
