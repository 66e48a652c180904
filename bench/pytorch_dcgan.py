"""The DCGAN in PyTorch in its fastest variants: the baseline that peers.py measures.

    bench/pytorch_dcgan.py train --variant compile --size 64 --channels 3 --batch-size 128
    bench/pytorch_dcgan.py sample --variant channels_last -n 10000 --out images.npy
    bench/pytorch_dcgan.py sample --ckpt g.pt -n 64 --out grid.png
    bench/pytorch_dcgan.py convolutions --batch-size 1024 --device cuda

Prints one JSON line. `train` repeats a step on one fixed batch, so that no data loading is timed:
images a second over --steps steps, --measurements times, after a warm-up of as many steps. `sample`
writes uint8 images, a .npy or a PNG grid, and gives the seconds from the first latent to the closed
file. `convolutions` gives the milliseconds of a step's convolutions and of nothing else, each
product timed by itself in channels_last.
The networks are those of configs/mnist-paper.yaml at any size: 4 x 4 maps, doubled up to the image
(rounded up on the way down), channels from --base-channels at the image doubling to 512.
Variants, each with all that comes before it: eager, channels_last, fused (Adam in one kernel),
compile (torch.compile, in --compile-mode). --bf16: forward passes under autocast. Needs torch; a
PNG needs pillow.
Under torchrun `train` is data-parallel by DistributedDataParallel on Gloo: --batch-size is the whole
batch, and rank 0 prints.
"""
import argparse
import json
import os
import time
from contextlib import nullcontext

import torch
from torch import nn

VARIANTS = ["eager", "channels_last", "fused", "compile"]
LATENTS = 100


def map_sizes(size):
    """From the image down to the first map: 28, 14, 7, 4."""
    sizes = [size]
    while sizes[-1] > 4:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def make_networks(size=28, channels=1, base_channels=64):
    """G: [N, 100, 1, 1] to [N, channels, size, size] in [-1, 1]. D: images to logits [N, 1, 1, 1]."""
    sizes = map_sizes(size)
    widths = [channels] + [min(base_channels << i, 512) for i in range(len(sizes) - 1)]
    up, down = [], []
    for i in range(len(sizes) - 1):
        # An even map halves with a kernel of 4, an odd one with a kernel of 3.
        kernel = 4 - sizes[i] % 2
        down += [nn.Conv2d(widths[i], widths[i + 1], kernel, 2, 1, bias=False)]
        down += [nn.BatchNorm2d(widths[i + 1])] if i > 0 else []
        down += [nn.LeakyReLU(0.2, True)]
        after = [nn.BatchNorm2d(widths[i]), nn.ReLU(True)] if i > 0 else [nn.Tanh()]
        up = [nn.ConvTranspose2d(widths[i + 1], widths[i], kernel, 2, 1, bias=False), *after] + up
    first = [nn.ConvTranspose2d(LATENTS, widths[-1], sizes[-1], 1, 0, bias=False),
             nn.BatchNorm2d(widths[-1]), nn.ReLU(True)]
    return (nn.Sequential(*first, *up),
            nn.Sequential(*down, nn.Conv2d(widths[-1], 1, sizes[-1], 1, 0, bias=False)))


def at_least(variant, least):
    return VARIANTS.index(variant) >= VARIANTS.index(least)


def make_step(arguments):
    """A function of no arguments that takes one training step and returns the losses' sum, a
    tensor: reading it waits for a GPU."""
    device = arguments.device
    generator, discriminator = (network.to(device) for network in make_networks(
        arguments.size, arguments.channels, arguments.base_channels))
    adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
    if at_least(arguments.variant, "channels_last"):
        generator = generator.to(memory_format=torch.channels_last)
        discriminator = discriminator.to(memory_format=torch.channels_last)
    if at_least(arguments.variant, "fused"):
        adam["fused"] = True
    generator_optimizer = torch.optim.Adam(generator.parameters(), **adam)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **adam)
    if at_least(arguments.variant, "compile"):
        generator = torch.compile(generator, mode=arguments.compile_mode)
        discriminator = torch.compile(discriminator, mode=arguments.compile_mode)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        torch.distributed.init_process_group("gloo")
        wrap = lambda network: nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)
        generator, discriminator = wrap(generator), wrap(discriminator)
    loss = nn.BCEWithLogitsLoss()
    batch = arguments.batch_size // processes
    real = torch.randn(batch, arguments.channels, arguments.size, arguments.size,
                       device=device).tanh()
    ones, zeros = torch.ones(batch, 1, 1, 1, device=device), torch.zeros(batch, 1, 1, 1,
                                                                         device=device)

    def forward(network, x):
        with torch.autocast(device, torch.bfloat16) if arguments.bf16 else nullcontext():
            return network(x)

    def step():
        torch.compiler.cudagraph_mark_step_begin()
        discriminator_optimizer.zero_grad()
        loss_real = loss(forward(discriminator, real).float(), ones)
        loss_real.backward()
        fake = forward(generator, torch.randn(batch, LATENTS, 1, 1, device=device))
        loss_fake = loss(forward(discriminator, fake.detach()).float(), zeros)
        loss_fake.backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss_generator = loss(forward(discriminator, fake).float(), ones)
        loss_generator.backward()
        generator_optimizer.step()
        return loss_real.detach() + loss_fake.detach() + loss_generator.detach()

    return step


