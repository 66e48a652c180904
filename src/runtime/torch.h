// The part of LibTorch that this library uses, compiled once for all its files: tensors, autograd
// and functions with a gradient of their own. torch/torch.h would take twice as long.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>
