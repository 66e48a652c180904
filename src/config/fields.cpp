#include "config/fields.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "config/binders.h"

namespace dcgan {
namespace {

using namespace binders;  // NOLINT(google-build-using-namespace): the table is made of them

bool is_device(const std::string& name) {
  if (name == "auto" || name == "cpu" || name == "cuda") return true;
  return name.starts_with("cuda:") && IntegerRange{0, 127}.parse(name.substr(5)).has_value();
}

// The table ---------------------------------------------------------------------------------------

constexpr std::int64_t kHuge = 1'000'000'000;
constexpr auto kFixed = ResumeRule::fixed;
constexpr auto kFree = ResumeRule::free;

std::vector<Field> data_fields() {
  constexpr auto of = within(&Config::data);
  return {
      choice("data.format", kFixed, of(&DataConfig::format),
             "How the images are stored: IDX files as MNIST's, CIFAR's binary files, a folder of "
             "pictures, or one .npy file."),
      text("data.path", "folder", "a folder, or a file for data.format npy", kFree,
           of(&DataConfig::path),
           "Where the images are; relative to the configuration file that contains it."),
      choice("data.split", kFixed, of(&DataConfig::split), "The split to train on."),
      integers("data.image_size", "[height, width]", "", "[height, width], two", 2, 2, {8, 1024},
               kFixed, of(&DataConfig::image_size),
               "Size of the images that the networks see; others are resized to it."),
      channel_count("data.channels", kFixed, of(&DataConfig::channels),
                    "Grey or colour; images of the other kind are converted."),
      choice("data.fit", kFixed, of(&DataConfig::fit),
             "How an image of another shape gets that of data.image_size: cropped, padded with "
             "data.background, or stretched."),
      color("data.background", kFixed, of(&DataConfig::background),
            "Colour behind transparent pixels, and around images that data.fit pads."),
      choice(
          "data.levels", kFixed, of(&DataConfig::levels),
          "Which value is white: full is the largest that the file's bit depth allows; auto is the "
          "largest in the data set, as for 12 bits in 16-bit files."),
      choice("data.classes", kFixed, of(&DataConfig::classes),
             "folder: each folder in data.path is a class of images, as for a classifier."),
      number(
          "data.held_out", {0, 0.5}, kFixed, of(&DataConfig::held_out),
          "folder, npy: share of the images that is never trained on: the split test, with which "
          "samples are compared."),
      choice("data.flip", kFixed, of(&DataConfig::flip),
             "Mirror training images at random, left to right: for faces and clothes, not for "
             "digits."),
      number(
          "data.max_bad_fraction", {0, 1}, kFree, of(&DataConfig::max_bad_fraction),
          "folder: damaged files are left out with a warning; more than this share of all files is "
          "an error."),
      text("data.cache", "auto | none | folder", "auto, none or a folder", kFree,
           of(&DataConfig::cache),
           "folder: where decoded images are kept for later runs; auto is dcgan/ in XDG_CACHE_HOME "
           "or ~/.cache; none decodes into memory in each run."),
      integer("data.limit", {0, kHuge}, kFixed, of(&DataConfig::limit),
              "Use only the first N images; 0 is all."),
      choice("data.shuffle", kFixed, of(&DataConfig::shuffle),
             "Shuffle the images in each epoch, by seed and epoch."),
      choice("data.drop_last", kFixed, of(&DataConfig::drop_last),
             "Leave out an epoch's last batch where it is not full."),
      choice("data.on_device", kFree, of(&DataConfig::on_device),
             "On a GPU, keep a set of at most 4 GiB in its memory and make batches there; false "
             "copies each batch. No effect on a CPU."),
  };
}

std::vector<Field> model_fields() {
  constexpr auto of = within(&Config::model);
  return {
      choice("model.kind", kFixed, of(&ModelConfig::kind),
             "dcgan is convolutional; dense is the fully connected GAN that it is compared with."),
      integer("model.latent_dim", {1, 4096}, kFixed, of(&ModelConfig::latent_dim),
              "Size of the latent vector from which an image is generated."),
      integer(
          "model.latent_modes", {0, 4096}, kFixed, of(&ModelConfig::latent_modes),
          "Modes of the latents: the largest of the first N latents selects a learned embedding; 0 "
          "is none."),
      integer("model.classes", {0, 256}, kFixed, of(&ModelConfig::classes),
              "Classes that both networks know; model.latent_modes must be a multiple of it; 0 is "
              "none."),
      integer(
          "model.base_channels", {1, 4096, true}, kFixed, of(&ModelConfig::base_channels),
          "dcgan: channels of the layer next to the image; they double with each layer away from "
          "it. auto: 32, or 16 for images with a side above 64."),
      integer("model.max_channels", {1, 4096}, kFixed, of(&ModelConfig::max_channels),
              "dcgan: maximum number of channels; at least model.base_channels."),
      integer(
          "model.hidden_units", {0, 65536}, kFixed, of(&ModelConfig::hidden_units),
          "dcgan: units of a hidden dense layer, which the paper leaves out, next to the latent "
          "and next to the logit; 0 is none."),
      choice("model.downsampling", kFixed, of(&ModelConfig::downsampling),
             "dcgan: how the discriminator halves the size: strided convolutions, or 3x3 "
             "convolutions at stride 1 with pooling behind them."),
      choice("model.upsampling", kFixed, of(&ModelConfig::upsampling),
             "dcgan: how the generator doubles the size: transposed convolutions, or an enlarged "
             "map and a 3x3 convolution."),
      integers("model.dense_widths", "list of integers", "1 to 8 of them, ", "a list of 1 to 8", 1,
               8, {1, 65536}, kFixed, of(&ModelConfig::dense_widths),
               "dense: widths of the generator's hidden layers; the discriminator mirrors them."),
      choice("model.init", kFixed, of(&ModelConfig::init),
             "Initial weights: normal with model.init_deviation, as in the paper; or torch.nn's "
             "default, uniform within 1/sqrt(fan_in) of 0, BatchNorm's scale 1."),
      number("model.init_deviation", {0, 1e30, true}, kFixed, of(&ModelConfig::init_deviation),
             "model.init normal: standard deviation of the initial weights."),
  };
}

/// What both networks have: "generator.activation" and so on.
std::vector<Field> network_fields(const std::string& section, NetworkConfig Config::*network) {
  const auto of = within(network);
  return {
      choice(section + ".activation", kFixed, of(&NetworkConfig::activation),
             "Activation function between its layers."),
      number(section + ".slope", {0, 100}, kFixed, of(&NetworkConfig::slope),
             "leaky_relu's slope below 0, elu's alpha, swish's beta; the others have none."),
      choice(
          section + ".norm", kFixed, of(&NetworkConfig::norm),
          "Normalisation: batch is BatchNorm between its layers; batch_all also in the generator's "
          "last and the discriminator's first; layer and instance are of each image alone; "
          "spectral divides every weight by its spectral norm."),
      integer(section + ".base_channels", {0, 4096}, kFixed, of(&NetworkConfig::base_channels),
              "dcgan: replaces model.base_channels for this network; 0 does not."),
      integer(
          section + ".extra_layers", {0, 8}, kFixed, of(&NetworkConfig::extra_layers),
          "dcgan: 3x3 convolutions at stride 1, the first at half the image size, the next at a "
          "quarter and so on; at most one at each size."),
      number(section + ".lr", {0, 10, true}, kFixed, of(&NetworkConfig::lr),
             "Learning rate of its optimizer; train.lr_schedule may lower it."),
  };
}

std::vector<Field> train_fields() {
  constexpr auto of = within(&Config::train);
  return {
      integer(
          "train.epochs", {1, 100000, true}, kFree, of(&TrainConfig::epochs),
          "Passes over the training images; fixed on resume unless train.lr_schedule is constant. "
          "auto: as many as 300,000 images of 64 x 64 make, or as many pixels."),
      integer("train.batch_size", {2, 65536, true}, kFixed, of(&TrainConfig::batch_size),
              "Images in a step; BatchNorm needs at least two. auto: 32, or fewer for a smaller "
              "set."),
      choice(
          "train.loss", kFixed, of(&TrainConfig::loss),
          "non_saturating and minimax (the original game) use probabilities; hinge, least_squares "
          "and wasserstein use the discriminator's output itself."),
      integer("train.discriminator_steps", {1, 1000}, kFixed, of(&TrainConfig::discriminator_steps),
              "Updates of the discriminator for each of the generator; each takes a batch."),
      choice("train.optimizer", kFixed, of(&TrainConfig::optimizer),
             "Of both networks: adam, sgd with momentum, or rmsprop, as in torch.optim."),
      number("train.beta1", {0, 1, false, true}, kFixed, of(&TrainConfig::beta1),
             "adam: decay of the gradient's mean; sgd: its momentum; rmsprop has none."),
      number("train.beta2", {0, 1, false, true}, kFixed, of(&TrainConfig::beta2),
             "adam: decay of the gradient's square; rmsprop: its alpha, the same; sgd has none."),
      number("train.eps", {0, 1, true}, kFixed, of(&TrainConfig::eps),
             "Added to the denominator of adam and rmsprop; sgd has none."),
      choice("train.lr_schedule", kFixed, of(&TrainConfig::lr_schedule),
             "How both learning rates fall to 0 after the last step; constant: they stay."),
      number("train.label_smoothing", {0, 0.5, false, true}, kFixed,
             of(&TrainConfig::label_smoothing),
             "One-sided: the discriminator's target for real images is 1 minus this."),
      number(
          "train.class_mismatch", {0, 1000}, kFixed, of(&TrainConfig::class_mismatch),
          "With model.classes: weight of the discriminator's loss on real images with each wrong "
          "class; 0 is none."),
      number("train.r1_gamma", {0, 1e6, false, false, true}, kFixed, of(&TrainConfig::r1_gamma),
             "Weight of R1, the penalty on the discriminator's gradient at real images; 0 is none. "
             "auto: 1 for 2,000 images, 10 for 200, 0.05 for 40,000 and more."),
      integer("train.r1_every", {1, 10000}, kFixed, of(&TrainConfig::r1_every),
              "Steps between two computations of R1, which is scaled by that number."),
      number("train.gradient_penalty", {0, 1e6}, kFixed, of(&TrainConfig::gradient_penalty),
             "Weight of the WGAN-GP penalty, which pulls the discriminator's gradient norm between "
             "real and generated images to 1; 0 is none."),
      number(
          "train.weight_clip", {0, 1e6}, kFixed, of(&TrainConfig::weight_clip),
          "The discriminator's weights are clipped to [-this, this] after each update, as in the "
          "first WGAN; 0 is never."),
      integer("train.translation", {0, 1024}, kFixed, of(&TrainConfig::translation),
              "Maximum shift, by an even number of pixels, up or down and sideways at random, of "
              "each image that the discriminator sees, real or generated; 0 is none. The border "
              "shows data.background where data.fit pads, else the image mirrored."),
      number("train.color_jitter", {0, 1}, kFixed, of(&TrainConfig::color_jitter),
             "Strength of random changes of brightness, saturation and contrast in each image that "
             "the discriminator sees; 1 is that of DiffAugment (Zhao et al. 2020), 0 none."),
      number("train.cutout", {0, 1, false, true}, kFixed, of(&TrainConfig::cutout),
             "Share of each side of the grey rectangle that covers a random place of each image "
             "that the discriminator sees; DiffAugment has 0.5; 0 is none."),
      number("train.augment_target", {0, 1, false, true}, kFixed, of(&TrainConfig::augment_target),
             "Translation, color_jitter and cutout have a probability that rises while the "
             "discriminator's mean sign on real images is above this (ADA, Karras et al. 2020: "
             "0.6); 0: they are always applied."),
      number("train.instance_noise", {0, 1}, kFixed, of(&TrainConfig::instance_noise),
             "Standard deviation of Gaussian noise on each image that the discriminator sees, in "
             "[-1, 1]; it falls linearly to 0 after the last step."),
      number("train.ema_decay", {0, 1, false, true}, kFixed, of(&TrainConfig::ema_decay),
             "Decay of the generator's moving average, which samples and g.pt then hold; 0 is no "
             "average."),
      choice("train.posthoc_ema", kFixed, of(&TrainConfig::posthoc_ema),
             "Keep up to 32 snapshots of two further averages of the generator in averages/, of "
             "which 'dcgan average' makes one of any width after training."),
      text("train.init_from", "none | file | run", "none, a file or the folder of a run", kFixed,
           of(&TrainConfig::init_from),
           "Start from the networks in a g.pt (the generator alone), a checkpoint, or a run, of "
           "which the newest checkpoint is taken; read at step 0 only."),
      choice("train.init_partial", kFixed, of(&TrainConfig::init_partial),
             "Tensors that train.init_from lacks, or has in another shape, start with new weights; "
             "false refuses them."),
      texts("train.freeze", "list of layers", "a list of layers such as [discriminator.layer1]",
            kFixed, of(&TrainConfig::freeze),
            "Layers that are not trained, such as discriminator.layer1, counted from the input; "
            "their BatchNorm's running statistics still follow the batches."),
      choice("train.precision", kFixed, of(&TrainConfig::precision),
             "Type of the multiplications: fp32; tf32 on a GPU; bf16; auto is tf32 on a GPU, bf16 "
             "on a CPU that multiplies it, else fp32. Weights stay fp32."),
      integer("train.shards", {1, 65536}, kFixed, of(&TrainConfig::shards),
              "Parts that each batch is cut into, a thread each: the result then has the same bits "
              "on as many processes or fewer; 1 is the whole batch in one, or a part a process."),
      integer("train.accumulate", {1, 65536}, kFree, of(&TrainConfig::accumulate),
              "Micro-batches that each process computes one after another; saves memory where "
              "train.sync_batch_norm is false."),
      choice("train.sync_batch_norm", kFixed, of(&TrainConfig::sync_batch_norm),
             "Whether BatchNorm's statistics are those of the whole batch, or of each part."),
      integer("train.rank_timeout", {1, 86400}, kFree, of(&TrainConfig::rank_timeout),
              "Seconds that one of several processes waits for another before it gives up."),
      integer("train.log_every", {1, kHuge}, kFree, of(&TrainConfig::log_every),
              "Steps between two lines of metrics.jsonl."),
      choice("train.tensorboard", kFree, of(&TrainConfig::tensorboard),
             "Write event files for TensorBoard into the run directory: metrics, measures, sample "
             "grids and the configuration."),
      integer("train.sample_every", {0, kHuge}, kFree, of(&TrainConfig::sample_every),
              "Steps between two sample grids; 0 is at each epoch's end."),
      integer("train.checkpoint_every", {0, kHuge}, kFree, of(&TrainConfig::checkpoint_every),
              "Steps between two checkpoints; 0 is at each epoch's end."),
      integer("train.evaluate_every", {0, kHuge}, kFree, of(&TrainConfig::evaluate_every),
              "Epochs between two evaluations of the generator; 0 is none."),
      integer(
          "train.evaluate_samples", {0, 1000000}, kFree, of(&TrainConfig::evaluate_samples),
          "Generated images in each evaluation, at least 10; 0 is one for every 20 images trained "
          "on since the last, at most 2000, and none if under 500."),
      text("train.features", "auto | file", "auto or a file", kFree, of(&TrainConfig::features),
           "Feature network of evaluations; auto is the shipped one for the data set, else random "
           "convolutions."),
  };
}

std::vector<Field> run_fields() {
  constexpr auto of = within(&Config::run);
  return {
      integer("run.sample_count", {1, 4096}, kFree, of(&RunConfig::sample_count),
              "Images in a sample grid."),
      integer("run.keep_checkpoints", {1, 1000}, kFree, of(&RunConfig::keep_checkpoints),
              "Checkpoints to keep; older ones are removed."),
      text("run.device", "auto | cpu | cuda | cuda:N", "auto, cpu, cuda or cuda:N", kFree,
           of(&RunConfig::device),
           "Where to compute; auto is the first GPU that works, or else the CPU.", is_device),
      choice(
          "run.cuda_graph", kFree, of(&RunConfig::cuda_graph),
          "On a GPU, record a step once as a CUDA graph and replay it; where that fails, a warning "
          "says so. Experimental; no effect on a CPU."),
      integer("run.threads", {0, 1024}, kFree, of(&RunConfig::threads),
              "CPU threads; 0 is OMP_NUM_THREADS if set, else as many as the process may use."),
  };
}

std::vector<Field> make_fields() {
  constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
  std::vector<Field> fields{integer(
      "seed", {0, kLargest}, kFixed, [](auto& c) -> auto& { return c.seed; },
      "Seed of all random numbers: the same seed gives the same run.")};
  const auto append = [&](std::vector<Field> more) {
    std::move(more.begin(), more.end(), std::back_inserter(fields));
  };
  append(data_fields());
  append(model_fields());
  append(network_fields("generator", &Config::generator));
  fields.insert(fields.end() - 1,
                choice(
                    "generator.output", kFixed, [](auto& c) -> auto& { return c.output; },
                    "Its last activation; images are scaled to the same range."));
  append(network_fields("discriminator", &Config::discriminator));
  append(train_fields());
  append(run_fields());
  return fields;
}

}  // namespace

std::string remedy_for_classes(const ModelConfig& model, std::int64_t classes) {
  return fmt::format("model.classes: {0}, model.latent_modes: {0}", classes) +
         (classes > model.latent_dim ? fmt::format(", model.latent_dim: {}", classes) : "");
}

const std::vector<Field>& config_fields() {
  static const std::vector<Field> fields = make_fields();
  return fields;
}

const Field* find_field(const std::string& key) {
  const auto& fields = config_fields();
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

std::vector<Conflict> find_conflicts(const Config& config) {
  std::vector<Conflict> conflicts;
  const auto add = [&](std::vector<std::string> keys, std::string text, std::string remedy = "") {
    conflicts.push_back({std::move(keys), {std::move(text), std::move(remedy)}});
  };
  const auto& model = config.model;
  if (model.latent_modes > model.latent_dim) {
    add({"model.latent_modes", "model.latent_dim"},
        fmt::format("model.latent_modes ({}) must not be above model.latent_dim ({}), of which "
                    "they are the first",
                    model.latent_modes, model.latent_dim));
  }
  if (model.classes > 0 && (model.latent_modes == 0 || model.latent_modes % model.classes != 0)) {
    add({"model.latent_modes", "model.classes", "model.latent_dim"},
        fmt::format("model.latent_modes ({}) must be a multiple of model.classes ({}), whose modes "
                    "they are",
                    model.latent_modes, model.classes),
        fmt::format("set {}, or model.classes: 0", remedy_for_classes(model, model.classes)));
  }
  for (const auto& [key, channels] :
       {std::pair("model.base_channels", model.base_channels),
        std::pair("generator.base_channels", config.generator.base_channels),
        std::pair("discriminator.base_channels", config.discriminator.base_channels)}) {
    if (channels <= model.max_channels) continue;
    add({"model.max_channels", key},
        fmt::format("model.max_channels ({}) must not be below {} ({})", model.max_channels, key,
                    channels));
  }
  for (const auto& [key, norm] : {std::pair("generator.norm", config.generator.norm),
                                  std::pair("discriminator.norm", config.discriminator.norm)}) {
    const bool has_dense_layer = model.kind == ModelKind::dense || model.hidden_units > 0;
    if (norm != Norm::instance || !has_dense_layer) continue;
    add({key, "model.kind", "model.hidden_units"},
        fmt::format("{}: instance would make each output of a dense layer 0: it normalises over "
                    "an image's pixels, of which there is one",
                    key),
        "set it to layer");
  }
  const auto& data = config.data;
  const auto& train = config.train;
  const std::int64_t shorter = std::min(data.image_size[0], data.image_size[1]);
  if (train.translation >= shorter) {
    add({"train.translation", "data.image_size"},
        fmt::format("train.translation ({}) must be below the shorter side of data.image_size "
                    "({}): nothing of an image would be left",
                    train.translation, shorter));
  }
  if (train.translation % 2 != 0) {
    add({"train.translation"},
        fmt::format("train.translation ({}) must be even: odd shifts would leave a pattern of two "
                    "pixels to the samples",
                    train.translation),
        fmt::format("set train.translation: {}", train.translation + 1));
  }
  if (train.augment_target > 0) {
    if (train.translation == 0 && train.color_jitter == 0 && train.cutout == 0) {
      add({"train.augment_target", "train.translation", "train.color_jitter", "train.cutout"},
          "train.augment_target has nothing to adapt: train.translation, train.color_jitter and "
          "train.cutout are 0",
          "set train.color_jitter: 1, or train.augment_target: 0");
    }
    if (train.loss == LossKind::least_squares || train.loss == LossKind::wasserstein) {
      add({"train.augment_target", "train.loss"},
          fmt::format("train.augment_target reads the sign of the discriminator's output, which "
                      "says nothing with train.loss: {}",
                      to_string(train.loss)),
          "set train.augment_target: 0");
    }
  }
  if (train.loss == LossKind::wasserstein && train.gradient_penalty == 0 &&
      train.weight_clip == 0 && train.r1_gamma == 0) {
    add({"train.loss", "train.gradient_penalty", "train.weight_clip", "train.r1_gamma"},
        "train.loss: wasserstein needs a discriminator whose slope is bounded, or its loss has no "
        "end",
        "set train.gradient_penalty: 10 (with discriminator.norm: none), or "
        "train.weight_clip: 0.01");
  }
  if (train.evaluate_samples > 0 && train.evaluate_samples < kMinEvaluatedSamples) {
    add({"train.evaluate_samples"},
        fmt::format("train.evaluate_samples ({}) must be at least {}, or 0: fewer images can't be "
                    "measured",
                    train.evaluate_samples, kMinEvaluatedSamples));
  }
  if (train.label_smoothing > 0 && !is_of_probabilities(train.loss)) {
    add({"train.label_smoothing", "train.loss"},
        fmt::format("train.label_smoothing ({}) is of a probability, which train.loss: {} has none "
                    "of",
                    format_real(train.label_smoothing), to_string(train.loss)),
        "set it to 0");
  }
  if (!has_own_splits(data.format) && data.split == DataSplit::test && data.held_out == 0) {
    add({"data.held_out", "data.split", "data.format"},
        "data.split: test is what data.held_out keeps back, and that is 0");
  }
  if (data.drop_last && data.limit > 0 && data.limit < train.batch_size) {
    add({"data.limit", "train.batch_size", "data.drop_last"},
        fmt::format("data.limit ({}) must not be below train.batch_size ({}) while data.drop_last "
                    "is true: no batch would be left",
                    data.limit, train.batch_size));
  }
  return conflicts;
}

std::string yaml_scalar(const std::string& text) {
  YAML::Emitter emitter;
  emitter << text;
  return emitter.c_str();
}

}  // namespace dcgan
