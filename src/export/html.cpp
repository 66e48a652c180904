#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "dcgan/error.h"
#include "export/writers.h"
#include "html/page.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// [kernel height, kernel width, in, out]. A linear layer is a transposed convolution of one pixel,
/// and so is a 3x3 convolution, padded by 1, with its kernel turned; where a linear one makes an
/// image, its outputs are in the order [height, width, channels].
torch::Tensor page_weight(const FoldedLayer& layer) {
  const torch::Tensor weight = torch::tensor(layer.weight);
  if (layer.plan.kind == LayerKind::transposed_convolution) {
    return weight.view(weight_sizes(layer.plan)).permute({2, 3, 0, 1});
  }
  if (layer.plan.kind == LayerKind::convolution) {
    return weight.view(weight_sizes(layer.plan)).flip({2, 3}).permute({2, 3, 1, 0});
  }
  const auto& [channels, height, width] = layer.plan.output;
  return weight.view({channels, height, width, layer.plan.input[0]})
      .permute({3, 1, 2, 0})
      .reshape({1, 1, layer.plan.input[0], channels * height * width});
}

torch::Tensor page_bias(const FoldedLayer& layer) {
  const torch::Tensor bias = torch::tensor(layer.bias);
  if (layer.plan.kind != LayerKind::linear) return bias;
  return bias.view(layer.plan.output).permute({1, 2, 0}).flatten();
}

/// Directions of the latents behind the modes that change the first layer's outputs most, each of
/// length 1: eigenvectors of A A^T for its weight A [latents, outputs] (Shen, Zhou, "Closed-form
/// factorization of latent semantics in GANs", 2021). [n, latents - modes].
torch::Tensor main_directions(const torch::Tensor& weight, std::int64_t modes) {
  constexpr std::int64_t kMost = 16;
  const torch::Tensor of_latents = weight.permute({2, 0, 1, 3}).flatten(1).to(torch::kFloat64);
  const torch::Tensor rows = of_latents.slice(0, modes);
  if (rows.size(0) == 0) return rows.new_zeros({0, 0});
  const torch::Tensor vectors = std::get<1>(at::linalg_eigh(rows.mm(rows.t())));  // columns
  return vectors.flip(1).t().slice(0, 0, kMost);
}

void append_numbers(std::string& bytes, const torch::Tensor& tensor, at::ScalarType type) {
  const torch::Tensor numbers = tensor.to(type).contiguous();
  if (!numbers.isfinite().all().item<bool>()) {
    throw failure("a weight is NaN, infinite or too large for the page's float16")
        .remedy("use another checkpoint");
  }
  bytes.append(static_cast<const char*>(numbers.data_ptr()), numbers.nbytes());
}

struct Page {
  nlohmann::ordered_json plan;
  std::string numbers;         ///< in the order of readNetwork() in page/engine.js
  std::string nonlinearities;  ///< JavaScript functions of a number, one a layer
};

Page describe_page(const ExportedNetwork& generator) {
  using Json = nlohmann::ordered_json;
  const std::vector<FoldedLayer> layers = fold_norms(generator);
  const LayerPlan& first = layers.front().plan;
  const ImageShape& image = layers.back().plan.output;
  Page page;
  Json plans = Json::array();
  for (const FoldedLayer& layer : layers) {
    append_numbers(page.numbers, page_bias(layer), torch::kFloat32);
    const bool has_norm = layer.plan.norm != Norm::none;  // layer or instance
    if (has_norm) {
      append_numbers(page.numbers, torch::tensor(layer.norm_scale), torch::kFloat32);
      append_numbers(page.numbers, torch::tensor(layer.norm_shift), torch::kFloat32);
    }
    const auto& [in, height, width] = layer.plan.input;
    const auto& [out, out_height, out_width] = layer.plan.output;
    const bool is_linear = layer.plan.kind == LayerKind::linear;
    const bool is_enlarged = layer.plan.resampling != Resampling::none;
    plans.push_back(
        {{"from", {height, width}},
         {"input", is_enlarged ? Json{out_height, out_width, in} : Json{height, width, in}},
         {"enlarge", is_enlarged ? name_of(layer.plan.resampling) : ""},
         {"groups", !has_norm                        ? 0
                    : layer.plan.norm == Norm::layer ? 1
                                                     : out},
         {"output",
          is_linear ? Json{1, 1, out * out_height * out_width} : Json{out_height, out_width, out}},
         {"kernel", layer.plan.kernel},
         {"stride", layer.plan.stride},
         {"padding", layer.plan.padding}});
    const NonlinearityForms& forms = forms_of(layer.plan.nonlinearity);
    page.nonlinearities += fmt::format(
        "(x) => {}, ", fmt::format(fmt::runtime(forms.javascript), format_real(layer.plan.slope)));
  }
  if (first.classes > 0) {
    append_numbers(page.numbers, torch::tensor(layers.front().mode_bias), torch::kFloat32);
  }
  for (const FoldedLayer& layer : layers) {
    append_numbers(page.numbers, page_weight(layer), torch::kHalf);
  }
  const torch::Tensor directions = main_directions(page_weight(layers.front()), first.modes);
  append_numbers(page.numbers, directions, torch::kHalf);
  const std::filesystem::path data = generator.config.data.path;
  page.plan = {{"title", (data.has_filename() ? data : data.parent_path()).stem().string()},
               {"step", generator.step},
               {"image", {image[1], image[2], image[0]}},
               {"latents", first.input[0]},
               {"modes", first.modes},
               {"classes", first.classes},
               {"names", generator.classes},
               {"directions", directions.size(0)},
               {"layers", plans}};
  return page;
}

}  // namespace

std::string to_html(const ExportedNetwork& generator) {
  const Page page = describe_page(generator);
  const PageParts files{
#include "page_files.h"
  };
  return fill_page(files, {{"plan", script_json(page.plan)},
                           {"numbers", to_base64(page.numbers)},
                           {"nonlinearities", page.nonlinearities}});
}

}  // namespace dcgan
