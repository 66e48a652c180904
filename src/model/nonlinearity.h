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
  const char* onnx;        ///< nodes of opset 17 in its textual syntax; a last one without a name
};

/// In Nonlinearity's order.
constexpr std::array<NonlinearityForms, 9> kNonlinearityForms{{
    {"none", false, "x", "x", "Identity(x)"},
    {"relu", false, "torch.relu(x)", "Math.max(x, 0)", "Relu(x)"},
    {"leaky_relu", true, "torch.leaky_relu(x, {})", "x > 0 ? x : x * {}",
     "LeakyRelu <alpha = {}> (x)"},
    {"elu", true, "torch.elu(x, {})", "x > 0 ? x : {} * Math.expm1(x)", "Elu <alpha = {}> (x)"},
    {"selu", false, "torch.selu(x)",
     "1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))", "Selu(x)"},
    {"gelu", false, "torch.gelu(x)", "0.5 * x * (1 + erf(x * Math.SQRT1_2))",
     "a = Mul(x, 0.7071067811865476); b = Erf(a); c = Add(b, 1.0); d = Mul(x, c); Mul(d, 0.5)"},
    {"swish", true, "x * torch.sigmoid(x * {})", "x / (1 + Math.exp(-x * {}))",
     "a = Mul(x, {}); b = Sigmoid(a); Mul(x, b)"},
    {"tanh", false, "torch.tanh(x)", "Math.tanh(x)", "Tanh(x)"},
    {"sigmoid", false, "torch.sigmoid(x) * 2.0 - 1.0", "2 / (1 + Math.exp(-x)) - 1",
     "a = Sigmoid(x); b = Mul(a, 2.0); Sub(b, 1.0)"},
}};

constexpr const NonlinearityForms& forms_of(Nonlinearity nonlinearity) {
  return kNonlinearityForms.at(static_cast<std::size_t>(nonlinearity));
}

}  // namespace dcgan
