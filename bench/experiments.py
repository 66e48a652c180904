#!/usr/bin/env python3
"""Takes the paper's choices away one by one: the tables of docs/experiments.md.

    bench/experiments.py [--program build/apt/bin/dcgan] [--seeds 1,2,3] [--jobs 2] [--only REGEX]
    bench/experiments.py --report

bench/experiments.json lists the experiments, each the baseline with a few keys changed. The first
command trains each once a seed on one thread and adds a line to bench/results/experiments.jsonl,
where it goes on after a stop; it prints what is left and how long that takes. A run is measured
twice by `dcgan evaluate` (5,000 samples): after one epoch, 60,000 images, and after as much
processor time as the baseline takes for that on the same machine, to an eighth of an epoch. The
baseline's time is taken at each start, with as many runs at once as --jobs. Processor time on one
thread is what minutes would be on an idle machine, and depends little on what else runs. --report
writes the tables into docs/experiments.md and needs no program.
"""
import argparse
import concurrent.futures
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = json.loads((ROOT / "bench/experiments.json").read_text())
RESULTS = ROOT / "bench/results/experiments.jsonl"
DOCUMENT = ROOT / "docs/experiments.md"
GRIDS = ROOT / "docs/images/experiments"
BASELINE = TABLE["baseline"]
EXPERIMENTS = {name: changes for group in TABLE["groups"]
               for name, changes in group["experiments"].items()}
BATCH, EPOCHS, STEPS_AN_EPOCH = 64, 1, 937
EIGHTH = STEPS_AN_EPOCH // 8
STEPS = EPOCHS * STEPS_AN_EPOCH
MEASURES = ("fid", "precision", "recall", "modes", "period2")


def run(command):
    """Standard output, standard error and the processor seconds of a command that must succeed."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                   stderr=errors, text=True,
                                   env=os.environ | {"OMP_NUM_THREADS": "1"})
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read()
    return process.returncode, output, text, usage.ru_utime + usage.ru_stime


def train(program, changes, seed, folder, epochs, more=()):
    command = [program, "train", "-q", "--config", ROOT / TABLE["config"], "--out", folder,
               "--threads", 1, "--seed", seed]
    for change in [*TABLE["set"], *changes, "train.evaluate_every=0", f"train.epochs={epochs}",
                   f"train.checkpoint_every={EIGHTH}", "run.keep_checkpoints=1000"]:
        command += ["--set", change]
    return run([*command, *more])


def checkpoint(folder, step):
    """The checkpoint nearest to a step."""
    return min((folder / "checkpoints").glob("[0-9]*.pt"), key=lambda path: abs(
        int(path.stem) - step))


def evaluate(program, path):
    code, output, errors, _ = run([program, "evaluate", "--ckpt", path, "--samples", 5000,
                                   "--threads", 1, "--json"])
    if code != 0:
        sys.exit(errors)
    measures = json.loads(output)["measures"]
    return {"images": int(path.stem) * BATCH} | {
        name: measures[name]["value"] for name in MEASURES if name in measures}


def scores(folder):
    """Mean D(x) and D(G(z)) over the last eighth of an epoch."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    last = [line for line in lines if line["step"] > lines[-1]["step"] - EIGHTH]
    return {key: statistics.mean(line[key] for line in last) for key in ("d_real", "d_fake")}


def network_sizes(folder):
    """Of both networks: parameters and MFLOP an image, from the log's tables."""
    rows = re.findall(r"^.*\btotal +([\d,]+) +([\d.]+)$", (folder / "train.log").read_text(), re.M)
    return {"parameters": sum(int(row[0].replace(",", "")) for row in rows[:2]),
            "mflop": round(sum(float(row[1]) for row in rows[:2]), 2)}


