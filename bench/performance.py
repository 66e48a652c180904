#!/usr/bin/env python3
"""The tables of docs/performance.md and README.md, made from what bench/peers.py measured.

    bench/performance.py

Reads bench/results/peers-*.json, one for each LibTorch, and writes each table between the lines
<!-- NAME --> and <!-- /NAME --> of the two documents; <!-- NAME of FOLDER --> is the table of another
machine, whose files are in bench/results/FOLDER. A figure is the median of the rounds; a ratio
the median of the ratios within a round. Only the standard library is needed.
"""
import functools
import json
import re
import statistics
from pathlib import Path

from peers import KEPT, VARIANTS

ROOT = Path(__file__).resolve().parent.parent
SHAPES = [f"{size}x{size}x3 batch {batch}" for size in (32, 64) for batch in (64, 128)]


@functools.cache
def load(folder):
    """LibTorch's version -> section -> what was measured."""
    paths = sorted((ROOT / "bench/results" / folder).glob("peers-*.json"))
    return {path.stem.removeprefix("peers-"): json.loads(path.read_text()) for path in paths}


def table(head, rows):
    lines = [head, ["-"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def values(section, side, key):
    return [result[key] for result in section["sides"][side]]


def median(section, side, key):
    return statistics.median(values(section, side, key))


def ratio(section, one, other, key):
    """one's over other's, round by round."""
    pairs = zip(values(section, one, key), values(section, other, key))
    return statistics.median(a / b for a, b in pairs)


def best(section, key, among, highest=True):
    return (max if highest else min)(among, key=lambda side: median(section, side, key))


def peers(section, kept):
    """The names of Python's variants, with glibc kept from giving memory back or as shipped."""
    return [side for side in section["sides"]
            if side.removesuffix(KEPT) in VARIANTS and side.endswith(KEPT) == kept]


# The rows of the table of aims: each a function of one LibTorch's sections to a text -------------


def over_best(name, kept):
    def cell(sections):
        section = sections[name]
        peer = best(section, "images_per_second", peers(section, kept))
        return f"{ratio(section, 'dcgan', peer, 'images_per_second'):.2f} × {peer.removesuffix(KEPT)}"
    return cell


def epoch(sections):
    return f"{ratio(sections['epoch'], 'textbook', 'dcgan', 'seconds'):.2f} ×"


def peak_memory(sections):
    section = sections["epoch"]
    return (f"{median(section, 'dcgan', 'memory_mb'):.0f} MB against "
            f"{median(section, 'textbook', 'memory_mb'):.0f}")


def share_of_limit(name, limit="limit_ms"):
    return lambda sections: f"{ratio_of(sections[name], limit, 'step_ms'):.0%}"


def ratio_of(section, one, other):
    return statistics.median(r[one] / r[other] for r in section["sides"]["step_limit"])


def train_over_step(sections):
    section = sections["limit"]
    pairs = zip(section["sides"]["dcgan"], section["sides"]["step_limit"])
    return f"{statistics.median(d['images_per_second'] * s['step_ms'] / 64e3 for d, s in pairs):.0%}"


def r1_cost(limit):
    def cell(sections):
        shares = [(r["r1_step_ms"] - r["step_ms"]) / r[limit]
                  for r in sections["limit"]["sides"]["step_limit"]]
        return f"{statistics.median(shares):.2f} ×"
    return cell


def sampling(sections):
    section = sections["sampling"]
    peer = best(section, "loop_seconds", [s for s in section["sides"] if s != "dcgan"], False)
    inside = statistics.median(p["loop_seconds"] / d["seconds"] for p, d in
                               zip(section["sides"][peer], section["sides"]["dcgan"]))
    whole = ratio(section, peer, "dcgan", "seconds")
    return f"{whole:.1f} × {peer}; {inside:.2f} × its loop alone"


def generation(limit):
    return lambda sections: f"{ratio_of(sections['limit'], limit, 'generate_ms'):.0%}"


def start_time(sections):
    return f"1/{ratio(sections['start'], 'PyTorch', 'dcgan', 'seconds'):.1f}"


def start_memory(sections):
    return f"1/{ratio(sections['start'], 'PyTorch', 'dcgan', 'memory_mb'):.1f}"


def load_share(sections):
    return f"{ratio(sections['load'], 'dcgan, busy', 'dcgan', 'images_per_second'):.2f}"


def load_over_python(sections):
    return f"{ratio(sections['load'], 'dcgan, busy', 'fused, busy', 'images_per_second'):.2f} ×"


def one_beside(sections):
    section = sections["load"]
    share = ratio(section, "dcgan, one beside", "dcgan", "images_per_second")
    over = ratio(section, "dcgan, one beside", "fused, one beside", "images_per_second")
    return f"{share:.2f}; {over:.2f} × Python's"


AIMS = [
    ("fp32 training over Python's best as shipped", "1.6 ×", over_best("step", False)),
    ("the same, Python with glibc kept from giving memory back", "1.25 ×", over_best("step", True)),
    ("bf16 training over Python's best under autocast as shipped", "1.7 ×", over_best("bf16", False)),
    ("the same, Python with glibc kept", "1.4 ×", over_best("bf16", True)),
    ("an epoch of MNIST over the textbook C++ loop", "2.5 ×", epoch),
    ("peak memory of that epoch", "not above", peak_memory),
    ("what LibTorch's convolutions alone would take, over the step, fp32", "80 %",
     share_of_limit("limit", "operators_limit_ms")),
    ("what the fastest known take, ours among them, over the step, fp32", "none",
     share_of_limit("limit")),
    ("what LibTorch's convolutions alone would take, over the step, bf16", "75 %",
     share_of_limit("bf16", "operators_limit_ms")),
    ("what the fastest known take, bf16", "none", share_of_limit("bf16")),
    ("`train` over `train_step` on a fixed batch", "97 %", train_over_step),
    ("an R1 step's extra time over that of its convolutions by LibTorch", "1.1 ×",
     r1_cost("r1_operators_limit_ms")),
    ("the same over the fastest known", "none", r1_cost("r1_limit_ms")),
    *[(f"{shape.replace('x', '×')} over Python's best as shipped", "1.4 ×", over_best(shape, False))
      for shape in SHAPES],
    *[(f"{shape.replace('x', '×')}, glibc kept", "1.4 ×", over_best(shape, True))
      for shape in SHAPES],
    ("`sample -n 10000` to a .npy over Python's best", "1.5 ×", sampling),
    ("generation: what LibTorch's convolutions alone would take", "85 %",
     generation("generate_operators_limit_ms")),
    ("the same, the fastest known", "none", generation("generate_limit_ms")),
    ("`sample -n 64`, cold: time against Python's", "1/4", start_time),
    ("`sample -n 64`, cold: memory against Python's", "1/3", start_memory),
    ("beside a busy process for each core: share of the idle speed", "0.4", load_share),
    ("beside them, over Python (fused) beside them", "1 ×", load_over_python),
    ("beside one busy process: share of the idle speed", "none", one_beside),
]


NOT_MEASURED = "not measured"


def measured(cell, sections):
    try:
        return cell(sections)
    except KeyError:
        return NOT_MEASURED


def aims(results):
    """Of one machine; without the rows that no LibTorch has."""
    rows = [[what, asked, *(measured(cell, sections) for sections in results.values())]
            for what, asked, cell in AIMS]
    return table(["", "asked", *(f"LibTorch {version}" for version in results)],
                 [row for row in rows if set(row[2:]) != {NOT_MEASURED}])


def spread(section, side, key):
    found = values(section, side, key)
    return f"{statistics.median(found):.0f} ({min(found):.0f} to {max(found):.0f})"


def step(results):
    rows = []
    for name, precision in (("step", "fp32"), ("bf16", "bf16")):
        for version, sections in results.items():
            section = sections.get(name, {"sides": {}})
            for side in section["sides"]:
                if side == "dcgan":
                    rows.append([precision, f"dcgan, LibTorch {version}"])
                elif side.removesuffix(KEPT) in VARIANTS and sections is next(iter(results.values())):
                    rows.append([precision, f"Python, PyTorch {section['pytorch']}, {side}"])
                else:
                    continue
                rows[-1] += [spread(section, side, "images_per_second"),
                             f"{median(section, side, 'memory_mb'):.0f} MB"]
    return table(["28×28, batch 64", "", "images/s", "peak memory"], rows)


def layers(results):
    """Of one round: what each convolution takes, by its fastest way, and how often a step does it."""
    head = ["layer", "forward", "data", "weight", "times a step", "ms a step"]
    sections = next(iter(results.values()))
    last = sections["limit"]["sides"]["step_limit"][-1]
    rows = []
    for layer in last["layers"]:
        cost = [layer[f"{product}_ms"] for product in ("forward", "data", "weight")]
        rows.append([layer["layer"], *(f"{ms:.2f}" for ms in cost),
                     " / ".join(str(n) for n in layer["times"]),
                     f"{sum(n * ms for n, ms in zip(layer['times'], cost)):.1f}"])
    rows.append(["all", "", "", "", "", f"{last['limit_ms']:.1f}"])
    rows.append(["the step", "", "", "", "", f"{last['step_ms']:.1f}"])
    return table(head, rows)


def curves(results):
    head = ["28×28×1, base_channels 64, batch 64, 2 threads, but"]
    rows = {}
    for version, sections in results.items():
        if "curves" not in sections:
            continue
        head += [f"{version}: images/s", "share of the limit"]
        for name, found in sections["curves"]["sides"].items():
            batch = int(dict(part.split() for part in name.split(", ")).get("batch", 64))
            rows.setdefault(name, [name.replace("base", "base_channels")]).extend(
                [f"{statistics.median(1e3 * batch / r['step_ms'] for r in found):.0f}",
                 f"{statistics.median(r['limit_ms'] / r['step_ms'] for r in found):.0%}"])
    return table(head, rows.values()) if rows else "Not measured yet.\n"


def machine(results):
    section = next(iter(results.values()))["step"]
    return (f"Two threads of a shared machine ({section['cpu']}), the median of {section['rounds']} "
            f"rounds in turns, the lowest and the highest in brackets.\n")


TABLES = {"aims": aims, "step": step, "layers": layers, "curves": curves, "machine": machine}


def fill(text):
    def replace(match):
        marker = match.group(1)
        name, _, folder = marker.partition(" of ")
        return f"<!-- {marker} -->\n{TABLES[name](load(folder))}<!-- /{marker} -->"
    return re.sub(r"<!-- (\w+(?: of \w+)?) -->\n.*?<!-- /\1 -->", replace, text, flags=re.DOTALL)


def main():
    for name in ("docs/performance.md", "README.md"):
        path = ROOT / name
        path.write_text(fill(path.read_text()))


if __name__ == "__main__":
    main()