def train(arguments):
    step = make_step(arguments)
    rates = []
    for measurement in range(arguments.measurements + 1):
        start = time.perf_counter()
        for _ in range(arguments.steps):
            losses = step()
        losses.item()
        if measurement > 0:  # the first is the warm-up
            rates.append(arguments.steps * arguments.batch_size / (time.perf_counter() - start))
    return {"images_per_second": rates}


def convolutions(arguments):
    """D judges real and fake images and, once updated, fake ones again; its update needs no
    gradient in its input, G's none in D's weights."""
    generator, discriminator = make_networks(arguments.size, arguments.channels,
                                             arguments.base_channels)
    torch.backends.cudnn.benchmark = True
    total = 0.0
    for network, x, calls in (
            (generator, torch.zeros(arguments.batch_size, LATENTS, 1, 1), (1, 1, 1)),
            (discriminator, torch.zeros(arguments.batch_size, arguments.channels, arguments.size,
                                        arguments.size), (3, 3, 2))):
        first = True
        for layer in network.to(arguments.device):
            if not isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                continue
            x, weight = (torch.randn_like(tensor, device=arguments.device).to(
                memory_format=torch.channels_last) for tensor in (x, layer.weight))
            is_transposed = isinstance(layer, nn.ConvTranspose2d)
            forward = nn.functional.conv_transpose2d if is_transposed else nn.functional.conv2d
            compute = lambda: forward(x, weight, None, layer.stride, layer.padding)
            y = compute()
            grad = torch.randn_like(y)
            backward = lambda mask: torch.ops.aten.convolution_backward(
                grad, x, weight, None, layer.stride, layer.padding, [1, 1], is_transposed, [0, 0],
                1, mask)
            # G's latents need no gradient; D's images need that of its last judgement alone.
            data_calls = calls[1] if not first else (0 if is_transposed else 1)
            total += calls[0] * milliseconds(compute)
            total += data_calls * milliseconds(lambda: backward([True, False, False]))
            total += calls[2] * milliseconds(lambda: backward([False, True, False]))
            x, first = torch.empty_like(y), False
    return {"milliseconds": total}


def milliseconds(work, repeats=20):
    """Of one call, the median of five measurements, after a warm-up."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    times = []
    for _ in range(6):
        wait()
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        wait()
        times.append((time.perf_counter() - start) / repeats * 1000)
    return sorted(times[1:])[2]


def write_grid(images, path):
    from PIL import Image

    count, channels, height, width = images.shape
    columns = round(count ** 0.5)
    rows = images.view(count // columns, columns, channels, height, width)
    grid = rows.permute(0, 3, 1, 4, 2).reshape(-1, columns * width, channels)
    Image.fromarray(grid.squeeze(-1).numpy()).save(path)


@torch.no_grad()
def sample(arguments):
    if arguments.ckpt:
        generator = torch.jit.load(arguments.ckpt, map_location=arguments.device)
        latents_of = lambda count: torch.randn(count, generator.latent_dim,
                                               device=arguments.device)
    else:
        generator, _ = make_networks(arguments.size, arguments.channels, arguments.base_channels)
        generator = generator.to(arguments.device).eval()
        if at_least(arguments.variant, "channels_last"):
            generator = generator.to(memory_format=torch.channels_last)
        if at_least(arguments.variant, "compile"):
            generator = torch.compile(generator, mode=arguments.compile_mode)
            for _ in range(3):  # compiles, warms up, records
                generator(torch.randn(arguments.batch_size, LATENTS, 1, 1, device=arguments.device))
        latents_of = lambda count: torch.randn(count, LATENTS, 1, 1, device=arguments.device)
    if arguments.device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    parts = []
    for first in range(0, arguments.count, arguments.batch_size):
        images = generator(latents_of(min(arguments.batch_size, arguments.count - first)))
        parts.append(((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8))
    images = torch.cat(parts).cpu()
    if arguments.out.endswith(".npy"):
        import numpy
        numpy.save(arguments.out, images.permute(0, 2, 3, 1).numpy())
    else:
        write_grid(images, arguments.out)
    return {"seconds": time.perf_counter() - start}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["train", "sample", "convolutions"])
    parser.add_argument("--variant", choices=VARIANTS, default="eager")
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--base-channels", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile-mode", default="default",
                        choices=["default", "reduce-overhead", "max-autotune"])
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--tf32", action="store_true", help="GPU: products of tf32")
    parser.add_argument("--steps", type=int, default=50, help="train: steps a measurement")
    parser.add_argument("--measurements", type=int, default=3, help="train")
    parser.add_argument("--ckpt", help="sample: a g.pt, in place of the variant's own networks")
    parser.add_argument("-n", dest="count", type=int, default=10000, help="sample: images")
    parser.add_argument("--out", default="images.npy", help="sample: the .npy or .png")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = arguments.tf32
    result = {"train": train, "sample": sample,
              "convolutions": convolutions}[arguments.action](arguments)
    if os.environ.get("RANK", "0") == "0":
        print(json.dumps({"torch": torch.__version__, **result}))


if __name__ == "__main__":
    main()
