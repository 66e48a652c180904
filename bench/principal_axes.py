#!/usr/bin/env python3
"""The variance of samples along principal axes, relative to that of test images.

    bench/principal_axes.py G.PT FOLDER

Prints, for ranges of the principal axes of 10,000 training images in FOLDER (IDX files), the
variance of 10,000 samples along them over that of 10,000 test images. The first axes carry coarse
structure, the last ones texture and noise. Needs torch and numpy.
"""
import argparse
from pathlib import Path

import torch

from memorisation import read_images


def centred(images):
    rows = images.double().flatten(1)
    return rows - rows.mean(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()

    torch.manual_seed(1)
    generator = torch.jit.load(str(arguments.generator))
    with torch.no_grad():
        latents = torch.randn(10000, generator.latent_dim)
        samples = torch.cat([generator(part) for part in latents.split(500)])
    train = centred(read_images(arguments.folder, "train-images"))
    axes = torch.linalg.eigh(train.T @ train)[1].flip(1)

    def variance(images):
        return (centred(images) @ axes).var(0)

    ours, real = variance(samples), variance(read_images(arguments.folder, "t10k-images"))
    print("| axes | samples' variance over test images' |\n|-|-|")
    bounds = [0, 3, 10, 30, 60, 100, 200, 400, axes.shape[1]]
    for first, end in zip(bounds, bounds[1:]):
        print(f"| {first + 1} to {end} | {ours[first:end].sum() / real[first:end].sum():.2f} |")


if __name__ == "__main__":
    main()