def measure(program, name, seed, baseline_seconds):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        changes = EXPERIMENTS[name]
        code, _, errors, seconds = train(program, changes, seed, folder, EPOCHS)
        result = {"name": name, "seed": seed, "set": changes, "processor_seconds": seconds,
                  "baseline_seconds": baseline_seconds,
                  "warnings": re.findall(r"^warning: (step \d+: .*)$", errors, re.M),
                  **network_sizes(folder)}
        if code != 0:
            return result | {"ended": errors.strip().splitlines()[-1]}
        result |= scores(folder) | {"equal_images": evaluate(program, checkpoint(folder, STEPS))}
        if seed == 1:
            GRIDS.mkdir(parents=True, exist_ok=True)
            run([program, "sample", "--ckpt", checkpoint(folder, STEPS), "-n", 20, "--columns", 10,
                 "--seed", 1, "--threads", 1, "--out", grid_of(name)])
        step = STEPS if name == BASELINE else round(STEPS * baseline_seconds / seconds)
        if step > STEPS:
            code, _, errors, _ = train(program, changes, seed, folder, -(-step // STEPS_AN_EPOCH),
                                       ["--resume"])
            if code != 0:
                return result | {"ended": errors.strip().splitlines()[-1]}
        return result | {"equal_time": evaluate(program, checkpoint(folder, step))}


def grid_of(name):
    words = name.lower().replace("×", "times").replace("/", "over")
    return GRIDS / (re.sub(r"[^a-z0-9]+", "-", words).strip("-") + ".png")


def read_results():
    """Those whose experiment is still in the table as it was."""
    if not RESULTS.exists():
        return []
    lines = [json.loads(line) for line in RESULTS.open()]
    return [line for line in lines if EXPERIMENTS.get(line["name"]) == line["set"]]


def time_baseline(program):
    with tempfile.TemporaryDirectory() as folder:
        code, _, errors, seconds = train(program, EXPERIMENTS[BASELINE], 1, Path(folder) / "run",
                                         EPOCHS)
    if code != 0:
        sys.exit(errors)
    return seconds


def train_all(arguments):
    seeds = [int(word) for word in arguments.seeds.split(",")]
    done = {(line["name"], line["seed"]) for line in read_results()}
    left = [(name, seed) for seed in seeds for name in EXPERIMENTS
            if (name, seed) not in done and re.search(arguments.only, name)]
    print(f"{len(left)} of {len(seeds) * len(EXPERIMENTS)} runs are left", flush=True)

    def add(line):
        with RESULTS.open("a") as file:
            file.write(json.dumps(line) + "\n")
        left.remove((line["name"], line["seed"]))
        minutes = (time.monotonic() - start) / 60
        finished = total - len(left)
        fid = line.get("equal_images", {}).get("fid")
        print(f"{line['name']}, seed {line['seed']}: "
              f"{line['ended'] if fid is None else f'fid {fid:.2f}'}; {len(left)} left, "
              f"about {minutes / finished * len(left):.0f} minutes", flush=True)

    if not left:
        return
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        baseline_seconds = statistics.mean(
            pool.map(time_baseline, [arguments.program] * arguments.jobs))
        start, total = time.monotonic(), len(left)
        for future in concurrent.futures.as_completed(
                [pool.submit(measure, arguments.program, name, seed, baseline_seconds)
                 for name, seed in left]):
            add(future.result())


def spread(values, digits=2):
    """Mean and range."""
    if not values:
        return ""
    text = f"{statistics.mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to " \
                                         f"{max(values):.{digits}f})"


def row(name, runs):
    def values(key, column="equal_images"):
        return [line[column][key] for line in runs if key in line.get(column, {})]

    def mean(numbers, digits=2):
        return f"{statistics.mean(numbers):.{digits}f}" if numbers else ""

    kinds = sorted({re.sub(r"^step \d+: (?:the )?([^:;,]*).*", r"\1", warning)
                    for line in runs for warning in line["warnings"]})
    ended = sum("ended" in line for line in runs)
    speed = [line["baseline_seconds"] / line["processor_seconds"] for line in runs
             if "ended" not in line]
    return [name, spread(values("fid")), spread(values("fid", "equal_time")),
            mean(values("precision"), 3), mean(values("recall"), 3), mean(values("modes"), 1),
            mean(values("period2"), 0),
            mean([line["d_real"] for line in runs if "d_real" in line]),
            mean([line["d_fake"] for line in runs if "d_fake" in line]),
            f"{runs[0]['parameters']:,}", f"{runs[0]['mflop']:.1f}",
            f"{statistics.mean(speed):.2f} ×" if speed else "",
            "; ".join(kinds + [f"{ended} of {len(runs)} ended (NaN)"] * (ended > 0)), str(len(runs))]


HEADINGS = ["", "fid, equal images", "fid, equal time", "precision", "recall", "modes", "period 2",
            "D(x)", "D(G(z))", "parameters", "MFLOP", "speed", "warnings", "seeds"]


def table(group, results):
    rows = []
    pictures = []
    for name in dict.fromkeys([BASELINE, *group["experiments"]]):
        runs = [line for line in results if line["name"] == name]
        if not runs:
            continue
        rows.append(row(name, runs))
        if grid_of(name).exists():
            pictures.append(f"| {name} | ![Samples]({grid_of(name).relative_to(DOCUMENT.parent)}) |")
    lines = ["| " + " | ".join(cells) + " |" for cells in [HEADINGS, ["-"] * len(HEADINGS), *rows]]
    return "\n".join([*lines, "", "| | seed 1, the same 20 latents |", "|-|-|", *pictures])


def report():
    results = sorted(read_results(), key=lambda line: line["seed"])
    text = DOCUMENT.read_text()
    for group in TABLE["groups"]:
        begin, end = f"<!-- table: {group['title']} -->\n", "\n<!-- end -->"
        before, found, rest = text.partition(begin)
        if found:
            text = before + begin + table(group, results) + end + rest.partition(end)[2]
    DOCUMENT.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/apt/bin/dcgan")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", metavar="REGEX", help="experiments by name")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    if arguments.report:
        report()
    else:
        train_all(arguments)


if __name__ == "__main__":
    main()
