#!/usr/bin/env python3
"""How training scales over processes of one machine: dcgan and PyTorch's DDP, side by side.

    bench/scaling.py --dcgan build/apt/bin/dcgan [--python .venv/bin/python] [--rounds 3]

Of each shape, in turns: one process with one thread, one with two, two processes with one thread
each, and two runs of half a batch that know nothing of each other: what this machine's cores leave
of twice one thread where nobody waits. Prints images a second (medians over the rounds) and ratios,
each the median of the rounds': two processes against one with two threads, against twice one
thread, and against the two runs. The images are
MNIST's, at 28 x 28 and, for the larger shape, resized to 64 x 64 in colour. PyTorch's example runs
under torchrun, on Gloo, each process with BatchNorm statistics of its own. Without --python, or
where that has no torch, dcgan is measured alone.
"""
import argparse
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHAPES = {"28x28x1 batch 64": (28, 1, 64), "64x64x3 batch 128": (64, 3, 128)}
PLACES = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2),
          "2 processes, 1 thread each": (2, 1)}
BASE, TWO_THREADS, TWO_PROCESSES = PLACES
TWO_RUNS = "2 runs, half a batch each"


def measure_dcgan(program, shape, place, steps, settings):
    size, channels, batch = shape
    processes, threads = place
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(f"""
data: {{path: {ROOT}/data/mnist, image_size: [{size}, {size}], channels: {channels}}}
model: {{latent_dim: 100}}
train: {{epochs: 1000, batch_size: {batch}, log_every: {steps}, evaluate_every: 0,
        checkpoint_every: 1000000}}
""")
        run = Path(folder) / "run"
        command = [program, "train", "--config", config, "--out", run, "-q"]
        # Of several processes each takes its share of the cores.
        command += ["--processes", str(processes)] if processes > 1 else ["--threads", str(threads)]
        for setting in settings:
            command += ["--set", setting]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rates = []
        while len(rates) < 3:  # the first is the warm-up
            if child.poll() is not None:
                sys.exit(f"{' '.join(map(str, command))} ended by itself")
            metrics = run / "metrics.jsonl"
            lines = metrics.read_text().splitlines() if metrics.exists() else []
            rates = [json.loads(line)["images_per_second"] for line in lines if line.endswith("}")]
            try:
                child.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                pass
        child.terminate()
        child.wait()
        return statistics.median(rates[1:])


def measure_pytorch(python, shape, place, steps):
    size, channels, batch = shape
    processes, threads = place
    launcher = [python]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                     str(processes)]
    command = [*launcher, ROOT / "bench/pytorch_dcgan.py", "train", "--variant", "fused", "--size",
               size, "--channels", channels, "--batch-size", batch, "--threads", threads,
               "--steps", steps, "--measurements", 2]
    output = subprocess.run([str(word) for word in command], check=True, capture_output=True,
                            text=True).stdout
    return statistics.median(json.loads(output.splitlines()[-1])["images_per_second"])


def measure_two_runs(measure, shape):
    """Images a second of two runs side by side, each on one thread."""
    size, channels, batch = shape
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return sum(pool.map(lambda _: measure((size, channels, batch // 2), (1, 1)), range(2)))


def report(name, rates):
    print(f"{name}")
    for place in rates:
        print(f"  {place:28} {statistics.median(rates[place]):8.1f} images/s")
    ratios = {"one with two threads": [two / one for one, two in
                                       zip(rates[TWO_THREADS], rates[TWO_PROCESSES])],
              "twice one thread": [two / (2 * one) for one, two in
                                   zip(rates[BASE], rates[TWO_PROCESSES])],
              "two runs": [two / runs for runs, two in
                           zip(rates[TWO_RUNS], rates[TWO_PROCESSES])]}
    print("  two processes against " + ", ".join(
        f"{other} {statistics.median(each):.2f}" for other, each in ratios.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcgan", required=True, help="the program")
    parser.add_argument("--python", help="a Python with torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40, help="in each measurement")
    parser.add_argument("--set", action="append", default=[], help="a key for dcgan")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="default: all")
    arguments = parser.parse_args()
    os.environ.pop("OMP_NUM_THREADS", None)
    for name in arguments.shape or SHAPES:
        shape = SHAPES[name]
        sides = {"dcgan": lambda shape, place: measure_dcgan(arguments.dcgan, shape, place,
                                                             arguments.steps, arguments.set)}
        if arguments.python:
            sides["PyTorch"] = lambda shape, place: measure_pytorch(arguments.python, shape, place,
                                                                    arguments.steps)
        rates = {side: {place: [] for place in (*PLACES, TWO_RUNS)} for side in sides}
        for _ in range(arguments.rounds):
            for place in PLACES:
                for side, measure in sides.items():
                    rates[side][place].append(measure(shape, PLACES[place]))
            for side, measure in sides.items():
                rates[side][TWO_RUNS].append(measure_two_runs(measure, shape))
        for side in sides:
            report(f"{name}, {side}", rates[side])


if __name__ == "__main__":
    main()
