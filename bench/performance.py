#!/usr/bin/env python3
"""The tables of docs/performance.md and README.md, made from what bench/peers.py measured.

    bench/performance.py

Reads bench/results/peers-*.json, one for each LibTorch, and writes each table between the lines
<!-- NAME --> and <!-- /NAME --> of the two documents. <!-- NAME of FOLDER --> is the table of
another machine, whose files are in bench/results/FOLDER. A figure is the median of the rounds; a
ratio is the median of the ratios within a round. Only the standard library is needed.
"""
import functools
import itertools
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
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "-|" * len(head))
    return "\n".join(lines) + "\n"


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
    """The names of PyTorch's variants, with malloc tuned (`kept`) or as shipped."""
    return [side for side in section["sides"]
            if side.removesuffix(KEPT) in VARIANTS and side.endswith(KEPT) == kept]


# The rows of the summary: each a function of one LibTorch's sections to a text -------------------


def over_best(name, kept, named=True):
    """dcgan's images/s over those of the fastest variant of PyTorch, and that variant's name."""
    def cell(sections):
        section = sections[name]
        variant = best(section, "images_per_second", peers(section, kept))
        value = ratio(section, "dcgan", variant, "images_per_second")
        return f"{value:.2f} ×" + (f" {variant.removesuffix(KEPT)}" if named else "")
    return cell


def epoch(sections):
    return f"{ratio(sections['epoch'], 'textbook', 'dcgan', 'seconds'):.2f} ×"


def peak_memory(sections):
    section = sections["epoch"]
    return (f"{median(section, 'dcgan', 'memory_mb'):.0f} MB, "
            f"{median(section, 'textbook', 'memory_mb'):.0f} MB")


def ratio_of(section, one, other):
    return statistics.median(r[one] / r[other] for r in section["sides"]["step_limit"])


def share_of_step(name, limit):
    return lambda sections: f"{ratio_of(sections[name], limit, 'step_ms'):.0%}"


def share_of_generation(limit):
    return lambda sections: f"{ratio_of(sections['limit'], limit, 'generate_ms'):.0%}"


def fastest_sampler(section):
    return best(section, "loop_seconds", [s for s in section["sides"] if s != "dcgan"], False)


def sampling(sections):
    section = sections["sampling"]
    peer = fastest_sampler(section)
    return f"{ratio(section, peer, 'dcgan', 'seconds'):.1f} × {peer.removesuffix(KEPT)}"


def sampling_loop(sections):
    """The loop of PyTorch, without its start, over the whole process of dcgan."""
    section = sections["sampling"]
    pairs = zip(section["sides"][fastest_sampler(section)], section["sides"]["dcgan"])
    return f"{statistics.median(p['loop_seconds'] / d['seconds'] for p, d in pairs):.2f} ×"


def start_time(sections):
    return f"{ratio(sections['start'], 'PyTorch', 'dcgan', 'seconds'):.1f} ×"


def start_memory(sections):
    return f"{ratio(sections['start'], 'PyTorch', 'dcgan', 'memory_mb'):.1f} ×"


def load_ratio(side, other):
    return lambda sections: ratio(sections["load"], side, other, "images_per_second")


def load_over_pytorch(beside):
    found = load_ratio(f"dcgan, {beside}", f"fused, {beside}")
    return lambda sections: f"{found(sections):.2f} ×"


# What, the section it comes from, its cell.
SUMMARY = [
    ("training in fp32: images/s over PyTorch's", "step", over_best("step", False)),
    ("the same, PyTorch with malloc tuned", "step", over_best("step", True)),
    ("training in bf16: images/s over PyTorch's", "bf16", over_best("bf16", False)),
    ("the same, PyTorch with malloc tuned", "bf16", over_best("bf16", True)),
    ("an epoch of MNIST: speed over the C++ loop", "epoch", epoch),
    ("peak memory of that epoch: dcgan, the C++ loop", "epoch", peak_memory),
    ("10,000 samples to a .npy: speed over PyTorch's", "sampling", sampling),
    ("the same, PyTorch without its start", "sampling", sampling_loop),
    ("64 samples, cold start: speed over PyTorch's", "start", start_time),
    ("the same: PyTorch's peak memory over dcgan's", "start", start_memory),
    ("beside one busy process: images/s over PyTorch's", "load", load_over_pytorch("one beside")),
    ("beside a busy process on each core: images/s over PyTorch's", "load",
     load_over_pytorch("busy")),
]

