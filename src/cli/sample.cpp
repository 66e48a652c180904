#include "cli/sample.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/launcher.h"
#include "base/text.h"
#include "cli/latents.h"
#include "dcgan/error.h"
#include "dcgan/sampler.h"
#include "image/animation.h"
#include "image/draw.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/arrays.h"
#include "sources/output_file.h"
#include "training/run_directory.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

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

/// Latents of images, truncated, and of the classes asked for. `turns`: int64, whose turn each
/// image is. Latents that choose a mode are not scaled: beside the mode's bias their size counts,
/// and a truncated image keeps its class.
torch::Tensor as_asked(const Sample& options, const Sampler& sampler, torch::Tensor latents,
                       const torch::Tensor& turns) {
  latents.slice(1, sampler.mode_count()).mul_(options.truncation);
  if (options.classes.empty()) return latents;
  const torch::Tensor classes = torch::tensor(find_classes(options, sampler));
  const torch::Tensor wanted = classes.index_select(0, turns.remainder(classes.size(0)));
  return sampler.choose_classes(latents, wanted);
}

/// The latents of images first .. first + count - 1.
torch::Tensor latents_for(const Sample& options, const NumberedLatents& source, std::int64_t first,
                          std::int64_t count) {
  return as_asked(options, source.sampler, source.rows(first, count),
                  torch::arange(first, first + count));
}

/// [steps, latent_dim], from start to end; the mode is `start`'s before `change` and then `end`'s.
torch::Tensor walk(const Sample& options, std::int64_t modes, const torch::Tensor& start,
                   const torch::Tensor& end, std::int64_t change) {
  const std::int64_t steps = *options.interpolate;
  const std::int64_t others = start.size(0) - modes;
  const auto mode_of = [&](const torch::Tensor& latent, std::int64_t count) {
    return latent.narrow(0, 0, modes).expand({count, modes});
  };
  const auto between = options.straight ? lerp : slerp;
  return torch::cat({torch::cat({mode_of(start, change), mode_of(end, steps - change)}),
                     between(start.narrow(0, modes, others), end.narrow(0, modes, others), steps)},
                    1);
}

/// Rows of --interpolate images. Without --through each is a walk between two latents of its own,
/// within one mode where the generator has modes; with it each goes on where the row before ends,
/// and half-way from the mode of one image to that of the next, since there is no way between two.
torch::Tensor walking_latents(const Sample& options, const NumberedLatents& source) {
  const std::int64_t modes = source.sampler.mode_count();
  const std::int64_t steps = *options.interpolate;
  const std::int64_t rows = options.count / steps;
  std::vector<torch::Tensor> walks;
  if (options.through.empty()) {
    const torch::Tensor ends = source.rows(0, 2 * rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      walks.push_back(walk(options, modes, ends[2 * row], ends[2 * row + 1], steps));
    }
    return as_asked(options, source.sampler, torch::cat(walks),
                    torch::arange(options.count).floor_divide(steps));
  }
  const torch::Tensor ends =
      as_asked(options, source.sampler, source.select("--through", options.through),
               torch::tensor(options.through));
  for (std::int64_t row = 0; row < rows; ++row) {
    walks.push_back(walk(options, modes, ends[row], ends[row + 1], (steps + 1) / 2));
  }
  return torch::cat(walks);
}

constexpr std::int64_t kChunk = 256;  ///< images at a time: bounds the memory

fs::path separate_image(const Sample& options, std::int64_t number) {
  return fs::path(*options.separate) / fmt::format("{:06d}.png", number);
}

