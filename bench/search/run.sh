#!/usr/bin/env bash
set -euo pipefail
# The recipes that were tried for configs/mnist.yaml and configs/quick.yaml: each is trained on one
# thread and scored; a line for each goes to results.jsonl beside this script.
#
#   bench/search/run.sh [PROGRAM]
cd "$(dirname "$0")/../.."
program=${1:-build/apt/bin/dcgan}

try() { # NAME KEY=VALUE...
  local name=$1 settings=()
  shift
  for setting in "$@"; do settings+=(--set "$setting"); done
  bench/quality.py --program "$program" --threads 1 --results bench/search/results.jsonl \
    train bench/search/base.yaml --name "$name" "${settings[@]}"
}

# A minute's worth: two epochs at 32 channels, more where the networks are narrower.
try "2 epochs, w 32, batch 64, lr 1e-3"
try "the same, w 24, 3 epochs" train.epochs=3 model.base_channels=24
try "the same, w 16, 5 epochs" train.epochs=5 model.base_channels=16
try "the same, lr 2e-3" generator.lr=0.002 discriminator.lr=0.002
try "the same, gamma 0.2" train.r1_gamma=0.2
try "the same, batch 32" train.batch_size=32
try "w 16, batch 32, lr 1e-3, 4 epochs" train.epochs=4 model.base_channels=16 train.batch_size=32
try "w 16, batch 32, lr 2e-3, 4 epochs" train.epochs=4 model.base_channels=16 train.batch_size=32 \
  generator.lr=0.002 discriminator.lr=0.002
# Ten minutes' worth.
try "w 32, batch 32, lr 2e-3, 14 epochs" train.epochs=14 train.batch_size=32 \
  generator.lr=0.002 discriminator.lr=0.002
