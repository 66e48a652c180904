#!/usr/bin/env python3
"""A finished run, epoch by epoch: the tables and pictures of docs/experiments.md.

    bench/epoch_table.py RUN [--pictures DIR --epochs 1,2,4]

Prints a Markdown table from RUN/metrics.jsonl: epoch, minutes, images a second, losses, D(x) and
D(G(z)), each the mean over the epoch's lines, and the fid where the run was evaluated. With
--pictures it copies the sample grids of the chosen epochs to DIR as <name>-epoch-<N>.png, where
<name> is --name or the run folder's.
"""
import argparse
import json
import shutil
from collections import defaultdict
from pathlib import Path
from statistics import mean


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--epochs", default="")
    parser.add_argument("--name")
    arguments = parser.parse_args()

    if not (arguments.run / "metrics.jsonl").is_file():
        parser.error(f"{arguments.run} is not the folder of a run: it has no metrics.jsonl")
    epochs = defaultdict(list)
    fids = {}
    for line in (arguments.run / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        if "fid" in record:
            fids[record["epoch"]] = f"{record['fid']:.2f}"
        else:
            epochs[record["epoch"]].append(record)

    print("| epoch | minutes | images/s | D's loss | G's loss | D(x) | D(G(z)) | fid |")
    print("|-|-|-|-|-|-|-|-|")
    for epoch, records in sorted(epochs.items()):
        def average(key, records=records):
            return mean(record[key] for record in records)
        print(f"| {epoch} | {records[-1]['seconds'] / 60:.1f} | {average('images_per_second'):.0f} | "
              f"{average('d_loss'):.2f} | {average('g_loss'):.2f} | {average('d_real'):.2f} | "
              f"{average('d_fake'):.2f} | {fids.get(epoch, '')} |")

    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        name = arguments.name or arguments.run.name
        for epoch in (int(word) for word in arguments.epochs.split(",") if word):
            # The epoch's last metrics line may lie before its last step; its grid does not.
            grids = sorted((arguments.run / "samples").glob("[0-9]*.png"))
            source = next(grid for grid in grids if int(grid.stem) >= epochs[epoch][-1]["step"])
            shutil.copyfile(source, arguments.pictures / f"{name}-epoch-{epoch}.png")


if __name__ == "__main__":
    main()
