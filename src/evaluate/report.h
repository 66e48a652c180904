// What an evaluation found, as plain data, as a table for people and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dcgan {

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
  std::vector<std::string> left_out;     ///< measures that could not be taken, and why, a line each
};

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
