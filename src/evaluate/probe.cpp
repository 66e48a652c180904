#include "evaluate/probe.h"

#include <fmt/format.h>
#include <torch/optim/lbfgs.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "dcgan/error.h"
#include "evaluate/features.h"
#include "model/forward.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kBatch = 250;
constexpr std::int64_t kNeighbours = 5;

/// Of images [N, ...], batch by batch.
torch::Tensor map_batches(const torch::Tensor& images,
                          const std::function<torch::Tensor(const torch::Tensor&)>& features_of) {
  torch::Tensor all;
  for (std::int64_t first = 0; first < images.size(0); first += kBatch) {
    const std::int64_t count = std::min(kBatch, images.size(0) - first);
    const torch::Tensor batch = features_of(images.narrow(0, first, count));
    if (!all.defined()) all = torch::empty({images.size(0), batch.size(1)}, batch.options());
    all.narrow(0, first, count).copy_(batch);
  }
  return all;
}

/// Each feature with mean 0, and a mean square of 1 over all, in place. One factor for all leaves a
/// feature that hardly varies small, where a factor each would make it as loud as the others.
void normalise(torch::Tensor training, torch::Tensor test) {
  const torch::Tensor mean = training.mean(0);
  training.sub_(mean);
  test.sub_(mean);
  const double norm = training.norm().item<double>();
  const double size = std::sqrt(static_cast<double>(training.numel()));
  const double factor = norm > 0 ? size / norm : 1;
  training.mul_(factor);
  test.mul_(factor);
}

/// Labelled rows that a fold learns from, and those that it is tested on.
struct Fold {
  torch::Tensor features, labels, tested_features, tested_labels;
  LinearClassifier classifier = {};
};

/// Five, or one where a fifth is enough to tell. The rows are in a random order.
std::vector<Fold> make_folds(const torch::Tensor& features, const torch::Tensor& labels) {
  constexpr std::int64_t kFolds = 5;
  constexpr std::int64_t kFewImages = 5000;
  const std::int64_t size = features.size(0);
  std::vector<Fold> folds;
  for (std::int64_t i = 0; i < (size <= kFewImages ? kFolds : 1); ++i) {
    const std::int64_t first = size * i / kFolds;
    const std::int64_t end = size * (i + 1) / kFolds;
    const auto others = [&](const torch::Tensor& all) {  // of the first fold a view
      return i == 0 ? all.slice(0, end) : torch::cat({all.slice(0, 0, first), all.slice(0, end)});
    };
    folds.push_back({others(features), others(labels), features.slice(0, first, end),
                     labels.slice(0, first, end)});
  }
  return folds;
}

/// The weight of the penalty with the best accuracy on images that were left out. From strong to
/// weak, each fit starting from the one before, until two in a row are no better.
double choose_l2(const torch::Tensor& features, const torch::Tensor& labels, std::int64_t classes) {
  std::vector<Fold> folds = make_folds(features, labels);
  double best = 0;
  double best_sum = -1;
  int worse = 0;
  for (const double l2 : {100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001}) {
    double sum = 0;
    for (Fold& fold : folds) {
      fold.classifier =
          fit_linear(fold.features, fold.labels, classes, l2, std::move(fold.classifier));
      sum += accuracy_of(fold.classifier, fold.tested_features, fold.tested_labels);
    }
    if (sum > best_sum) {
      best = l2;
      best_sum = sum;
      worse = 0;
    } else if (++worse == 2) {
      break;
    }
  }
  return best;
}

/// Turns features [N, F], in place where N >= F, into their coordinates [N, R] on the principal
/// axes of the space that they span, R = min(N, F). Returns the axes, [F, R]. The same classifiers
/// are smaller there, and found in a fifth of the steps.
torch::Tensor turn_to_axes(torch::Tensor& features) {
  torch::Tensor basis;  // orthonormal, of fewer images than features
  if (features.size(0) < features.size(1)) {
    const auto [q, r] = torch::linalg_qr(features.t(), "reduced");
    basis = q;
    features = r.t().contiguous();
  }
  // LAPACK says in its own type how much memory it needs: as a float, of 3,000 features, too
  // little.
  const torch::Tensor products = features.t().mm(features).to(torch::kFloat64);
  const torch::Tensor axes = std::get<1>(torch::linalg_eigh(products, "L")).to(features.dtype());
  for (const torch::Tensor& rows : features.split(kBatch)) rows.copy_(rows.mm(axes));
  return basis.defined() ? basis.mm(axes) : axes;
}

/// The classifier of features [N, F], its penalty chosen by cross-validation, which is `l2` then.
LinearClassifier learn(torch::Tensor features, const torch::Tensor& labels, std::int64_t classes,
                       double& l2) {
  const torch::Tensor axes = turn_to_axes(features);
  l2 = choose_l2(features, labels, classes);
  LinearClassifier classifier = fit_linear(features, labels, classes, l2);
  classifier.weight = classifier.weight.mm(axes.t());
  return classifier;
}

