#!/usr/bin/env python3
"""Does the Wasserstein loss stabilise runs in which other losses fail?

    bench/stability.py --program build/apt/bin/dcgan [--seeds 1,2,3] [--pictures DIR]
                       [--out bench/results/stability.json]
    bench/stability.py --report [--out FILE]

Trains on MNIST for three epochs under settings chosen to be unstable (no BatchNorm, far too large
learning rates), with the plain GAN losses, with R1, and with the Wasserstein loss and a gradient
penalty. Prints a Markdown table of the last fid (2,000 samples, the median over the seeds, the
minimum and the maximum) and the warnings of dcgan. One thread; some forty minutes. --report prints
the table of an earlier measurement.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "both rates 0.01": ["generator.lr=0.01", "discriminator.lr=0.01"],
    "both rates 0.005, beta1 0.9": ["generator.lr=0.005", "discriminator.lr=0.005",
                                    "train.beta1=0.9"],
    "D's rate 0.01, ten times G's": ["generator.lr=0.001", "discriminator.lr=0.01"],
}
LOSSES = {
    "non_saturating": [],
    "minimax": ["train.loss=minimax"],
    "non_saturating with R1": ["train.r1_gamma=1", "train.r1_every=8"],
    "wasserstein": ["train.loss=wasserstein", "train.gradient_penalty=10",
                    "train.discriminator_steps=5"],
}
COMMON = ["model.base_channels=16", "train.epochs=3", "generator.norm=none",
          "discriminator.norm=none", "train.precision=auto"]


def train(program, settings, seed, folder):
    command = [program, "train", "--config", str(ROOT / "configs/mnist-paper.yaml"),
               "--seed", str(seed), "--threads", "1", "--out", str(folder)]
    for setting in COMMON + settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": "1"})
    warnings = re.findall(r"^warning: step \d+: (?:the )?([^:]*?)(?::|$)", done.stderr, re.M)
    if done.returncode != 0:
        return {"fid": None, "ended": done.stderr.strip().splitlines()[-1], "warnings": warnings}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {"fid": [line["fid"] for line in lines if "fid" in line][-1], "warnings": warnings}


def cell(runs):
    fids = sorted(run["fid"] for run in runs if run["fid"] is not None)
    if not fids:
        return "diverged (NaN)"
    text = f"{median(fids):.0f} ({fids[0]:.0f} to {fids[-1]:.0f})"
    diverged = len(runs) - len(fids)
    return text + (f", {diverged} diverged (NaN)" if diverged else "")


def report(results):
    print("| no BatchNorm and | " + " | ".join(LOSSES) + " |")
    print("|-|" + "-|" * len(LOSSES))
    for setting in SETTINGS:
        row = [[r for r in results if r["setting"] == setting and r["loss"] == loss]
               for loss in LOSSES]
        print(f"| {setting} | " + " | ".join(cell(runs) for runs in row) + " |")
    for loss in LOSSES:
        runs = [r for r in results if r["loss"] == loss]
        warned = [r for r in runs if r["warnings"]]
        found = {re.sub(r"class.* missing.*", "a class is missing", w)
                 for r in runs for w in r["warnings"]}
        print(f"\n{loss}: {len(warned)} of {len(runs)} runs warned"
              + (f" ({', '.join(sorted(found))})" if found else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results/stability.json")
    parser.add_argument("--pictures", type=Path, help="a folder for the first seed's last grids")
    arguments = parser.parse_args()
    if arguments.report:
        report(json.loads(arguments.out.read_text()))
        return
    if not arguments.program:
        parser.error("--program or --report is needed")
    program = str(Path(arguments.program).resolve())
    results = []
    for number, (setting, settings) in enumerate(SETTINGS.items(), start=1):
        for loss, more in LOSSES.items():
            for seed in (int(word) for word in arguments.seeds.split(",")):
                with tempfile.TemporaryDirectory() as temporary:
                    folder = Path(temporary) / "run"
                    result = train(program, settings + more, seed, folder)
                    if arguments.pictures and not any(
                            r["setting"] == setting and r["loss"] == loss for r in results):
                        arguments.pictures.mkdir(parents=True, exist_ok=True)
                        grids = sorted((folder / "samples").glob("[0-9]*.png"))
                        name = f"stability-{number}-{loss.replace(' ', '-')}.png"
                        shutil.copyfile(grids[-1], arguments.pictures / name)
                results.append({"setting": setting, "loss": loss, "seed": seed, **result})
                print(f"{setting}, {loss}, seed {seed}: {result}", file=sys.stderr)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")

    report(results)


if __name__ == "__main__":
    main()
