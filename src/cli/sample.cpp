#include "cli/sample.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/launcher.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "dcgan/sampler.h"
#include "image/animation.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/arrays.h"
#include "sources/output_file.h"
#include "training/run_directory.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

std::int64_t mode_count(const Sampler& sampler) {
  return sampler.config() ? sampler.config()->model.latent_modes : 0;
}

/// The number of the class `text`: a name that the data set has for it or, where no name is a
/// number, its number.
std::optional<std::int64_t> find_class(const std::string& text, const Sampler& sampler) {
  const std::vector<std::string>& names = sampler.class_names();
  const auto named = std::find(names.begin(), names.end(), text);
  if (named != names.end()) return named - names.begin();
  const auto is_number = [](const std::string& name) { return parse_integer(name).has_value(); };
  if (std::any_of(names.begin(), names.end(), is_number)) return std::nullopt;
  const auto number = parse_integer(text);
  return number && *number >= 0 && *number < sampler.class_count() ? number : std::nullopt;
}

/// The classes of --class. A name with a comma is one class.
std::vector<std::string> asked_classes(const Sample& options, const Sampler& sampler) {
  const std::vector<std::string>& names = sampler.class_names();
  std::vector<std::string> classes;
  for (const std::string& text : options.classes) {
    const bool is_name = std::find(names.begin(), names.end(), text) != names.end();
    for (std::string& one : is_name ? std::vector{text} : Sample::split_classes(text)) {
      classes.push_back(std::move(one));
    }
  }
  return classes;
}

