#include "cli/project.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/launcher.h"
#include "base/text.h"
#include "cli/latents.h"
#include "cli/summary.h"
#include "config/resolve.h"
#include "data/dataset.h"
#include "evaluate/evaluate.h"
#include "evaluate/project.h"
#include "generate/generator_file.h"
#include "image/decode.h"
#include "model/archive.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/image_folder.h"
#include "sources/output_file.h"
#include "sources/prepare.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

struct Pictures {
  std::vector<std::string> names;
  torch::Tensor images;  ///< uint8 [N, C, H, W], of the generator's size
};

/// A file or the files of a folder, fitted as the training's were.
Pictures read_pictures(const fs::path& path, const Sampler& sampler) {
  Pictures pictures;
  fs::path folder = path.parent_path();
  if (fs::is_directory(path)) {
    folder = path;
    for (const ImageFile& file : list_images(path, /*classes=*/false).files) {
      pictures.names.push_back(file.path);
    }
  } else {
    pictures.names.push_back(path.filename().string());
  }
  const torch::Tensor made = sampler.generate(sampler.draw_latents(1, 0, 1));
  RowFormat format = row_format(sampler.config() ? sampler.config()->data : DataConfig());
  format.channels = made.size(1);
  format.height = made.size(2);
  format.width = made.size(3);
  const auto count = static_cast<std::int64_t>(pictures.names.size());
  pictures.images = torch::empty({count, made.size(1), made.size(2), made.size(3)}, torch::kUInt8);
  for_each_image(count,
                 [&](std::int64_t i) {
                   write_row(read_image(folder / pictures.names[static_cast<std::size_t>(i)]),
                             format, pictures.images.data_ptr<std::uint8_t>() + i * format.bytes());
                 },
                 {});
  return pictures;
}

/// Images that the generator was not trained on; nothing where they can't be read.
std::optional<Dataset> find_held_out(const Sampler& sampler) {
  if (!sampler.config() || !has_other_split(sampler.config()->data)) return {};
  try {
    return load_dataset(other_split(sampler.config()->data));
  } catch (const Error& error) {
    std::cerr << "warning: without held-out images: " << error.what() << '\n';
    return {};
  }
}

/// D of the checkpoint or the run, else the classifier of the data set.
std::pair<std::string, ImageFeatures> find_features(const std::string& checkpoint,
                                                    const std::optional<Dataset>& held_out,
                                                    torch::Device device) {
  const fs::path path = find_generator_file(checkpoint, /*raw=*/true);
  const std::optional<Archive> archive = parse_archive(read_file(path), path);
  if (archive && archive->kind == ArchiveKind::checkpoint) {
    const Config config = parse_config(archive->config, path.string() + ": config.yaml");
    return {"pixels and D's features",
            hidden_features(copy_to(load_discriminator(*archive, config, path), device))};
  }
  if (const auto shipped = Features::shipped(held_out ? held_out->set : "", device)) {
    return {"pixels and features of the " + shipped->name, classifier_features(*shipped)};
  }
  return {"pixels", {}};
}

/// The mean error of images like those asked for; nothing without any.
std::optional<double> mean_error(const Sampler& sampler, const torch::Tensor& images,
                                 const ImageFeatures& features, std::int64_t seed) {
  if (!images.defined()) return {};
  return project(sampler, images, features, seed).errors.mean().item<double>();
}

void write_results(const fs::path& folder, const torch::Tensor& images,
                   const Projection& projection) {
  make_folder(folder);
  const std::vector<Image> given = to_images(images);
  const std::vector<Image> made = to_images(projection.images);
  for (std::size_t i = 0; i < given.size(); ++i) {
    write_file_atomically(folder / fmt::format("{:06d}.png", i),
                          encode_png(make_grid({given[i], made[i]}, {.columns = 2})), Flush::no);
  }
  write_latents(folder / "z.npy", projection.latents);
}

/// "12.3", or "unknown".
std::string format_error(const std::optional<double>& error) {
  return error ? fmt::format("{:.1f}", *error) : std::string("unknown");
}

}  // namespace

int Project::run() const {
  if (read_launch().rank > 0) return 0;  // one process does it
  if (is_non_empty_folder(out)) {
    throw usage_error("the folder is not empty").in("--out " + out).remedy("name a new one");
  }
  const Machine machine = prepare_machine(device, threads);
  if (!machine.warning.empty()) std::cerr << "warning: " << machine.warning << '\n';
  torch::manual_seed(static_cast<std::uint64_t>(seed));  // a foreign generator may draw
  const Sampler sampler = Sampler::open(find_generator_file(checkpoint), machine.device);
  if (sampler.config()) {
    keep_out_of_pictures("--out", out, fs::path(out) / "0.png", sampler.config()->data);
  }
  const Pictures pictures = read_pictures(image, sampler);
  const std::optional<Dataset> held_out = find_held_out(sampler);
  const auto [loss, features] = find_features(checkpoint, held_out, machine.device);
  std::cerr << "comparing " << loss << '\n';
  const Projection projection = project(sampler, pictures.images, features, seed);
  write_results(out, pictures.images, projection);

  // For orientation: as many, but enough to tell and not so many that they take longest.
  const std::int64_t count = std::clamp<std::int64_t>(pictures.images.size(0), 16, 64);
  const torch::Tensor real =
      held_out ? choose_images(held_out->images, count, seed, Purpose::projection_images)
               : torch::Tensor();
  const auto of_held_out = mean_error(sampler, real, features, seed);
  const torch::Tensor made = sampler.generate(sampler.draw_latents(seed, 0, count));
  const auto of_generated = mean_error(sampler, made, features, seed);
  const double error = projection.errors.mean().item<double>();
  Json images = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < pictures.names.size(); ++i) {
    const auto own = projection.errors[static_cast<std::int64_t>(i)].item<double>();
    images.push_back({{"file", pictures.names[i]}, {"error", own}});
    rows.push_back({pictures.names[i], fmt::format("{:06d}.png", i), format_error(own)});
  }
  if (json) {
    std::cout << to_document({{"checkpoint", checkpoint},
                              {"compared", loss},
                              {"images", images},
                              {"error", error},
                              {"held_out", of_held_out ? Json(*of_held_out) : Json(nullptr)},
                              {"generated", *of_generated}});
    return 0;
  }
  std::cout << format_table({"picture", "written to", ">error"}, rows)
            << fmt::format("error: {} (held-out images {}, generated {})\n", format_error(error),
                           format_error(of_held_out), format_error(of_generated));
  return 0;
}

}  // namespace dcgan::cli
