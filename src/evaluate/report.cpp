#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json.h"
#include "base/text.h"
#include "dcgan/evaluate.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

/// What is known of a measure.
struct MeasureInfo {
  const char* key;
  std::string_view better;  ///< "higher", "lower" or ""
  double least;             ///< a smaller difference from real images does not matter
  double relative;          ///< nor one that is smaller than this share of their value
  const char* what;
  const char* wrong;  ///< what it means to be worse than real images
};

constexpr MeasureInfo kMeasures[] = {
    {"fid", "lower", 0.0, 1.0, "Fréchet distance of the sets",
     "as a whole the samples are distributed unlike real images"},
    {"kid", "lower", 0.0, 1.0, "kernel distance of the sets",
     "as a whole the samples are distributed unlike real images"},
    {"precision", "higher", 0.0, 0.1, "samples near real images",
     "many samples look unlike any real image"},
    {"recall", "higher", 0.0, 0.1, "real images near samples",
     "the samples lack much of the variety of real images"},
    {"density", "higher", 0.0, 0.1, "real images around a sample",
     "samples lie where there are few real images"},
    {"coverage", "higher", 0.0, 0.1, "real images with a sample beside",
     "some kinds of real images have no sample beside them"},
    {"modes", "higher", 0.5, 0.0, "classes that are there", "classes are missing"},
    {"class_kl", "lower", 0.02, 0.0, "unevenness of the classes",
     "the classes are not as frequent as among real images"},
    {"confidence", "higher", 0.02, 0.0, "how sure the classifier is",
     "the classifier cannot tell what many samples show"},
    {"inception_score", "higher", 0.0, 0.05, "clear and varied classes",
     "classes are unclear or missing"},
    {"duplicates", "lower", 0.05, 0.0, "samples with a twin among the samples",
     "collapse: many samples are nearly the same"},
    {"memorised", "lower", 0.1, 0.0, "samples near to training images",
     "memorising: many samples are nearly training images"},
    {"nearest_median", "", 0.0, 0.0, "pixels to the nearest training image", ""},
    {"nearest_q01", "", 0.0, 0.0, "the same of the nearest 1 %", ""},
    {"period2", "lower", 0.0, 1.0, "spectral energy at period 2, × 10⁻⁴",
     "a pattern of two pixels lies over the samples"},
    {"class_accuracy", "higher", 0.02, 0.0, "samples of the class asked for",
     "many samples look like another class than they should be"},
    {"classifier_score", "higher", 0.02, 0.0, "accuracy of a classifier trained on them",
     "a classifier learns less from the samples than from real images"},
};

const MeasureInfo& info_of(const Measure& measure) {
  return *std::find_if(std::begin(kMeasures), std::end(kMeasures),
                       [&](const MeasureInfo& info) { return measure.key == info.key; });
}

bool is_worse(const Report& report, const Measure& measure) {
  const MeasureInfo& info = info_of(measure);
  if (info.better.empty()) return false;
  // From four deviations of the difference on: of a report's dozen rows each may be off by chance.
  // With few images the errors are uncertain themselves: Student's quantile (its expansion in 1 /
  // degrees of freedom), a degree of freedom for every four images.
  constexpr double kNormal = 4.0;
  const auto images = static_cast<double>(std::min(report.sample_count, report.real_count));
  const double noise = kNormal * (1.0 + (kNormal * kNormal + 1.0) / images) *
                       std::hypot(measure.samples.error, measure.real.error);
  const double real = measure.real.value;
  const double worse_by = (info.better == "higher" ? 1.0 : -1.0) * (real - measure.samples.value);
  return worse_by >
         std::max({noise, measure.by_chance, info.least, info.relative * std::fabs(real)});
}

/// Rounding alone makes an error of the mean of equal numbers.
bool has_error(const Estimate& estimate) {
  constexpr double kRounding = 1e-9;
  return estimate.error > kRounding * std::fabs(estimate.value);
}

