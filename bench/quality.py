#!/usr/bin/env python3
"""Trains configurations and evaluates their samples: the numbers of docs/quality.md.

    bench/quality.py --program build/apt/bin/dcgan train configs/quick.yaml --seeds 1,2,3
    bench/quality.py --program build/apt/bin/dcgan textbook --python .venv/bin/python --minutes 10
    bench/quality.py report

`train` trains a configuration, once a seed, and evaluates its g.pt with `dcgan evaluate` (10,000
samples drawn from that seed, so that the seeds are independent). --set changes a key, --name sets
the name in the table, --keep keeps the runs. `textbook` does the same with the reference
implementation in PyTorch (textbook_dcgan.py), whose images `dcgan evaluate --images` reads. Each run
adds one JSON line to --results (default bench/results/quality.jsonl). `report` prints the results as
a Markdown table, and draws the fid over minutes of the default ones in
docs/images/fid-over-minutes.svg. Only the standard library is needed here.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results/quality.jsonl"
COLORS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#7f7f7f"]


def run(command):
    finished = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                              check=False)
    if finished.returncode != 0:
        sys.exit(f"{command[0]} failed with exit code {finished.returncode}")
    return finished.stdout


def evaluate(program, source, more=()):
    return json.loads(run([program, "evaluate", *source, "--json", *more]))


def measure(record, key, side="value"):
    return record["evaluation"]["measures"][key][side]


def add(results, record):
    """Adds a line to --results, without the paths of this machine."""
    record["evaluation"]["samples"]["source"] = Path(record["evaluation"]["samples"]["source"]).name
    reference = record["evaluation"]["reference"]
    reference["name"] = reference["name"].split(",")[0]
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a") as file:
        file.write(json.dumps(record) + "\n")
    fid = measure(record, "fid")
    print(f"{record['recipe']} seed {record['seed']}: {record['minutes']:.1f} min, fid {fid:.3f}")


def evaluation_share(lines):
    """The share of a run's time that its evaluations take: the seconds between an epoch's last step
    and its evaluation. Only epochs that end with a line of their last step count."""
    times = {line["step"]: line["seconds"] for line in lines if "d_loss" in line}
    taken = [line["seconds"] - times[line["step"]] for line in lines
             if "fid" in line and line["step"] in times]
    epochs = sum("fid" in line for line in lines)
    return statistics.mean(taken) * epochs / lines[-1]["seconds"] if taken else None


def train(arguments):
    changes = [word for change in arguments.set for word in ("--set", change)]
    name = arguments.name or Path(arguments.config).stem
    for seed in arguments.seeds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            out = arguments.keep / f"{name}-{seed}" if arguments.keep else Path(folder) / "run"
            run([arguments.program, "train", "-q", "--config", arguments.config, *changes,
                 "--seed", seed, "--threads", arguments.threads, "--out", out])
            lines = [json.loads(line) for line in (out / "metrics.jsonl").open()]
            add(arguments.results, {
                "recipe": name, "seed": int(seed), "set": arguments.set,
                "config": Path(arguments.config).name, "threads": arguments.threads,
                "minutes": lines[-1]["seconds"] / 60,
                "evaluation_share": evaluation_share(lines),
                "curve": [[line["seconds"] / 60, line["fid"]] for line in lines if "fid" in line],
                "evaluation": evaluate(arguments.program, ["--ckpt", out / "g.pt"], ["--seed", seed])})


def textbook(arguments):
    for seed in arguments.seeds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            images = Path(folder) / "samples.npy"
            output = run([arguments.python, ROOT / "bench/textbook_dcgan.py", "--data",
                          arguments.data, "--minutes", arguments.minutes, "--out", images,
                          "--seed", seed, "--threads", arguments.threads])
            add(arguments.results, {
                "recipe": "textbook loop in Python", "seed": int(seed), "set": [],
                "threads": arguments.threads, "minutes": json.loads(output)["minutes"],
                "curve": [], "evaluation": evaluate(arguments.program, ["--images", images],
                                                    ["--data", arguments.data])})


def describe_share(records):
    shares = [r["evaluation_share"] for r in records if r.get("evaluation_share") is not None]
    return f"{statistics.median(shares):.1%}" if shares else ""


def describe_recipe(name, threads, minutes):
    if name.startswith("textbook"):
        return f"reference implementation, {minutes:.0f} minutes, threads: {threads}"
    return name


def report(arguments):
    recipes = defaultdict(list)
    for line in arguments.results.open():
        record = json.loads(line)
        recipes[record["recipe"], record["threads"]].append(record)
    print("| configuration | seeds | fid | over real images' | precision | recall | confidence | "
          "time in evaluation |")
    print("|-|-|-|-|-|-|-|-|")
    for (name, threads), records in recipes.items():
        def median(key, side="value", records=records):
            return statistics.median(measure(record, key, side) for record in records)
        minutes = statistics.median(record["minutes"] for record in records)
        fids = [measure(record, "fid") for record in records]
        spread = f" ({min(fids):.2f} to {max(fids):.2f})" if len(fids) > 1 else ""
        print(f"| {describe_recipe(name, threads, minutes)} | {len(records)} | "
              f"{statistics.median(fids):.2f}{spread} | "
              f"{statistics.median(fids) / median('fid', 'real'):.1f} × | "
              f"{median('precision'):.3f} | {median('recall'):.3f} | "
              f"{median('confidence'):.3f} | {describe_share(records)} |")
    # The shipped ones, whose names are single words; variants would hide them.
    curves = {name: records[0]["curve"] for (name, _), records in recipes.items()
              if len(records[0]["curve"]) > 1 and " " not in name}
    assert len(curves) <= len(COLORS)
    if curves and arguments.results == RESULTS:
        (ROOT / "docs/images/fid-over-minutes.svg").write_text(draw(curves))


def draw(curves):
    """Fid, on a logarithmic axis, against minutes, one line a recipe."""
    width, height, left, bottom = 640, 360, 56, 40
    xs = [x for curve in curves.values() for x, _ in curve]
    ys = [y for curve in curves.values() for _, y in curve]
    low, high = math.floor(math.log10(min(ys)) * 4) / 4, math.ceil(math.log10(max(ys)) * 4) / 4

    def place(x, y):
        return (left + x / max(xs) * (width - left - 150),
                height - bottom - (math.log10(y) - low) / (high - low) * (height - bottom - 20))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for y in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200):
        if low <= math.log10(y) <= high:
            x0, y0 = place(0, y)
            x1, _ = place(max(xs), y)
            parts.append(f'<line x1="{x0}" y1="{y0:.1f}" x2="{x1}" y2="{y0:.1f}" stroke="#ddd"/>'
                         f'<text x="{x0 - 6}" y="{y0 + 4:.1f}" text-anchor="end">{y:g}</text>')
    for x in range(0, math.ceil(max(xs)) + 1, max(1, round(max(xs) / 8))):
        if x <= max(xs):
            x0, _ = place(x, 10 ** low)
            parts.append(f'<text x="{x0:.1f}" y="{height - bottom + 18}" '
                         f'text-anchor="middle">{x}</text>')
    parts.append(f'<text x="{(width - 100) / 2}" y="{height - 6}" text-anchor="middle">minutes'
                 '</text><text x="8" y="14">fid of 2,000 samples</text>')
    for color, (name, curve) in zip(COLORS, curves.items()):
        points = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in curve)
        x, y = place(*curve[-1])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'
                     f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" fill="{color}">{name}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/apt/bin/dcgan")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    jobs = parser.add_subparsers(required=True)
    job = jobs.add_parser("train")
    job.add_argument("config")
    job.add_argument("--seeds", default="1")
    job.add_argument("--set", action="append", default=[])
    job.add_argument("--name")
    job.add_argument("--keep", type=Path, help="folder in which to keep the runs")
    job.set_defaults(run=train)
    job = jobs.add_parser("textbook")
    job.add_argument("--python", required=True)
    job.add_argument("--minutes", type=float, required=True)
    job.add_argument("--data", type=Path, default=ROOT / "data/mnist")
    job.add_argument("--seeds", default="1")
    job.set_defaults(run=textbook)
    job = jobs.add_parser("report")
    job.set_defaults(run=report)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