/// Their numbers. Throws a usage error for one that the generator does not know.
std::vector<std::int64_t> find_classes(const Sample& options, const Sampler& sampler) {
  std::vector<std::int64_t> numbers;
  for (const std::string& text : asked_classes(options, sampler)) {
    if (sampler.class_count() == 0) {
      throw usage_error(options.checkpoint + " knows no classes")
          .in("--class")
          .remedy("leave --class out, or train with model.classes (--config mnist.yaml)");
    }
    const std::optional<std::int64_t> number = find_class(text, sampler);
    if (!number) {
      const std::vector<std::string>& names = sampler.class_names();
      throw usage_error(fmt::format("the classes of {} are {}", options.checkpoint,
                                    names.empty()
                                        ? fmt::format("0 to {}", sampler.class_count() - 1)
                                        : fmt::format("{}", fmt::join(names, ", "))))
          .in("--class " + printable(text));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

/// Those of images first, first + 1, ..., truncated, and of the classes asked for, each of which
/// has `images` before it is the next one's turn. Latents that choose a mode are not scaled: beside
/// the mode's bias their size counts, and a truncated image keeps its class.
torch::Tensor as_asked(const Sample& options, const Sampler& sampler, torch::Tensor latents,
                       std::int64_t first, std::int64_t images) {
  latents.slice(1, mode_count(sampler)).mul_(options.truncation);
  if (options.classes.empty()) return latents;
  const torch::Tensor classes = torch::tensor(find_classes(options, sampler));
  const torch::Tensor turns =
      torch::arange(first, first + latents.size(0)).floor_divide(images).remainder(classes.size(0));
  const torch::Tensor wanted = classes.index_select(0, turns);
  return sampler.choose_classes(latents, wanted);
}

/// The latents of images first .. first + count - 1.
torch::Tensor latents_for(const Sample& options, const Sampler& sampler, std::int64_t first,
                          std::int64_t count) {
  return as_asked(options, sampler, sampler.draw_latents(options.seed, first, count), first,
                  /*images=*/1);
}

/// Rows of `steps` images, each a walk between two latents; within one mode where the generator has
/// modes, since there is no way between two of them.
torch::Tensor walking_latents(const Sample& options, const Sampler& sampler) {
  const std::int64_t modes = mode_count(sampler);
  const std::int64_t steps = *options.interpolate;
  const std::int64_t rows = options.count / steps;
  const torch::Tensor ends = sampler.draw_latents(options.seed, 0, 2 * rows);
  std::vector<torch::Tensor> walks;
  for (std::int64_t row = 0; row < rows; ++row) {
    const torch::Tensor start = ends[2 * row];
    const torch::Tensor end = ends[2 * row + 1];
    const std::int64_t others = start.size(0) - modes;
    walks.push_back(
        torch::cat({start.narrow(0, 0, modes).expand({steps, modes}),
                    slerp(start.narrow(0, modes, others), end.narrow(0, modes, others), steps)},
                   1));
  }
  return as_asked(options, sampler, torch::cat(walks), 0, steps);
}

constexpr std::int64_t kChunk = 256;  ///< images at a time: bounds the memory

fs::path separate_image(const Sample& options, std::int64_t number) {
  return fs::path(*options.separate) / fmt::format("{:06d}.png", number);
}

/// Several processes take chunks in turns.
int write_separate_images(const Sample& options, const Sampler& sampler, const Launch& launch) {
  make_folder(*options.separate);
  for (std::int64_t first = launch.rank * kChunk; first < options.count;
       first += launch.size * kChunk) {
    const std::int64_t count = std::min(kChunk, options.count - first);
    const auto images = to_images(sampler.generate(latents_for(options, sampler, first, count)));
    for (std::int64_t i = 0; i < count; ++i) {
      write_file_atomically(separate_image(options, first + i),
                            encode_png(images[static_cast<std::size_t>(i)]), Flush::no);
    }
  }
  if (launch.rank == 0) {
    std::cout << fmt::format("{}: {} images\n", *options.separate, options.count);
  }
  return 0;
}

/// uint8 [N, C, H, W]: all of them.
torch::Tensor all_images(const Sample& options, const Sampler& sampler) {
  return sampler.generate(options.interpolate ? walking_latents(options, sampler)
                                              : latents_for(options, sampler, 0, options.count));
}

/// uint8 [N, H, W] for grey images, [N, H, W, 3] for RGB.
int write_array(const Sample& options, const Sampler& sampler) {
  torch::Tensor images = all_images(options, sampler).permute({0, 2, 3, 1}).contiguous();
  if (images.size(3) == 1) images = images.squeeze(3);
  write_npy(
      options.out, images.sizes().vec(),
      {static_cast<const char*>(images.data_ptr()), static_cast<std::size_t>(images.numel())});
  std::cout << fmt::format("{}: {} images\n", options.out, options.count);
  return 0;
}

/// The walks side by side, from their first image to the last and back, so that the end meets the
/// start.
int write_played_walks(const Sample& options, const Sampler& sampler) {
  const std::int64_t steps = *options.interpolate;
  const std::int64_t walks = options.count / steps;
  const torch::Tensor images = all_images(options, sampler);
  const torch::Tensor by_step = images.unflatten(0, {walks, steps}).transpose(0, 1).contiguous();
  GridOptions grid;
  grid.columns = options.columns.value_or(square_columns(walks));
  grid.padding = options.padding.value_or(grid.padding);
  Animation animation;
  animation.count = 2 * steps - 2;
  animation.frame = [&](std::int64_t i) {
    return make_grid(to_images(by_step[std::min(i, animation.count - i)]), grid);
  };
  write_animation(options.out, animation);
  std::cout << fmt::format("{}: {} frames of {} images\n", options.out, animation.count, walks);
  return 0;
}

int write_one_grid(const Sample& options, const Sampler& sampler) {
  GridOptions grid;
  grid.columns = options.interpolate ? *options.interpolate
                                     : options.columns.value_or(square_columns(options.count));
  grid.padding = options.padding.value_or(grid.padding);
  const Image sheet = make_grid(to_images(all_images(options, sampler)), grid);
  write_png(options.out, sheet);
  std::cout << fmt::format("{}: {} images, {} x {} pixels\n", options.out, options.count,
                           sheet.width, sheet.height);
  return 0;
}

}  // namespace

int Sample::run() const {
  const Sample& options = *this;
  const Launch launch = read_launch();
  if (launch.rank > 0 && !separate) return 0;  // one process does it
  // Of several processes another may have begun to write.
  const bool is_taken =
      separate && (launch.size == 1 ? is_non_empty_folder(*separate)
                                    : fs::exists(separate_image(options, launch.rank * kChunk)));
  if (is_taken) {
    throw usage_error("the folder is not empty")
        .in("--separate " + *options.separate)
        .remedy("name a new one");
  }
  if (!options.separate) require_folder_of(options.out);
  const Machine machine = prepare_machine(device, threads, launch.local_rank);
  if (!machine.warning.empty()) std::cerr << "warning: " << machine.warning << '\n';
  torch::manual_seed(static_cast<std::uint64_t>(options.seed));  // a foreign generator may draw
  const Sampler sampler =
      Sampler::open(find_generator_file(options.checkpoint, options.raw), machine.device,
                    options.latent_dim, options.raw ? Weights::raw : Weights::averaged);
  find_classes(options, sampler);  // a wrong one is told before any work
  if (sampler.config()) {
    const auto& [flag, value] = options.separate ? std::pair("--separate", *options.separate)
                                                 : std::pair("--out", options.out);
    keep_out_of_pictures(flag, value,
                         options.separate ? fs::path(value) / "0.png" : fs::path(value),
                         sampler.config()->data);
  }
  if (options.separate) return write_separate_images(options, sampler, launch);
  return options.as_array       ? write_array(options, sampler)
         : options.as_animation ? write_played_walks(options, sampler)
                                : write_one_grid(options, sampler);
}

}  // namespace dcgan::cli
