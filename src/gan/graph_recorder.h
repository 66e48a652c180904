// What libdcgan_cuda.so offers to the rest.
#pragma once

namespace dcgan {

class Recorder;

/// Of its only function, which makes a recorder of CUDA graphs that the caller owns.
using MakeGraphRecorder = Recorder* (*)(int device);
inline constexpr const char* kCudaLibrary = "libdcgan_cuda.so";
inline constexpr const char* kMakeGraphRecorder = "dcgan_make_graph_recorder";

}  // namespace dcgan
