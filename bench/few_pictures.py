#!/usr/bin/env python3
"""dcgan beside lightweight-gan (PyPI) on few pictures: the same pictures, threads and minutes.

    scripts/avatars.py --to data/avatars
    python3 -m venv peer && peer/bin/pip install lightweight-gan==1.2.1
    bench/few_pictures.py --python peer/bin/python --minutes 10 --seed 1 train
    bench/few_pictures.py report

`train` trains each side of SIDES on the training pictures of the configuration, one after the other
(--only: that one, may be repeated). Each generates as many samples as there are training pictures;
`dcgan evaluate --images` compares them with the pictures that data.held_out keeps from all sides.
--features FILE measures in further features. Each adds one JSON line to --results (default
bench/results/few_pictures.jsonl) for each features; --keep DIR keeps samples and a grid of 64.

A minute is 60 processor seconds of each thread, which depend less than the clock on what else runs;
on an idle machine they are the same. dcgan trains the whole epochs that fit, after two others that
are timed; its start and checkpoints count, the peer's do not. lightweight_gan_on_cpu.py says what
the peer needs to run on a CPU. `report` prints a Markdown table, in whose first row real training
pictures stand for samples. Precision says nothing where recall is 0: samples that are all alike may
lie in the ball of one outlier. Only the standard library is needed here.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from peers import KEEP_MEMORY, Failed, cpu_name, run
from quality import add, evaluate, measure

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results/few_pictures.jsonl"
# As its README has it, the peer takes 64 images a step, some three minutes of a core. "small" sets
# its own options for a CPU: its Trainer's default batch, optional attention off, narrower layers.
SIDES = {"dcgan": None, "lightweight-gan": [],
         "lightweight-gan, small": ["batch_size=4", "gradient_accumulate_every=1",
                                    "attn_res_layers=[]", "fmap_max=128"]}


def set_each(changes):
    return [word for change in changes for word in ("--set", change)]


class Comparison:
    """One number of minutes and one seed. Each side gives its samples' file and its cost."""

    def __init__(self, arguments, folder):
        self.program, self.python = arguments.program, arguments.python
        self.threads, self.seed, self.minutes = arguments.threads, arguments.seed, arguments.minutes
        self.folder = folder
        self.config = folder / "config.yaml"
        # The one place for what all commands read; the cache is filled before any time is taken.
        changes = [f"data.path={arguments.data.resolve()}", f"data.cache={folder / 'cache'}",
                   *arguments.set]
        self.config.write_text(run([self.program, "config", "--config", arguments.config,
                                    *set_each(changes)])[0])
        shown = json.loads(run([self.program, "data", "show", "--config", self.config, "-n", 64,
                                "--out", folder / "real.png", "--json"])[0])
        self.count = shown["images"]
        self.settings = {"config": Path(arguments.config).stem, "set": arguments.set}

    def train_dcgan(self, epochs, name):
        """Its cost, as peers.run() gives it, and the last line of steps in its log."""
        out = self.folder / name
        _, cost = run([self.program, "train", "-q", "--config", self.config, "--out", out,
                       "--device", "cpu", "--threads", self.threads, "--seed", self.seed,
                       "--set", f"train.epochs={epochs}", "--set", "train.evaluate_every=0"])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").open()]
        return cost, [line for line in lines if "images" in line][-1]

    def dcgan(self):
        trial, _ = self.train_dcgan(2, "trial")
        share = self.minutes * 60 * self.threads / trial["processor_seconds"]
        cost, last = self.train_dcgan(max(1, int(2 * share)), "run")
        for name, count in (("dcgan.npy", self.count), ("dcgan.png", 64)):
            run([self.program, "sample", "--ckpt", self.folder / "run/g.pt", "-n", count, "--seed",
                 self.seed, "--threads", self.threads, "--out", self.folder / name])
        return self.folder / "dcgan.npy", {
            "settings": self.settings, "steps": last["step"], "images": last["images"],
            "processor_seconds": cost["processor_seconds"], "wall_seconds": cost["seconds"],
            "memory_mb": cost["memory_mb"]}

    def lightweight_gan(self, name, changes):
        images = next((self.folder / "cache").glob("*.npy"))
        samples = self.folder / f"{name}.npy"
        output, cost = run([self.python, ROOT / "bench/lightweight_gan_on_cpu.py",
                            "--images", images, "--first", self.count, "--count", self.count,
                            "--minutes", self.minutes, "--threads", self.threads, "--seed",
                            self.seed, "--out", samples, *set_each(changes)], KEEP_MEMORY)
        return samples, json.loads(output) | {"memory_mb": cost["memory_mb"]}


