"""The reference implementation: a DCGAN in eager PyTorch on MNIST, which quality.py evaluates.

    bench/textbook_dcgan.py --data data/mnist --minutes 10 --out samples.npy

Trains the networks of pytorch_dcgan.py with the paper's settings (batch 64, Adam 2e-4, beta1 0.5,
BCE) for so many minutes, then writes --count generated images as a uint8 array [N, 28, 28] that
`dcgan evaluate --images` reads. Prints one JSON line. Needs torch and numpy.
"""
import argparse
import gzip
import json
import time
from pathlib import Path

import numpy
import torch
from torch import nn

from pytorch_dcgan import make_networks


def read_images(folder):
    path = next(Path(folder).glob("train-images*"))
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rb") as file:
        pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16)
    return torch.from_numpy(pixels.copy()).view(-1, 1, 28, 28)


def initialise(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def train(generator, discriminator, images, minutes):
    """Steps and seconds."""
    adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
    generator_optimizer = torch.optim.Adam(generator.parameters(), **adam)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **adam)
    loss = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(64, 1, 1, 1), torch.zeros(64, 1, 1, 1)
    steps, start = 0, time.perf_counter()
    while True:
        order = torch.randperm(len(images))
        for rows in order.split(64)[:len(images) // 64]:
            if time.perf_counter() - start >= minutes * 60:
                return steps, time.perf_counter() - start
            real = images[rows].float() / 127.5 - 1
            discriminator_optimizer.zero_grad()
            loss(discriminator(real), ones).backward()
            fake = generator(torch.randn(64, 100, 1, 1))
            loss(discriminator(fake.detach()), zeros).backward()
            discriminator_optimizer.step()
            generator_optimizer.zero_grad()
            loss(discriminator(fake), ones).backward()
            generator_optimizer.step()
            steps += 1


@torch.no_grad()
def sample(generator, count):
    generator.eval()
    parts = [generator(torch.randn(min(500, count - first), 100, 1, 1))
             for first in range(0, count, 500)]
    pixels = ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels[:, 0].numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    generator, discriminator = make_networks()
    generator.apply(initialise)
    discriminator.apply(initialise)
    steps, seconds = train(generator, discriminator, read_images(arguments.data), arguments.minutes)
    numpy.save(arguments.out, sample(generator, arguments.count))
    print(json.dumps({"torch": torch.__version__, "steps": steps, "minutes": seconds / 60}))


if __name__ == "__main__":
    main()
