// The recorder of a GPU, in a library of its own (libdcgan_cuda.so) that is loaded with LibTorch's
// CUDA half: host code only, which needs no nvcc.
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>

#include "gan/recorded_step.h"

namespace dcgan {
namespace {

/// What was queued on `first` so far comes before what is queued on `then` from now on.
void order(const c10::cuda::CUDAStream& first, const c10::cuda::CUDAStream& then) {
  at::cuda::CUDAEvent event;
  event.record(first);
  event.block(then);
}

class GraphRecorder : public Recorder {
 public:
  // The default stream can't be recorded.
  explicit GraphRecorder(int device)
      : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false,
                                             static_cast<c10::DeviceIndex>(device))) {}

  void run(const std::function<void()>& work) override {
    const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream(stream_.device_index());
    order(caller, stream_);
    {
      const c10::cuda::CUDAStreamGuard guard(stream_);
      work();
    }
    order(stream_, caller);
  }

  std::function<void()> record(const std::function<void()>& work) override {
    const auto graph = std::make_shared<at::cuda::CUDAGraph>();
    stream_.synchronize();
    const c10::cuda::CUDAStreamGuard guard(stream_);
    // The thread that prepares batches may go on pinning memory meanwhile.
    graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      // Else nothing else could run on the stream; what went wrong first is what counts.
      try {
        graph->capture_end();
      } catch (const c10::Error&) {
      }
      throw;
    }
    graph->capture_end();
    return [graph] { graph->replay(); };
  }

 private:
  c10::cuda::CUDAStream stream_;
};

}  // namespace
}  // namespace dcgan

extern "C" dcgan::Recorder* dcgan_make_graph_recorder(int device) {
  return new dcgan::GraphRecorder(device);
}