def train(arguments):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.keep:
            folder = arguments.keep.resolve() / f"{arguments.minutes:g}-minutes-{arguments.seed}"
            folder.mkdir(parents=True, exist_ok=True)
        comparison = Comparison(arguments, folder)
        for side, changes in SIDES.items():
            if arguments.only and side not in arguments.only:
                continue
            ours = changes is None
            samples, result = (comparison.dcgan() if ours else
                               comparison.lightweight_gan(side, changes))
            for features in ([], *(["--features", file] for file in arguments.features)):
                evaluation = evaluate(arguments.program, ["--images", samples], [
                    "--config", comparison.config, "--samples", comparison.count,
                    "--threads", arguments.threads, *features])
                evaluation["features"]["name"] = Path(evaluation["features"]["name"]).name
                add(arguments.results, {
                    "recipe": arguments.name if ours else side, "seed": arguments.seed,
                    "asked_minutes": arguments.minutes,
                    "minutes": result["processor_seconds"] / 60 / arguments.threads,
                    "threads": arguments.threads, "cpu": cpu_name(), **result,
                    "evaluation": evaluation})


def table(records):
    """Of one number of minutes, in one feature network."""
    sides = defaultdict(list)
    for record in records:
        sides[record["recipe"]].append(record)
    keys = ["fid", "precision", "recall", "memorised", "duplicates", "period2"]
    keys = [key for key in keys if key in records[0]["evaluation"]["measures"]]
    rows = [["", "seeds", *keys, "images trained on", "images/s of a thread", "peak memory"],
            ["-"] * (len(keys) + 5)]

    def cells(of, side="value"):
        return [f"{statistics.median(measure(record, key, side) for record in of):.3f}"
                for key in keys]

    rows.append(["real training pictures", "", *cells(records, "real"), "", "", ""])
    for name, of in sides.items():
        images = statistics.median(record["images"] for record in of)
        speed = statistics.median(record["images"] / record["processor_seconds"] for record in of)
        memory = statistics.median(record["memory_mb"] for record in of)
        rows.append([name, str(len(of)), *cells(of), f"{images:,.0f}", f"{speed:.1f}",
                     f"{memory:,.0f} MB"])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def report(arguments):
    groups = defaultdict(list)
    for line in arguments.results.open():
        record = json.loads(line)
        groups[record["asked_minutes"], record["threads"],
               record["evaluation"]["features"]["name"]].append(record)
    for (minutes, threads, features), records in sorted(groups.items()):
        print(f"{minutes:g} minutes, threads: {threads}, {features}:\n\n{table(records)}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["train", "report"])
    parser.add_argument("--program", type=Path, default=ROOT / "build/apt/bin/dcgan")
    parser.add_argument("--python", default=sys.executable, help="one that has lightweight-gan")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--data", type=Path, default=ROOT / "data/avatars")
    parser.add_argument("--config", default=ROOT / "configs/avatars.yaml", help="dcgan's")
    parser.add_argument("--set", action="append", default=[], help="a key of dcgan's")
    parser.add_argument("--name", default="dcgan", help="dcgan's name in the table")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", action="append", choices=SIDES)
    parser.add_argument("--features", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    try:
        {"train": train, "report": report}[arguments.job](arguments)
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