FASTER = "the faster of LibTorch's and dcgan's"
CONVOLUTIONS = [
    ("a step in fp32, LibTorch's operators", "limit", share_of_step("limit", "operators_limit_ms")),
    (f"a step in fp32, {FASTER}", "limit", share_of_step("limit", "limit_ms")),
    ("a step in bf16, LibTorch's operators", "bf16", share_of_step("bf16", "operators_limit_ms")),
    (f"a step in bf16, {FASTER}", "bf16", share_of_step("bf16", "limit_ms")),
    ("generation, LibTorch's operators", "limit",
     share_of_generation("generate_operators_limit_ms")),
    (f"generation, {FASTER}", "limit", share_of_generation("generate_limit_ms")),
]


def rounds(results, name):
    """Of each LibTorch, or once where they are equal."""
    found = [str(sections[name]["rounds"]) for sections in results.values() if name in sections]
    return " / ".join(found[:1] if len(set(found)) == 1 else found)


def measured(cell, sections):
    """Nothing where the section or one of its sides was not measured."""
    try:
        return cell(sections)
    except KeyError:
        return ""


def rows_of(results, rows):
    """One column a LibTorch; without the rows that this machine has no figures of."""
    found = [[what, rounds(results, name), *(measured(cell, s) for s in results.values())]
             for what, name, cell in rows]
    return [row for row in found if any(row[2:])]


def summary(results):
    return table(["", "rounds", *(f"LibTorch {version}" for version in results)],
                 rows_of(results, SUMMARY))


def convolutions(results):
    return table(["convolutions alone, share of the time", "rounds",
                  *(f"LibTorch {version}" for version in results)], rows_of(results, CONVOLUTIONS))


def sizes(results):
    head = ["images, batch", "rounds"]
    for version in results:
        head += [f"LibTorch {version}: images/s", "over PyTorch", "malloc tuned"]
    rows = []
    for shape in SHAPES:
        cells = [rate_of(shape, "dcgan"), over_best(shape, False, False),
                 over_best(shape, True, False)]
        rows.append([shape.replace("x", "×").replace(" batch", ","), rounds(results, shape),
                     *(measured(cell, s) for s in results.values() for cell in cells)])
    return table(head, rows)


def rate_of(name, side):
    return lambda sections: f"{median(sections[name], side, 'images_per_second'):.0f}"


def spread(name, side):
    def cell(sections):
        found = values(sections[name], side, "images_per_second")
        return f"{statistics.median(found):.0f} ({min(found):.0f} to {max(found):.0f})"
    return cell


def memory(name, side):
    return lambda sections: f"{median(sections[name], side, 'memory_mb'):.0f} MB"


def step(results):
    """Images/s of every variant. dcgan tunes malloc itself."""
    head = ["28×28, batch 64, images/s", "fp32", "fp32, malloc tuned", "bf16", "bf16, malloc tuned",
            "peak memory, fp32"]
    rows = []
    for version, sections in results.items():
        rows.append([f"**dcgan**, LibTorch {version}",
                     "", measured(spread("step", "dcgan"), sections),
                     "", measured(spread("bf16", "dcgan"), sections),
                     measured(memory("step", "dcgan"), sections)])
    sections = next(iter(results.values()))
    version = sections["step"]["pytorch"].split("+")[0]
    for variant in VARIANTS:
        rates = [spread(name, variant + kept) for name in ("step", "bf16") for kept in ("", KEPT)]
        rows.append([f"PyTorch {version}, {variant}", *(measured(rate, sections) for rate in rates),
                     measured(memory("step", variant), sections)])
    return table(head, rows)


def curves(results):
    """Images/s relative to batch 64, of the first LibTorch that has them."""
    sides = next(sections["curves"]["sides"] for sections in results.values()
                 if "curves" in sections)

    def rate(name):
        batch = int(dict(part.split() for part in name.split(", ")).get("batch", 64))
        return statistics.median(batch / result["step_ms"] for result in sides[name])
    rows = [[name.replace("base", "base_channels"), f"{rate(name) / rate('batch 64'):.2f}"]
            for name in sides if name != "batch 64"]
    half = (len(rows) + 1) // 2
    return table(["changed", "images/s", "changed", "images/s"],
                 [one + other for one, other in
                  itertools.zip_longest(rows[:half], rows[half:], fillvalue=["", ""])])


def machine(results):
    section = next(iter(results.values()))["step"]
    return (f"Two threads of a shared machine ({section['cpu']}); medians of {section['rounds']} "
            f"rounds in turns,\nin brackets the minimum and the maximum.\n")


TABLES = {"summary": summary, "step": step, "sizes": sizes, "convolutions": convolutions,
          "curves": curves, "machine": machine}


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
