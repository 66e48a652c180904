#!/usr/bin/env python3
"""Whose is the Fréchet distance?

    bench/frechet_parts.py SAMPLES FOLDER FEATURES.PT

SAMPLES: a g.pt, or a uint8 .npy file of N x H x W (`dcgan sample --out`, with --raw of a generator that
was not averaged). FOLDER: the IDX files of a set with classes. FEATURES.PT: its classifier's, such as
data/features/fashion-mnist.pt. Prints the distance of 10,000 samples from the test images, what is left of
it once each class (as the classifier sees them) has the mean, then also the covariance, that it has among
test images, and the variety (the trace of the covariance) of all and of each class over that of these.
Needs torch, numpy and scipy.
"""
import argparse
from pathlib import Path

import numpy as np
import scipy.linalg
import torch

from learned_by_heart import read_images

COUNT = 10000


def moments(features):
    return features.mean(0), np.cov(features.T)


def root(matrix):
    return scipy.linalg.sqrtm(matrix).real


def frechet_distance(a, b):
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root(cov_a @ cov_b))


def moved_to(a, b):
    """`a`, moved the shortest way so that it has the mean and the covariance of `b`."""
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    spread = root(cov_a + 1e-9 * np.eye(len(cov_a)))
    back = np.linalg.inv(spread)
    return mean_b + (a - mean_a) @ (back @ root(spread @ cov_b @ spread) @ back).T


def read_samples(path):
    """float [N, 1, H, W] in [-1, 1]"""
    if path.suffix == ".npy":
        return torch.tensor(np.load(path)).unsqueeze(1).float() / 127.5 - 1
    generator = torch.jit.load(str(path))
    latents = torch.randn(COUNT, generator.latent_dim)
    return torch.cat([generator(part) for part in latents.split(500)])


def describe(images, network):
    """Features and classes of images in [-1, 1], as 8-bit ones."""
    pixels = ((images + 1) * 127.5).round().clamp(0, 255) / 255
    features, logits = zip(*(network(part) for part in pixels.split(500)))
    return torch.cat(features).double().numpy(), torch.cat(logits).argmax(1).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("samples", "folder", "features"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()

    torch.manual_seed(1)
    with torch.no_grad():
        network = torch.jit.load(str(arguments.features))
        ours, our_classes = describe(read_samples(arguments.samples), network)
        test, test_classes = describe(read_images(arguments.folder, "t10k-images"), network)
    print(f"distance {frechet_distance(ours, test):.3f}, "
          f"variety {np.cov(ours.T).trace() / np.cov(test.T).trace():.3f}")

    means, whole = ours.copy(), ours.copy()
    for number in np.unique(test_classes):
        mine, theirs = our_classes == number, test_classes == number
        if mine.sum() <= ours.shape[1]:
            print(f"class {number}: {mine.sum()} samples, too few")
            continue
        means[mine] += test[theirs].mean(0) - ours[mine].mean(0)
        whole[mine] = moved_to(ours[mine], test[theirs])
        variety = np.cov(ours[mine].T).trace() / np.cov(test[theirs].T).trace()
        print(f"class {number}: distance {frechet_distance(ours[mine], test[theirs]):.2f}, "
              f"variety {variety:.2f}")
    print(f"with each class's mean: {frechet_distance(means, test):.3f}; with its covariance, too: "
          f"{frechet_distance(whole, test):.3f}")


if __name__ == "__main__":
    main()