/// The class that most of the nearest training images have; of two, the nearest one's.
double accuracy_of_neighbours(const torch::Tensor& training, const torch::Tensor& training_labels,
                              const torch::Tensor& test, const torch::Tensor& labels,
                              std::int64_t classes) {
  const torch::Tensor squares = training.square().sum(1);
  const std::int64_t count = std::min(kNeighbours, training.size(0));
  const torch::Tensor predicted = map_batches(test, [&](const torch::Tensor& images) {
    // |a - b|^2 without |a|^2, which is the same for all b.
    const torch::Tensor distances = squares - 2 * images.mm(training.t());
    const torch::Tensor nearest =
        std::get<1>(distances.topk(count, 1, /*largest=*/false, /*sorted=*/true));
    const torch::Tensor votes =
        torch::one_hot(training_labels.index_select(0, nearest.flatten()), classes)
            .view({images.size(0), count, classes})
            .to(torch::kFloat32);
    return (votes.sum(1) + 0.5 * votes.select(1, 0)).argmax(1, /*keepdim=*/true);
  });
  return predicted.squeeze(1).eq(labels).to(torch::kFloat64).mean().item<double>();
}

/// The first `each` images of every class in a random order of its own for each choice; each = 0:
/// all.
torch::Tensor choose_rows(const torch::Tensor& labels, std::int64_t classes, std::int64_t each,
                          std::int64_t seed, std::int64_t choice) {
  const torch::Tensor order = torch::tensor(
      permutation(seed, Purpose::probe_labels, choice, labels.size(0)), torch::kInt64);
  if (each == 0) return order;
  const torch::Tensor in_order = labels.index_select(0, order);
  std::vector<torch::Tensor> chosen;
  for (std::int64_t i = 0; i < classes; ++i) {
    chosen.push_back(in_order.eq(i).nonzero().squeeze(1).slice(0, 0, each));
    if (chosen.back().size(0) == each) continue;
    throw failure(fmt::format("class {} has {} images, fewer than --labels {}", i,
                              chosen.back().size(0), each))
        .remedy("lower --labels");
  }
  return order.index_select(0, std::get<0>(torch::cat(chosen).sort()));
}

struct Kind {
  std::string name;
  std::function<torch::Tensor(const torch::Tensor& images)> features_of;
  bool neighbours = false;
};

ProbeResult probe_kind(const Kind& kind, const LabelledImages& training, const LabelledImages& test,
                       const ProbeOptions& options) {
  const std::int64_t classes = training.labels.max().item<std::int64_t>() + 1;
  constexpr std::int64_t kChoices = 5;
  const std::int64_t choices = options.labels > 0 ? kChoices : 1;
  std::vector<double> accuracies;
  ProbeResult result{.features = kind.name};
  const torch::Tensor test_features = kind.features_of(test.images);
  for (std::int64_t choice = 0; choice < choices; ++choice) {
    const torch::Tensor rows =
        choose_rows(training.labels, classes, options.labels, options.seed, choice);
    const torch::Tensor labels = training.labels.index_select(0, rows).to(test_features.device());
    const torch::Tensor features = kind.features_of(training.images.index_select(0, rows));
    result.size = features.size(1);
    if (kind.neighbours) {
      accuracies.push_back(
          accuracy_of_neighbours(features, labels, test_features, test.labels, classes));
      continue;
    }
    const torch::Tensor scaled_test = test_features.clone();
    normalise(features, scaled_test);
    const LinearClassifier classifier = learn(features, labels, classes, result.l2);
    accuracies.push_back(accuracy_of(classifier, scaled_test, test.labels));
  }
  const torch::Tensor all = torch::tensor(accuracies, torch::kFloat64);
  result.accuracy = all.mean().item<double>();
  const double of_test =
      result.accuracy * (1 - result.accuracy) / static_cast<double>(test.labels.size(0));
  const double of_choices = choices > 1 ? all.var().item<double>() / kChoices : 0;
  result.error = std::sqrt(of_test + of_choices);
  return result;
}

}  // namespace

