// How good a generator is: its samples, or any images, measured against real ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

struct EvaluateOptions {
  /// What is measured, one of the two: a g.pt, a checkpoint, a run's folder or another TorchScript;
  /// or a folder of pictures or a .npy file.
  std::filesystem::path generator;
  std::filesystem::path images;
  /// The real images: a folder, or a configuration that names them. Without either those that the
  /// generator was trained on, and the split that it was not.
  std::filesystem::path data;
  std::optional<Config> config;
  std::int64_t samples = 10'000;  ///< at least 10; at most so many where images are read
  std::int64_t seed = 1;          ///< of the latents, as in Sampler::draw_latents()
  std::string features = "auto";  ///< a feature network's file; auto: the one for the data set
  std::optional<std::int64_t> latent_dim;  ///< as in Sampler::open()
  std::string device = "auto";             ///< auto, cpu, cuda or cuda:N
  std::int64_t threads = 0;                ///< 0: as many as the process may use
  /// A PNG to write: the samples nearest to training images, beside these.
  std::filesystem::path neighbours;
  std::int64_t recovery = 0;  ///< images of each kind for Report::recovery; 0: none
  /// Also measure what a classifier learns from generated images of each class: minutes.
  bool classifier_score = false;
  /// Told what is being done, a line each, and of warnings.
  std::function<void(const std::string&)> on_progress = [](const std::string&) {};
};

/// A number, and how much it would change with other samples: a standard deviation.
struct Estimate {
  double value = 0.0;
  double error = 0.0;
};

struct Measure {
  std::string key;   ///< "precision"; see docs/evaluation.md
  Estimate samples;  ///< of the samples against the reference
  Estimate real;     ///< of real images of the other split, as many where there are, against it
  double by_chance = 0.0;  ///< real images may be so far from each other, whatever the errors say
};

/// How near a generator comes to images, by the latents found for them (Metz et al., "Unrolled
/// generative adversarial networks", 2017, section 3.4): the root mean squared difference of their
/// pixels, [0, 255], the mean of `count` images of each kind.
struct Recovery {
  std::int64_t count = 0;
  Estimate held_out;
  Estimate training;
  Estimate generated;  ///< which it can make: what the search alone leaves
};

struct Report {
  std::string samples;  ///< where they come from: "runs/mnist-001/g.pt"
  std::int64_t sample_count = 0;
  std::optional<std::int64_t> seed;  ///< of the latents; nothing where images were read
  std::string features;              ///< the network's name
  std::string features_crc32;
  std::string data;  ///< the reference's name
  std::string data_crc32;
  std::string reference_split;  ///< "test" or "train"
  std::int64_t reference_count = 0;
  std::int64_t real_count = 0;  ///< images behind Measure::real

  std::vector<Measure> measures;
  std::vector<double> shares;            ///< of each class among the samples; empty without classes
  std::vector<double> real_shares;       ///< and among the reference
  std::vector<std::string> class_names;  ///< of the features; or none
  std::optional<Recovery> recovery;      ///< where it was asked for
  std::vector<std::string> left_out;     ///< measures that could not be taken, and why, a line each
};

/// Every measure that docs/evaluation.md lists. Throws `failure` naming the file that can't be read
/// or holds too few images, a usage error where options contradict each other.
Report evaluate(const EvaluateOptions& options);

/// Something that is off with the samples.
struct Finding {
  std::string measure;  ///< the key
  std::string text;     ///< "precision is low, 0.61 (real 0.86): ..."
};

/// What is clearly worse than among real images: by more than four times the error of the
/// difference, or more with few images, and by more than what matters (docs/evaluation.md has the
/// table).
std::vector<Finding> findings(const Report& report);

/// The whole report for a terminal; ends in '\n'.
std::string to_table(const Report& report);

/// One JSON object; its keys are in docs/evaluation.md. What is not finite becomes null.
std::string to_json(const Report& report);

}  // namespace dcgan
