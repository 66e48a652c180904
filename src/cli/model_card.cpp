#include "cli/model_card.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "evaluate/features.h"
#include "export/exported_network.h"
#include "generate/generator_file.h"
#include "model/modes.h"
#include "model/network.h"
#include "report/run.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

fs::path card_of(const fs::path& file) { return file.parent_path() / "README.md"; }
fs::path grid_of(const fs::path& file) { return file.parent_path() / "samples.png"; }

/// As a sentence of Markdown: a name may hold what it takes for a link, a table or HTML.
std::string as_markdown(const std::string& text) {
  std::string escaped;
  for (const char c : printable(text)) {
    if (std::string_view("\\`*_{}[]<>()#|!&").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// As a block of code, out of which nothing in the text can break.
std::string as_code(const std::string& text) {
  std::istringstream lines(text);
  std::string block;
  for (std::string line; std::getline(lines, line);) block += "    " + line + "\n";
  return block;
}

/// Hugging Face has a task of images without conditions, and none of images by class.
std::string front_matter(bool has_classes) {
  return fmt::format(
      "---\n"
      "license: other\n"
      "library_name: dcgan\n"
      "{}"
      "tags:\n"
      "  - dcgan\n"
      "  - gan\n"
      "  - {}\n"
      "---\n",
      has_classes ? "" : "pipeline_tag: unconditional-image-generation\n",
      has_classes ? "class-conditional-image-generation" : "unconditional-image-generation");
}

/// Without the folders of the machine that it was trained on.
Config without_folders(Config config) {
  const auto last_part = [](const std::string& path) {
    const fs::path whole(path);
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  };
  config.data.path = last_part(config.data.path);
  config.train.features = last_part(config.train.features);
  config.train.init_from = last_part(config.train.init_from);
  config.data.cache = DataConfig().cache;
  return config;
}

/// The newest line with measures in the metrics.jsonl of the run, up to `step`.
std::optional<nlohmann::json> find_measures(const fs::path& checkpoint, std::int64_t step) {
  const fs::path folder =
      fs::is_directory(checkpoint) ? checkpoint : fs::absolute(checkpoint).parent_path();
  for (const fs::path& run : {folder, folder.parent_path()}) {
    if (!fs::is_regular_file(run / "metrics.jsonl")) continue;
    std::optional<nlohmann::json> found;
    for (const auto& line : read_metrics(run / "metrics.jsonl").lines) {
      const auto is_number = [&](const char* key) {
        return line.contains(key) && line[key].is_number();
      };
      if (!is_number("fid") || !is_number("precision") || !is_number("recall") ||
          !is_number("samples"))
        continue;
      if (line["step"].get<std::int64_t>() <= step) found = line;
    }
    return found;
  }
  return std::nullopt;
}

/// The feature network of a line of metrics.jsonl, which has its checksum.
std::string name_features(const std::string& checksum, const Config& config) {
  for (const char* set : {"mnist", "fashion-mnist"}) {
    const std::string_view bytes = shipped_features(set);
    if (fmt::format("{:08x}", crc32_of(bytes.data(), bytes.size())) == checksum) {
      return fmt::format("the {} classifier that comes with dcgan (`{}`)", set, checksum);
    }
  }
  const std::string& file = config.train.features;
  return fmt::format("{} (CRC-32 `{}`)",
                     file == "auto" ? "a network of random convolutions" : as_markdown(file),
                     as_markdown(checksum));
}

std::string describe_measures(const fs::path& checkpoint, std::int64_t step, const Config& config) {
  const auto measures = find_measures(checkpoint, step);
  if (!measures) {
    return "Not measured here. `dcgan evaluate` compares its images with real ones.\n";
  }
  const auto row = [&](const char* name, const char* key, const char* paper) {
    return fmt::format("| [{}](https://arxiv.org/abs/{}) | {:.3g} |\n", name, paper,
                       (*measures)[key].get<double>());
  };
  const auto features = measures->find("features");
  return "| measure | value |\n|-|-|\n" + row("FID", "fid", "1706.08500") +
         row("precision", "precision", "1904.06991") + row("recall", "recall", "1904.06991") +
         fmt::format(
             "\nOf {} samples after step {}, against images that it was not trained on. Features: "
             "{}.\nAn FID in other features, such as Inception's, can't be compared with it.\n",
             format_count((*measures)["samples"].get<std::int64_t>()),
             format_count((*measures)["step"].get<std::int64_t>()),
             name_features(features != measures->end() && features->is_string()
                               ? features->get<std::string>()
                               : "unknown",
                           config));
}

std::string describe_use(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string ending = lower_case(file.extension().string());
  if (ending == ".html") return "Open " + as_markdown(name) + " in a browser.\n";
  if (ending != ".pth" && ending != ".safetensors") {
    return as_markdown(name) + " is described in dcgan's docs/export.md.\n";
  }
  return as_code(
      fmt::format("dcgan import --from {} --to g.pt\n"
                  "dcgan sample --ckpt g.pt -n 64 --out samples.png\n",
                  shell_quote(name)));
}

std::string describe_data(const ExportedNetwork& network) {
  const DataConfig& data = network.config.data;
  std::string text = fmt::format("| data | {} ({}) |\n| images | {} x {}, {} |\n",
                                 as_markdown(data.path), to_string(data.format), data.image_size[0],
                                 data.image_size[1], data.channels == 1 ? "grey" : "RGB");
  if (network.config.model.classes > 0) {
    std::vector<std::string> names = all_class_names(network);
    for (std::string& name : names) name = as_markdown(name);
    text += fmt::format("| classes | {} |\n", fmt::join(names, ", "));
  }
  return text;
}

/// The images of `dcgan sample`; with up to 16 classes a column each.
void draw_samples(const ExportedNetwork& network, const fs::path& file) {
  const torch::NoGradGuard no_grad;
  Network generator = make_network(network.plan, torch::kCPU);
  const NamedTensors tensors = named_tensors(generator);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    torch::Tensor tensor = tensors[i].second;
    tensor.copy_(torch::tensor(network.arrays[i].numbers).view(tensor.sizes()));
  }
  constexpr std::int64_t kMaxColumns = 16;
  const ModelConfig& model = network.config.model;
  const bool by_class = model.classes > 0 && model.classes <= kMaxColumns;
  const std::int64_t columns = by_class ? model.classes : 8;
  torch::Tensor latents =
      normal_rows(/*seed=*/1, Purpose::sample_latents, 0, columns * 8, model.latent_dim);
  if (by_class) {
    latents = choose_classes(latents, model.latent_modes, model.classes,
                             torch::arange(latents.size(0)).remainder(columns));
  }
  const torch::Tensor images = generate_images(generator, latents, network.config.output);
  write_png(file, make_grid(to_images(images), {.columns = columns}));
  std::cout << fmt::format("{}: {} images\n", file.string(), images.size(0));
}

}  // namespace

void require_no_model_card(const fs::path& file) {
  for (const fs::path& path : {card_of(file), grid_of(file)}) {
    if (!fs::exists(path)) continue;
    throw usage_error("it exists, and --model-card would replace it")
        .in(path)
        .remedy("export into a new folder, or move it away");
  }
}

void write_model_card(const Export& options, ExportedNetwork network) {
  network.config = without_folders(network.config);
  const Config& config = network.config;
  draw_samples(network, grid_of(options.file));
  const std::string text = fmt::format(
      "{}\n"
      "# {}\n\n"
      "A generator of images, a DCGAN ([Radford et al. 2015](https://arxiv.org/abs/1511.06434)) "
      "trained with dcgan.\n\n"
      "![samples](samples.png)\n\n"
      "| | |\n|-|-|\n{}| latent size | {} |\n| steps | {} of batch {} |\n\n"
      "## Measures\n\n{}\n"
      "## Sampling\n\n{}\n"
      "## Network\n\n{}\n"
      "## Configuration\n\n{}\n"
      "## Licence\n\n"
      "Fill in: name the licence of these weights here and as `license` at the top. The images "
      "that it was trained on have one of their own.\n",
      front_matter(config.model.classes > 0), as_markdown(fs::path(options.file).stem().string()),
      describe_data(network), config.model.latent_dim, format_count(network.step),
      config.train.batch_size, describe_measures(options.checkpoint, network.step, config),
      describe_use(options.file), as_code(describe(network.plan)), as_code(to_yaml(config)));
  write_file_atomically(card_of(options.file), text);
  std::cout << fmt::format("{}: a model card\n", card_of(options.file).string());
}

}  // namespace dcgan::cli
