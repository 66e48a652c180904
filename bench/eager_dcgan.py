"""The textbook DCGAN in eager PyTorch: the peer that compare_eager.py measures beside dcgan.

Prints one JSON line: images a second over each stretch of 50 steps, after a warm-up of 20 steps.
The networks are those of configs/mnist-paper.yaml; the batch is fixed, so that no data loading is timed.
"""
import argparse
import json
import time

import torch
from torch import nn


def make_networks():
    generator = nn.Sequential(
        nn.ConvTranspose2d(100, 256, 4, 1, 0, bias=False), nn.BatchNorm2d(256), nn.ReLU(True),
        nn.ConvTranspose2d(256, 128, 3, 2, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(True),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True),
        nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), nn.Tanh())
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, True),
        nn.Conv2d(128, 256, 3, 2, 1, bias=False), nn.BatchNorm2d(256), nn.LeakyReLU(0.2, True),
        nn.Conv2d(256, 1, 4, 1, 0, bias=False))
    return generator, discriminator


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["eager", "channels_last_fused"], default="eager")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    batch = arguments.batch_size

    generator, discriminator = make_networks()
    adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
    if arguments.variant == "channels_last_fused":
        generator = generator.to(memory_format=torch.channels_last)
        discriminator = discriminator.to(memory_format=torch.channels_last)
        adam["fused"] = True
    generator_optimizer = torch.optim.Adam(generator.parameters(), **adam)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **adam)
    loss = nn.BCEWithLogitsLoss()
    real = torch.randn(batch, 1, 28, 28).tanh()
    ones, zeros = torch.ones(batch, 1, 1, 1), torch.zeros(batch, 1, 1, 1)

    def step():
        discriminator_optimizer.zero_grad()
        loss_real = loss(discriminator(real), ones)
        loss_real.backward()
        fake = generator(torch.randn(batch, 100, 1, 1))
        loss_fake = loss(discriminator(fake.detach()), zeros)
        loss_fake.backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss_generator = loss(discriminator(fake), ones)
        loss_generator.backward()
        generator_optimizer.step()
        return loss_real.item() + loss_fake.item() + loss_generator.item()

    for _ in range(20):
        step()
    rates = []
    for _ in range(arguments.steps // 50):
        start = time.perf_counter()
        for _ in range(50):
            step()
        rates.append(50 * batch / (time.perf_counter() - start))
    print(json.dumps({"torch": torch.__version__, "images_per_second": rates}))


if __name__ == "__main__":
    main()
