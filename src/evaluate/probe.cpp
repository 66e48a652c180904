#include "evaluate/probe.h"

#include <fmt/format.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim/lbfgs.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "dcgan/error.h"
#include "model/forward.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kBatch = 250;
constexpr std::int64_t kNeighbours = 5;

torch::Tensor normalised(const torch::Tensor& images, torch::Device device) {
  return images.to(device, torch::kFloat32).div_(127.5).sub_(1);
}

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

/// The same network with the weights that it began with and, in BatchNorm, statistics of `images`.
Network untrained(const Network& discriminator, const Config& config, const torch::Tensor& images,
                  std::int64_t seed) {
  const torch::Device device = discriminator.layers.front().weight.device();
  Network network = make_network(plan_of(discriminator), torch::kCPU);
  initialise(network, seed, Purpose::discriminator_init, config.model.init_deviation,
             config.model.init);
  network = copy_to(network, device);
  constexpr std::int64_t kBatches = 40;  // of a momentum of 0.1
  for (std::int64_t i = 0; i < kBatches; ++i) {
    const std::int64_t first = i * kBatch % std::max<std::int64_t>(images.size(0) - kBatch, 1);
    const std::int64_t count = std::min(kBatch, images.size(0));
    forward(network, normalised(images.narrow(0, first, count), device), Mode::train);
  }
  return network;
}

/// Each feature with mean 0 and deviation 1 over the training images, in place.
void standardise(torch::Tensor training, torch::Tensor test) {
  const torch::Tensor mean = training.mean(0);
  const torch::Tensor factor = training.std(0, /*unbiased=*/false).add_(1e-6).reciprocal_();
  for (torch::Tensor* const features : {&training, &test}) features->sub_(mean).mul_(factor);
}

/// The weight of the penalty with the best accuracy on images that were left out: of five folds, or
/// of one where it is large enough to tell.
double choose_l2(const torch::Tensor& features, const torch::Tensor& labels, std::int64_t classes) {
  constexpr std::int64_t kFolds = 5;
  constexpr std::int64_t kFewImages = 10'000;
  const std::vector<double> weights{100, 10, 1, 0.1, 0.01, 0.001, 0.0001};
  const std::int64_t size = features.size(0);
  const torch::Tensor fold = torch::arange(size, labels.options()).remainder(kFolds);
  std::vector<double> sums(weights.size());
  for (std::int64_t left_out = 0; left_out < (size <= kFewImages ? kFolds : 1); ++left_out) {
    const auto rows = [&](const torch::Tensor& chosen) { return chosen.nonzero().squeeze(1); };
    const torch::Tensor kept = rows(fold.ne(left_out));
    const torch::Tensor tested = rows(fold.eq(left_out));
    const torch::Tensor kept_features = features.index_select(0, kept);
    const torch::Tensor tested_features = features.index_select(0, tested);
    LinearClassifier classifier;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      classifier = fit_linear(kept_features, labels.index_select(0, kept), classes, weights[i],
                              std::move(classifier));
      sums[i] += accuracy_of(classifier, tested_features, labels.index_select(0, tested));
    }
  }
  return weights[static_cast<std::size_t>(std::max_element(sums.begin(), sums.end()) -
                                          sums.begin())];
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

/// The first `each` images of every class in an order of its own for each choice.
torch::Tensor choose_rows(const torch::Tensor& labels, std::int64_t classes, std::int64_t each,
                          std::int64_t seed, std::int64_t choice) {
  const torch::Tensor order = torch::tensor(
      permutation(seed, Purpose::probe_labels, choice, labels.size(0)), torch::kInt64);
  if (each == 0) return order;
  const torch::Tensor in_order = labels.index_select(0, order);
  std::vector<torch::Tensor> chosen;
  for (std::int64_t i = 0; i < classes; ++i) {
    chosen.push_back(order.index_select(0, in_order.eq(i).nonzero().squeeze(1).slice(0, 0, each)));
    if (chosen.back().size(0) == each) continue;
    throw failure(fmt::format("class {} has {} images, fewer than --labels {}", i,
                              chosen.back().size(0), each))
        .remedy("lower --labels");
  }
  return torch::cat(chosen);
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
    standardise(features, scaled_test);
    result.l2 = choose_l2(features, labels, classes);
    accuracies.push_back(
        accuracy_of(fit_linear(features, labels, classes, result.l2), scaled_test, test.labels));
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
    torch::Tensor x = normalised(batch, device);
    std::vector<torch::Tensor> features;
    for (std::size_t i = 0; i + 1 < discriminator.layers.size(); ++i) {
      const Layer& layer = discriminator.layers[i];
      const auto side = [&](std::size_t axis) { return std::min(kGrid, layer.plan.output[axis]); };
      x = forward({discriminator.name, {layer}}, x, Mode::eval);
      const bool is_map = layer.plan.output[1] * layer.plan.output[2] > 1;
      const torch::Tensor grid =
          is_map ? std::get<0>(torch::adaptive_max_pool2d(x, {side(1), side(2)})) : x;
      features.push_back(grid.flatten(1));
    }
    return torch::cat(features, 1);
  });
}

LinearClassifier fit_linear(const torch::Tensor& features, const torch::Tensor& labels,
                            std::int64_t classes, double l2, LinearClassifier start) {
  if (!start.weight.defined()) {
    start.weight = torch::zeros({classes, features.size(1)}, features.options());
    start.bias = torch::zeros({classes}, features.options());
  }
  const torch::Tensor weight = start.weight.detach().clone().requires_grad_(true);
  const torch::Tensor bias = start.bias.detach().clone().requires_grad_(true);
  torch::optim::LBFGS optimizer(std::vector<torch::Tensor>{weight, bias},
                                torch::optim::LBFGSOptions(1)
                                    .max_iter(200)
                                    .history_size(10)
                                    .tolerance_grad(1e-5)
                                    .tolerance_change(1e-9)
                                    .line_search_fn("strong_wolfe"));
  optimizer.step([&] {
    const torch::AutoGradMode grad(true);
    optimizer.zero_grad();
    const torch::Tensor loss =
        torch::nn::functional::cross_entropy(torch::linear(features, weight, bias), labels) +
        0.5 * l2 * weight.square().sum();
    loss.backward();
    return loss;
  });
  return {weight.detach(), bias.detach()};
}

double accuracy_of(const LinearClassifier& classifier, const torch::Tensor& features,
                   const torch::Tensor& labels) {
  const torch::Tensor logits = torch::linear(features, classifier.weight, classifier.bias);
  return logits.argmax(1).eq(labels).to(torch::kFloat64).mean().item<double>();
}

std::vector<ProbeResult> probe(const Network& discriminator, const Config& config,
                               const LabelledImages& training, const LabelledImages& test,
                               const ProbeOptions& options) {
  const torch::NoGradGuard no_grad;
  const Network random = untrained(discriminator, config, training.images, options.seed);
  const auto of = [](const Network& network) {
    return
        [&network](const torch::Tensor& images) { return discriminator_features(network, images); };
  };
  const torch::Device device = discriminator.layers.front().weight.device();
  const auto pixels = [device](const torch::Tensor& images) {
    return normalised(images, device).flatten(1);
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
