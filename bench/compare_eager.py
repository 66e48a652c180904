#!/usr/bin/env python3
"""Training speed of dcgan beside eager PyTorch, in turns in one run.

    bench/compare_eager.py --program build/apt/bin/dcgan --python .venv/bin/python [--rounds 5]

Prints for each side the median of its rounds in images a second, the lowest and the highest, and
the most memory it held; then dcgan over each PyTorch variant, as the median of the rounds' ratios.
dcgan trains for real (data loading, logging and a checkpoint included), PyTorch repeats a step on
one fixed batch. The machine should have nothing else to do. Needs only Python's standard library
itself; --python names an interpreter that has torch.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS = 150


def run(command):
    """Standard output and the peak memory in MB of one process."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed with exit code {process.returncode}")
    return output, usage.ru_maxrss / 1024


def measure_dcgan(program, threads):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        _, memory = run([program, "train", "-q", "--config", str(ROOT / "configs/mnist-paper.yaml"),
                         "--out", str(out), "--device", "cpu", "--threads", str(threads),
                         "--set", "train.epochs=1", "--set", f"data.limit={(STEPS + 50) * 64}",
                         "--set", "train.log_every=50",
                         "--set", "train.evaluate_every=0"])
        lines = (out / "metrics.jsonl").read_text().splitlines()
    # The first stretch is the warm-up.
    return statistics.median(json.loads(line)["images_per_second"] for line in lines[1:]), memory


def measure_pytorch(python, variant, threads):
    output, memory = run([python, str(ROOT / "bench/eager_dcgan.py"), "--variant", variant,
                          "--steps", str(STEPS), "--threads", str(threads)])
    return statistics.median(json.loads(output)["images_per_second"]), memory


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", action="append", required=True,
                        help="a dcgan; may be given more than once")
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    sides = {}
    for program in arguments.program:
        sides[program] = lambda p=program: measure_dcgan(p, arguments.threads)
    variants = ["eager", "channels_last_fused"]
    for variant in variants:
        sides[variant] = lambda v=variant: measure_pytorch(arguments.python, v, arguments.threads)

    rates = {name: [] for name in sides}
    memories = {name: [] for name in sides}
    for number in range(arguments.rounds):
        for name, measure in sides.items():
            rate, memory = measure()
            rates[name].append(rate)
            memories[name].append(memory)
        print(f"round {number + 1} of {arguments.rounds} done", file=sys.stderr)

    print(f"{arguments.threads} threads, batch 64, 28x28x1, base_channels 64, fp32, "
          f"{arguments.rounds} rounds")
    for name in sides:
        print(f"{name:32} {statistics.median(rates[name]):7.0f} images/s "
              f"({min(rates[name]):.0f} to {max(rates[name]):.0f}), "
              f"{max(memories[name]):.0f} MB at the peak")
    for program in arguments.program:
        for variant in variants:
            ratios = [a / b for a, b in zip(rates[program], rates[variant])]
            print(f"{program} over PyTorch {variant}: {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
