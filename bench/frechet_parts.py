#!/usr/bin/env python3
"""The Fréchet distance class by class, and without differences of mean and covariance.

    bench/frechet_parts.py SAMPLES FOLDER FEATURES.PT

SAMPLES: a g.pt, or a uint8 .npy file of N x H x W (`dcgan sample --out`, with --raw of a generator
that was not averaged). FOLDER: the IDX files of a data set with classes. FEATURES.PT: its
classifier, such as data/features/fashion-mnist.pt. Prints the distance of 10,000 samples from the
test images and their total variance (the trace of the covariance) relative to that of test images,
for all and for each class that the classifier assigns. Then the distance once each class has the
mean, and also the covariance, that it has among test images. Needs torch, numpy and scipy.
"""
import argparse
from pathlib import Path

import numpy as np
import scipy.linalg
import torch

from memorisation import read_images

COUNT = 10000


def moments(features):
    return features.mean(0), np.cov(features.T)


def root(matrix):
    return scipy.linalg.sqrtm(matrix).real


def frechet_distance(a, b):
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root(cov_a @ cov_b))


def match_moments(a, b):
    """`a` under the optimal transport map that gives it the mean and the covariance of `b`."""
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


def features_and_classes(images, network):
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
        ours, our_classes = features_and_classes(read_samples(arguments.samples), network)
        test_images = read_images(arguments.folder, "t10k-images")
        test, test_classes = features_and_classes(test_images, network)
    print(f"distance {frechet_distance(ours, test):.3f}, "
          f"total variance {np.cov(ours.T).trace() / np.cov(test.T).trace():.3f}")

    means, whole = ours.copy(), ours.copy()
    for number in np.unique(test_classes):
        mine, theirs = our_classes == number, test_classes == number
        if mine.sum() <= ours.shape[1]:
            print(f"class {number}: {mine.sum()} samples, too few")
            continue
        means[mine] += test[theirs].mean(0) - ours[mine].mean(0)
        whole[mine] = match_moments(ours[mine], test[theirs])
        variance = np.cov(ours[mine].T).trace() / np.cov(test[theirs].T).trace()
        print(f"class {number}: distance {frechet_distance(ours[mine], test[theirs]):.2f}, "
              f"total variance {variance:.2f}")
    print(f"with each class's mean: {frechet_distance(means, test):.3f}; with its covariance, too: "
          f"{frechet_distance(whole, test):.3f}")


if __name__ == "__main__":
    main()