torch::Tensor discriminator_features(const Network& discriminator, const torch::Tensor& images) {
  const torch::NoGradGuard no_grad;
  const torch::Device device = discriminator.layers.front().weight.device();
  constexpr std::int64_t kGrid = 4;
  return map_batches(images, [&](const torch::Tensor& batch) {
    torch::Tensor x = to_unit_range(batch, device);
    std::vector<torch::Tensor> features;
    for (std::size_t i = 0; i + 1 < discriminator.layers.size(); ++i) {
      const Layer& layer = discriminator.layers[i];
      const auto side = [&](std::size_t axis) { return std::min(kGrid, layer.plan.output[axis]); };
      Layer without_activation = layer;
      without_activation.plan.nonlinearity = Nonlinearity::none;
      const torch::Tensor map = forward_layer(without_activation, x, Mode::eval);
      const bool is_map = layer.plan.output[1] * layer.plan.output[2] > 1;
      const torch::Tensor grid =
          is_map ? std::get<0>(torch::adaptive_max_pool2d(map, {side(1), side(2)})) : map;
      features.push_back(grid.flatten(1));
      x = forward_layer(layer, x, Mode::eval);
    }
    return torch::cat(features, 1);
  });
}

Network with_random_weights(const Network& discriminator, const Config& config,
                            const torch::Tensor& images, std::int64_t seed) {
  const torch::NoGradGuard no_grad;
  const torch::Device device = discriminator.layers.front().weight.device();
  Network network = make_network(plan_of(discriminator), torch::kCPU);
  initialise(network, seed, Purpose::discriminator_init, config.model.init_deviation,
             config.model.init);
  network = copy_to(network, device);
  constexpr std::int64_t kBatches = 40;  // of a momentum of 0.1
  for (std::int64_t i = 0; i < kBatches; ++i) {
    const std::int64_t first = i * kBatch % std::max<std::int64_t>(images.size(0) - kBatch, 1);
    const std::int64_t count = std::min(kBatch, images.size(0));
    forward(network, to_unit_range(images.narrow(0, first, count), device), Mode::train);
  }
  return network;
}

LinearClassifier fit_linear(const torch::Tensor& features, const torch::Tensor& labels,
                            std::int64_t classes, double l2, LinearClassifier start) {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<double>(features.size(0));
  // Weights are found in units of the inverse root of about their second derivative. Where features
  // are uncorrelated, L-BFGS needs few steps then.
  const torch::Tensor unit = (2 / count * features.norm(2, 0).square() + l2).rsqrt();  // [F]
  torch::Tensor weight = torch::zeros({classes, features.size(1)}, features.options());
  torch::Tensor bias = torch::zeros({classes}, features.options());
  if (start.weight.defined()) {
    weight.copy_(start.weight / unit);
    bias.copy_(start.bias);
  }
  torch::optim::LBFGS optimizer(std::vector<torch::Tensor>{weight, bias},
                                torch::optim::LBFGSOptions(1)
                                    .max_iter(200)
                                    .history_size(10)
                                    .tolerance_grad(1e-4)
                                    .tolerance_change(1e-9)
                                    .line_search_fn("strong_wolfe"));
  const torch::Tensor signs = 2 * torch::one_hot(labels, classes).to(features.options()) - 1;
  optimizer.step([&] {
    const torch::Tensor scaled = weight * unit;
    const torch::Tensor short_of = (1 - signs * torch::linear(features, scaled, bias)).relu();
    const torch::Tensor slopes = -2 / count * signs * short_of;  // [N, classes]
    weight.mutable_grad() = (slopes.t().mm(features) + l2 * scaled) * unit;
    bias.mutable_grad() = slopes.sum(0);
    return short_of.square().sum(1).mean() + 0.5 * l2 * scaled.square().sum();
  });
  return {weight * unit, bias};
}

double accuracy_of(const LinearClassifier& classifier, const torch::Tensor& features,
                   const torch::Tensor& labels) {
  const torch::Tensor scores = torch::linear(features, classifier.weight, classifier.bias);
  return scores.argmax(1).eq(labels).to(torch::kFloat64).mean().item<double>();
}

std::vector<ProbeResult> probe(const Network& discriminator, const Config& config,
                               const LabelledImages& training, const LabelledImages& test,
                               const ProbeOptions& options) {
  const torch::NoGradGuard no_grad;
  const Network random = with_random_weights(discriminator, config, training.images, options.seed);
  const auto of = [](const Network& network) {
    return
        [&network](const torch::Tensor& images) { return discriminator_features(network, images); };
  };
  const torch::Device device = discriminator.layers.front().weight.device();
  const auto pixels = [device](const torch::Tensor& images) {
    return to_unit_range(images, device).flatten(1);
  };
  const std::vector<Kind> kinds{
      {"D", of(discriminator)},
      {"D, random weights", of(random)},
      {"pixels", pixels},
      {fmt::format("{} nearest neighbours, pixels", kNeighbours), pixels, true}};
  const LabelledImages test_on_device{test.images, test.labels.to(device)};
  std::vector<ProbeResult> results;
  for (const Kind& kind : kinds) {
    options.on_progress(kind.name);
    results.push_back(probe_kind(kind, training, test_on_device, options));
  }
  return results;
}

}  // namespace dcgan
