// The textbook DCGAN loop in C++, as LibTorch's tutorials teach it: modules, autograd, torch::data,
// no thought of speed. A peer for the speed of `dcgan train`.
//
//   textbook_dcgan DATA THREADS IMAGES
//
// DATA: a folder with MNIST's files, unpacked. Trains on the first IMAGES images once, in batches
// of 64, and prints one JSON line: steps and the loop's seconds, the loader's included. The
// networks are those of configs/mnist-paper.yaml.
#include <torch/torch.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

namespace nn = torch::nn;

constexpr std::int64_t kBatch = 64;
constexpr std::int64_t kLatents = 100;

nn::ConvTranspose2d up(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding) {
  return nn::ConvTranspose2d(
      nn::ConvTranspose2dOptions(in, out, kernel).stride(stride).padding(padding).bias(false));
}

nn::Conv2d down(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                std::int64_t padding) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).bias(false));
}

nn::LeakyReLU leaky() { return nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.2)); }

torch::optim::Adam adam_of(nn::Sequential& network) {
  return torch::optim::Adam(network->parameters(),
                            torch::optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.999)));
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::cerr << "usage: textbook_dcgan DATA THREADS IMAGES\n";
    return 2;
  }
  torch::manual_seed(1);
  torch::set_num_threads(std::atoi(words[2]));
  const std::int64_t limit = std::atoll(words[3]);

  nn::Sequential generator(up(kLatents, 256, 4, 1, 0), nn::BatchNorm2d(256), nn::ReLU(),
                           up(256, 128, 3, 2, 1), nn::BatchNorm2d(128), nn::ReLU(),
                           up(128, 64, 4, 2, 1), nn::BatchNorm2d(64), nn::ReLU(),
                           up(64, 1, 4, 2, 1), nn::Tanh());
  nn::Sequential discriminator(down(1, 64, 4, 2, 1), leaky(), down(64, 128, 4, 2, 1),
                               nn::BatchNorm2d(128), leaky(), down(128, 256, 3, 2, 1),
                               nn::BatchNorm2d(256), leaky(), down(256, 1, 4, 1, 0));
  torch::optim::Adam generator_optimizer = adam_of(generator);
  torch::optim::Adam discriminator_optimizer = adam_of(discriminator);

  auto loader =
      torch::data::make_data_loader(torch::data::datasets::MNIST(words[1])
                                        .map(torch::data::transforms::Normalize<>(0.5, 0.5))
                                        .map(torch::data::transforms::Stack<>()),
                                    torch::data::DataLoaderOptions().batch_size(kBatch).workers(2));

  const auto start = std::chrono::steady_clock::now();
  std::int64_t steps = 0;
  for (auto& batch : *loader) {
    if ((steps + 1) * kBatch > limit) break;
    const torch::Tensor real = batch.data;
    const torch::Tensor ones = torch::ones({kBatch, 1, 1, 1});
    const torch::Tensor zeros = torch::zeros({kBatch, 1, 1, 1});

    discriminator->zero_grad();
    const torch::Tensor loss_real =
        torch::binary_cross_entropy_with_logits(discriminator->forward(real), ones);
    loss_real.backward();
    const torch::Tensor fake = generator->forward(torch::randn({kBatch, kLatents, 1, 1}));
    const torch::Tensor loss_fake =
        torch::binary_cross_entropy_with_logits(discriminator->forward(fake.detach()), zeros);
    loss_fake.backward();
    discriminator_optimizer.step();

    generator->zero_grad();
    const torch::Tensor loss_generator =
        torch::binary_cross_entropy_with_logits(discriminator->forward(fake), ones);
    loss_generator.backward();
    generator_optimizer.step();

    const double sum = (loss_real + loss_fake + loss_generator).item<double>();
    if (!(sum > 0)) {
      std::cerr << "step " << steps << ": the losses' sum is " << sum << '\n';
      return 1;
    }
    ++steps;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::cout << "{\"libtorch\": \"" << TORCH_VERSION << "\", \"steps\": " << steps
            << ", \"seconds\": " << seconds.count() << "}\n";
  return 0;
}