/// Two digits of the error, or three of a value without one.
std::string format_value(double value, double decisive, int digits) {
  if (!std::isfinite(value)) return "unknown";
  const double size = std::fabs(decisive);
  const int leading = size > 0.0 && std::isfinite(size)
                          ? static_cast<int>(std::floor(std::log10(size)))
                          : digits - 1;
  const std::string text = fmt::format("{:.{}f}", value, std::clamp(digits - 1 - leading, 0, 7));
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

std::string format_value(const Estimate& estimate) {
  if (has_error(estimate)) return format_value(estimate.value, estimate.error, 2);
  const bool is_count = estimate.value == std::round(estimate.value);
  return is_count ? fmt::format("{:.0f}", estimate.value)
                  : format_value(estimate.value, estimate.value, 3);
}

std::string format_estimate(const Estimate& estimate) {
  if (!has_error(estimate)) return format_value(estimate);
  return fmt::format("{} ± {}", format_value(estimate),
                     format_value(estimate.error, estimate.error, 2));
}

/// Of "modes" the classes that are missing, " (1, 7)"; of "class_kl" the one that is furthest from
/// its share: " (class 1: 24.1 %, real 11.4 %)".
std::string describe_classes(const Report& report, const std::string& key) {
  std::vector<std::string> missing;
  std::size_t furthest = 0;
  const auto distance = [&](std::size_t i) {
    return std::fabs(report.shares[i] - report.real_shares[i]);
  };
  for (std::size_t i = 0; i < report.shares.size(); ++i) {
    if (report.shares[i] < 0.1 * report.real_shares[i]) {
      missing.push_back(class_name(report.class_names, i));
    }
    if (distance(i) > distance(furthest)) furthest = i;
  }
  if (key == "modes" && !missing.empty()) return fmt::format(" ({})", fmt::join(missing, ", "));
  if (key != "class_kl" || report.shares.empty()) return "";
  return fmt::format(" (class {}: {:.1f} %, real {:.1f} %)",
                     class_name(report.class_names, furthest), 100.0 * report.shares[furthest],
                     100.0 * report.real_shares[furthest]);
}

Finding describe(const Report& report, const Measure& measure) {
  const MeasureInfo& info = info_of(measure);
  return {measure.key, fmt::format("{} is {}, {} (real {}): {}{}", measure.key,
                                   info.better == "higher" ? "low" : "high",
                                   format_value(measure.samples), format_value(measure.real),
                                   info.wrong, describe_classes(report, measure.key))};
}

std::string class_table(const Report& report) {
  std::vector<std::string> header{"class"};
  std::vector<std::string> samples{"samples, %"};
  std::vector<std::string> real{"real, %"};
  constexpr std::size_t kMaxShown = 20;
  const std::size_t shown = std::min(report.shares.size(), kMaxShown);
  for (std::size_t i = 0; i < shown; ++i) {
    header.push_back(class_name(report.class_names, i));
    samples.push_back(fmt::format("{:.1f}", 100.0 * report.shares[i]));
    real.push_back(fmt::format("{:.1f}", 100.0 * report.real_shares[i]));
  }
  const std::string table = '\n' + format_table(header, {samples, real});
  if (shown == report.shares.size()) return table;
  return table +
         fmt::format("and {} more classes (--json has them)\n", report.shares.size() - shown);
}

}  // namespace

std::vector<Finding> findings(const Report& report) {
  std::vector<Finding> found;
  for (const Measure& measure : report.measures) {
    if (is_worse(report, measure)) found.push_back(describe(report, measure));
  }
  return found;
}

std::string to_table(const Report& report) {
  std::vector<std::vector<std::string>> rows;
  for (const Measure& measure : report.measures) {
    const MeasureInfo& info = info_of(measure);
    rows.push_back({measure.key, format_estimate(measure.samples), format_estimate(measure.real),
                    std::string(info.better), is_worse(report, measure) ? "worse" : "", info.what});
  }
  std::string text = fmt::format(
      "{} samples: {}{}\n"
      "reference: {} images of {}\n"
      "real: {} images of its other split, measured in the same way\n"
      "features: {}, CRC-32 {}\n\n",
      format_count(report.sample_count), report.samples,
      report.seed ? fmt::format(", seed {}", *report.seed) : "",
      format_count(report.reference_count), report.data, format_count(report.real_count),
      report.features, report.features_crc32);
  text +=
      format_table({"measure", ">samples", ">real", "better", "samples are", "what it is"}, rows);
  if (!report.shares.empty()) text += class_table(report);
  if (report.recovery) {
    text += fmt::format(
        "\nrecovery, the error of the nearest image that it makes, of 255, of {} images each:\n"
        "held-out {}, training {}, generated {}\n",
        report.recovery->count, format_estimate(report.recovery->held_out),
        format_estimate(report.recovery->training), format_estimate(report.recovery->generated));
  }
  for (const std::string& line : report.left_out) text += fmt::format("\nleft out: {}", line);
  if (!report.left_out.empty()) text += '\n';
  const std::vector<Finding> found = findings(report);
  text += found.empty() ? "\nNo measure is clearly worse than among real images.\n"
                        : "\nClearly worse than among real images:\n";
  for (const Finding& finding : found) text += fmt::format("- {}\n", finding.text);
  return text;
}

std::string to_json(const Report& report) {
  Json json;
  json["samples"] = {{"source", report.samples}, {"count", report.sample_count}};
  json["samples"]["seed"] = report.seed ? Json(*report.seed) : Json(nullptr);
  json["features"] = {{"name", report.features}, {"crc32", report.features_crc32}};
  json["reference"] = {{"name", report.data},
                       {"split", report.reference_split},
                       {"crc32", report.data_crc32},
                       {"count", report.reference_count}};
  json["real"] = {{"count", report.real_count}};
  json["measures"] = Json::object();
  for (const Measure& measure : report.measures) {
    json["measures"][measure.key] = {{"value", measure.samples.value},  // not finite: null
                                     {"error", measure.samples.error},
                                     {"real", measure.real.value},
                                     {"real_error", measure.real.error},
                                     {"worse", is_worse(report, measure)}};
  }
  if (report.recovery) {
    const auto as_json = [](const Estimate& estimate) {
      return Json{{"value", estimate.value}, {"error", estimate.error}};
    };
    json["recovery"] = {{"count", report.recovery->count},
                        {"held_out", as_json(report.recovery->held_out)},
                        {"training", as_json(report.recovery->training)},
                        {"generated", as_json(report.recovery->generated)}};
  }
  json["classes"] = {{"shares", report.shares}, {"real_shares", report.real_shares}};
  if (!report.class_names.empty()) json["classes"]["names"] = report.class_names;
  json["findings"] = Json::array();
  for (const Finding& finding : findings(report)) {
    json["findings"].push_back({{"measure", finding.measure}, {"text", finding.text}});
  }
  json["left_out"] = report.left_out;
  return json_text(json, 2) + '\n';
}

}  // namespace dcgan
