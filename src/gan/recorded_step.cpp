#include "gan/recorded_step.h"

#include <utility>

#include "dcgan/error.h"
#include "runtime/cuda_library.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

std::vector<torch::Tensor> trained(const TrainState& state) {
  std::vector<torch::Tensor> tensors = parameters(state.discriminator);
  for (torch::Tensor& tensor : parameters(state.generator)) tensors.push_back(std::move(tensor));
  return tensors;
}

void copy_into(StepInputs& to, const StepInputs& from) {
  std::vector<torch::Tensor> sources;
  convert_each(from, [&](const torch::Tensor& tensor) {
    sources.push_back(tensor);
    return tensor;
  });
  auto source = sources.begin();
  convert_each(to, [&](const torch::Tensor& tensor) {
    return tensor.copy_(*source++, /*non_blocking=*/true);
  });
}

}  // namespace

std::unique_ptr<Recorder> make_recorder(torch::Device device) {
  try {
    void* const make = find_in_cuda_library("dcgan_make_graph_recorder");
    return std::unique_ptr<Recorder>(
        reinterpret_cast<decltype(&dcgan_make_graph_recorder)>(make)(device.index()));
  } catch (Error& error) {
    throw error.key("run.cuda_graph").remedy(error.remedy() + ", or leave run.cuda_graph: false");
  }
}

RecordedStep::RecordedStep(TrainState& state, std::unique_ptr<Recorder> recorder, int warm_ups)
    : state_(state),
      trained_(trained(state)),
      recorder_(std::move(recorder)),
      warm_ups_(warm_ups) {}

StepStats RecordedStep::step(const torch::Tensor& real, const torch::Tensor& labels,
                             const torch::Tensor& latents) {
  const StepInputs drawn = begin_step(state_, real, labels, latents);
  Recording& recording = recordings_[drawn.kind];
  if (recording.steps == 0) {
    recording.inputs = convert_each(drawn, [&](const torch::Tensor& tensor) {
      return torch::empty_like(tensor, tensor.options().device(state_.device));
    });
  }
  copy_into(recording.inputs, drawn);
  if (recording.steps >= warm_ups_ && !recording.repeat && failure_.empty()) record(recording);
  if (!recording.repeat) {
    recorder_->run([&] { work(recording); });
  } else {
    recording.repeat();
    // The repeated work writes where the recorded one did; another kind's may have come between. A
    // step of D alone leaves G's gradients as they are.
    const std::size_t written =
        drawn.kind.updates_generator ? trained_.size() : parameters(state_.discriminator).size();
    for (std::size_t i = 0; i < written; ++i) {
      trained_[i].mutable_grad() = recording.gradients[i];
    }
  }
  ++recording.steps;
  return recording.stats;
}

void RecordedStep::record(Recording& recording) {
  try {
    recording.repeat = recorder_->record([this, &recording] { work(recording); });
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    failure_ = text.substr(0, text.find('\n'));
    set_requires_grad(state_.discriminator, true);  // of a G's half that did not end
    for (auto& [kind, other] : recordings_) other.repeat = nullptr;
  }
}

void RecordedStep::work(Recording& recording) {
  recording.stats = do_step(state_, recording.inputs);
  recording.gradients.clear();
  for (const torch::Tensor& tensor : trained_) recording.gradients.push_back(tensor.grad());
}

}  // namespace dcgan
