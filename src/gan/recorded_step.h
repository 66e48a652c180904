// Training steps whose work is recorded once and then only repeated: on a GPU, where a step of
// small networks spends most of its time on launching operators, one CUDA graph (NVIDIA, "CUDA C++
// programming guide", "CUDA graphs") launches them all.
#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gan/train_step.h"

namespace dcgan {

/// Records operators.
class Recorder {
 public:
  virtual ~Recorder() = default;
  /// Does `work`, where record() would record it.
  virtual void run(const std::function<void()>& work) = 0;
  /// Records `work` without doing it. What comes back does it each time that it is called: the same
  /// operators, on the tensors that `work` named or made at the recording.
  virtual std::function<void()> record(const std::function<void()>& work) = 0;
};

/// CUDA graphs of a GPU. Throws `failure` where this build of dcgan has none.
std::unique_ptr<Recorder> make_recorder(torch::Device device);

/// train_step() by recordings, one for each kind of step, which its first `warm_ups` steps precede:
/// libraries make what they keep at their first call, which can't be recorded.
class RecordedStep {
 public:
  /// `state` outlives it and is not replaced; its tensors stay where they are.
  RecordedStep(TrainState& state, std::unique_ptr<Recorder> recorder, int warm_ups = 3);

  /// As for train_step(). What it returns holds until the next step of its kind.
  StepStats step(const torch::Tensor& real, const torch::Tensor& labels,
                 const torch::Tensor& latents);

  /// Why LibTorch could not record a step, one line; "" where it could. All steps are then done
  /// operator by operator.
  const std::string& failure() const { return failure_; }

 private:
  struct Recording {
    StepInputs inputs;  ///< where the work reads
    StepStats stats;    ///< and writes
    std::vector<torch::Tensor> gradients;
    int steps = 0;
    std::function<void()> repeat;  ///< nothing before it is recorded
  };

  void record(Recording& recording);
  void work(Recording& recording);

  TrainState& state_;
  const std::vector<torch::Tensor> trained_;  ///< the parameters of both networks, D's first
  std::unique_ptr<Recorder> recorder_;
  int warm_ups_;
  std::string failure_;
  std::map<StepKind, Recording> recordings_;
};

}  // namespace dcgan

/// What libdcgan_cuda.so offers to make_recorder(): a recorder that the caller owns.
extern "C" dcgan::Recorder* dcgan_make_graph_recorder(int device);
