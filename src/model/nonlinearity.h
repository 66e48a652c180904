// A layer's last operation, in each language that networks are written in.
#pragma once

#include <array>
#include <cstddef>

namespace dcgan {

enum class Nonlinearity { none, relu, leaky_relu, elu, selu, gelu, swish, tanh, sigmoid };

/// In the expressions `x` is the input and {} the slope. A sigmoid's result is scaled to [-1, 1]:
/// only a generator ends in one, and files hold images in [-1, 1].
struct NonlinearityForms {
  const char* name;
  bool has_slope;
  const char* torchscript;
  const char* javascript;  ///< of a number; erf() is the page's
  const char* onnx;        ///< of opset 17; see OnnxModel::text
};

/// In Nonlinearity's order.
constexpr std::array<NonlinearityForms, 9> kNonlinearityForms{{
    {"none", false, "x", "x", "x = Identity(x)"},
    {"relu", false, "torch.relu(x)", "Math.max(x, 0)", "x = Relu(x)"},
    {"leaky_relu", true, "torch.leaky_relu(x, {})", "x > 0 ? x : x * {}",
     "x = LeakyRelu <alpha = {}> (x)"},
    {"elu", true, "torch.elu(x, {})", "x > 0 ? x : {} * Math.expm1(x)", "x = Elu <alpha = {}> (x)"},
    {"selu", false, "torch.selu(x)",
     "1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))", "x = Selu(x)"},
    {"gelu", false, "torch.gelu(x)", "0.5 * x * (1 + erf(x * Math.SQRT1_2))",
     "y = Mul(x, 0.7071067811865476); y = Erf(y); y = Add(y, 1.0); x = Mul(x, y); x = Mul(x, 0.5)"},
    {"swish", true, "x * torch.sigmoid(x * {})", "x / (1 + Math.exp(-x * {}))",
     "y = Mul(x, {}); y = Sigmoid(y); x = Mul(x, y)"},
    {"tanh", false, "torch.tanh(x)", "Math.tanh(x)", "x = Tanh(x)"},
    {"sigmoid", false, "torch.sigmoid(x) * 2.0 - 1.0", "2 / (1 + Math.exp(-x)) - 1",
     "x = Sigmoid(x); x = Mul(x, 2.0); x = Sub(x, 1.0)"},
}};

constexpr const NonlinearityForms& forms_of(Nonlinearity nonlinearity) {
  return kNonlinearityForms.at(static_cast<std::size_t>(nonlinearity));
}

}  // namespace dcgan