/// Several processes take chunks in turns.
int write_separate_images(const Sample& options, const NumberedLatents& source,
                          const Launch& launch) {
  make_folder(*options.separate);
  for (std::int64_t first = launch.rank * kChunk; first < options.count;
       first += launch.size * kChunk) {
    const std::int64_t count = std::min(kChunk, options.count - first);
    const auto images =
        to_images(source.sampler.generate(latents_for(options, source, first, count)));
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

torch::Tensor all_latents(const Sample& options, const NumberedLatents& source) {
  return options.interpolate ? walking_latents(options, source)
                             : latents_for(options, source, 0, options.count);
}

/// uint8 [N, C, H, W].
torch::Tensor all_images(const Sample& options, const NumberedLatents& source) {
  return source.sampler.generate(all_latents(options, source));
}

/// uint8 [N, H, W] for grey images, [N, H, W, 3] for RGB.
int write_array(const Sample& options, const NumberedLatents& source) {
  torch::Tensor images = all_images(options, source).permute({0, 2, 3, 1}).contiguous();
  if (images.size(3) == 1) images = images.squeeze(3);
  write_npy(
      options.out, images.sizes().vec(),
      {static_cast<const char*>(images.data_ptr()), static_cast<std::size_t>(images.numel())});
  std::cout << fmt::format("{}: {} images\n", options.out, options.count);
  return 0;
}

/// Frames from first to last and back, so that the end meets the start: the walks side by side, or
/// the one walk of --through.
int write_played_walks(const Sample& options, const NumberedLatents& source) {
  const std::int64_t steps = *options.interpolate;
  torch::Tensor images = all_images(options, source);
  std::int64_t walks = options.count / steps;
  if (!options.through.empty()) {  // each row after the first begins as the one before it ends
    const torch::Tensor row = torch::arange(options.count);
    images = images.index_select(0, (row.remainder(steps).ne(0) | row.eq(0)).nonzero().squeeze(1));
    walks = 1;
  }
  const torch::Tensor by_step =
      images.unflatten(0, {walks, images.size(0) / walks}).transpose(0, 1).contiguous();
  GridOptions grid;
  grid.columns = options.columns.value_or(square_columns(walks));
  grid.padding = options.padding.value_or(grid.padding);
  Animation animation;
  animation.count = 2 * by_step.size(0) - 2;
  animation.frame = [&](std::int64_t i) {
    return make_grid(to_images(by_step[std::min(i, animation.count - i)]), grid);
  };
  write_animation(options.out, animation);
  std::cout << fmt::format("{}: {} frames of {} images\n", options.out, animation.count, walks);
  return 0;
}

int write_one_grid(const Sample& options, const NumberedLatents& source) {
  GridOptions grid;
  grid.columns = options.interpolate ? *options.interpolate
                                     : options.columns.value_or(square_columns(options.count));
  grid.padding = options.padding.value_or(grid.padding);
  const std::vector<Image> images = to_images(all_images(options, source));
  const Image sheet = make_grid(options.numbered ? with_numbers(images) : images, grid);
  write_png(options.out, sheet);
  std::cout << fmt::format("{}: {} images, {} x {} pixels\n", options.out, options.count,
                           sheet.width, sheet.height);
  return 0;
}

/// All of the given latents where no other number is asked for.
void fit_count(Sample& options, const NumberedLatents& source) {
  if (!source.given.defined() || !options.through.empty()) return;
  const std::int64_t rows = source.given.size(0);
  const std::int64_t most = options.interpolate ? rows / 2 * *options.interpolate : rows;
  if (!options.asked_count) options.count = std::min(most, kMaxImages);
  if (options.count >= 1 && options.count <= most) return;
  throw usage_error(
      fmt::format("holds {} latent{}, which make {} images", rows, rows == 1 ? "" : "s", most))
      .in("--latents " + *options.latents)
      .remedy(most > 0 ? "lower -n" : "a walk is between two latents");
}

}  // namespace

int Sample::run() const {
  Sample options = *this;
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
  if (options.latents_to) require_folder_of(*options.latents_to);
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
  const NumberedLatents source = options.latents ? NumberedLatents::read(sampler, *options.latents)
                                                 : NumberedLatents{sampler, options.seed};
  fit_count(options, source);
  if (options.latents_to && launch.rank == 0) {
    write_latents(*options.latents_to, all_latents(options, source));
  }
  if (options.separate) return write_separate_images(options, source, launch);
  return options.as_array       ? write_array(options, source)
         : options.as_animation ? write_played_walks(options, source)
                                : write_one_grid(options, source);
}

}  // namespace dcgan::cli
