#!/usr/bin/env bash
set -euo pipefail
# The recipes that were tried for configs/mnist.yaml and configs/quick.yaml: each is trained and
# scored; a line for each run goes to results.jsonl beside this script.
#
#   bench/search/run.sh [PROGRAM]
cd "$(dirname "$0")/../.."
program=${1:-build/apt/bin/dcgan}

measure() { # CONFIG THREADS SEEDS NAME KEY=VALUE...
  local config=$1 threads=$2 seeds=$3 name=$4 settings=()
  shift 4
  for setting in "$@"; do settings+=(--set "$setting"); done
  bench/quality.py --program "$program" --threads "$threads" \
    --results bench/search/results.jsonl \
    train "$config" --seeds "$seeds" --name "$name" "${settings[@]}"
}
try() { measure bench/search/base.yaml 1 1 "$@"; } # NAME KEY=VALUE...
fast() { try "$@" train.batch_size=32 generator.lr=0.002 discriminator.lr=0.002; }

# A minute's worth: two epochs at 32 channels, more where the networks are narrower.
try "2 epochs, w 32, batch 64, lr 1e-3"
try "the same, w 24, 3 epochs" train.epochs=3 model.base_channels=24
try "the same, w 16, 5 epochs" train.epochs=5 model.base_channels=16
try "the same, lr 2e-3" generator.lr=0.002 discriminator.lr=0.002
try "the same, gamma 0.2" train.r1_gamma=0.2
try "the same, batch 32" train.batch_size=32
try "w 16, batch 32, lr 1e-3, 4 epochs" train.epochs=4 model.base_channels=16 train.batch_size=32
fast "w 16, batch 32, lr 2e-3, 4 epochs" train.epochs=4 model.base_channels=16
# Ten minutes' worth.
fast "w 32, batch 32, lr 2e-3, 14 epochs" train.epochs=14

# R1's weight, the latents and modes in them, eight epochs each, w 32.
eight() { fast "8 epochs, $1" train.epochs=8 "${@:2}"; }
eight "gamma 0.03" train.r1_gamma=0.03
eight "gamma 0.1" train.r1_gamma=0.1
eight "gamma 0.3" train.r1_gamma=0.3
eight "gamma 1"
eight "gamma 3" train.r1_gamma=3
eight "32 latents" model.latent_dim=32
eight "20 modes of 100 latents" model.latent_modes=20
eight "40 modes of 56 latents" model.latent_modes=40 model.latent_dim=56
eight "40 modes of 72 latents" model.latent_modes=40 model.latent_dim=72
eight "40 modes of 100 latents" model.latent_modes=40
eight "40 modes of 140 latents" model.latent_modes=40 model.latent_dim=140
eight "40 modes of 140 latents, gamma 0.05" model.latent_modes=40 model.latent_dim=140 \
  train.r1_gamma=0.05
eight "100 modes of 132 latents" model.latent_modes=100 model.latent_dim=132
eight "40 modes of 240 latents" model.latent_modes=40 model.latent_dim=240
eight "20 modes of 200 latents" model.latent_modes=20 model.latent_dim=200
eight "40 modes of 140 latents, gamma 0.02" model.latent_modes=40 model.latent_dim=140 \
  train.r1_gamma=0.02
eight "40 modes of 140 latents, gamma 0.05, D of 64 channels" model.latent_modes=40 \
  model.latent_dim=140 train.r1_gamma=0.05 discriminator.base_channels=64
fast "15 epochs, 40 modes of 140 latents" train.epochs=15 model.latent_modes=40 model.latent_dim=140
mnist() { # NAME KEY=VALUE...
  fast "$1" model.latent_modes=40 model.latent_dim=140 train.r1_gamma=0.05 "${@:2}"
}
mnist "mnist, gamma 0.05" train.epochs=15
mnist "mnist, gamma 0.05, 45 epochs" train.epochs=45
weak() { mnist "8 epochs, 40 modes of 140 latents, gamma 0.05, $1" train.epochs=8 "${@:2}"; }
weak "linear" train.lr_schedule=linear
weak "lr 4e-3" generator.lr=0.004 discriminator.lr=0.004
weak "D with GELU" discriminator.activation=gelu
weak "both with GELU" discriminator.activation=gelu generator.activation=gelu
mnist "8 epochs, 40 modes of 140 latents, gamma 0.1, lr 4e-3, linear" train.epochs=8 \
  train.r1_gamma=0.1 generator.lr=0.004 discriminator.lr=0.004 train.lr_schedule=linear
mnist "8 epochs, 20 modes of 200 latents, gamma 0.05" train.epochs=8 \
  model.latent_modes=20 model.latent_dim=200

# The minute's configuration, on all cores.
quick() { measure bench/search/quick.yaml "$(nproc)" 1,2 "quick, $1" "${@:2}"; }
quick "gamma 0.3" train.r1_gamma=0.3
quick "20 modes of 200 latents" model.latent_modes=20 model.latent_dim=200
quick "10 modes of 100 latents" model.latent_modes=10 model.latent_dim=100

# The same with an epoch more, on one thread.
four() { # SEEDS NAME KEY=VALUE...
  measure bench/search/quick.yaml 1 "$1" "quick, 4 epochs$2" train.epochs=4 "${@:3}"
}
four 1 ""
four 1 ", gamma 0.1" train.r1_gamma=0.1
four 1 ", gamma 0.03" train.r1_gamma=0.03
four 1 ", gamma 0.3, no modes" train.r1_gamma=0.3 model.latent_modes=0 model.latent_dim=100
four 1 ", lr 4e-3" generator.lr=0.004 discriminator.lr=0.004
four 1,2 ", gamma 0.1, lr 4e-3" train.r1_gamma=0.1 generator.lr=0.004 discriminator.lr=0.004
four 1,2 ", gamma 0.3, lr 4e-3" train.r1_gamma=0.3 generator.lr=0.004 discriminator.lr=0.004
four 1 ", gamma 0.3, lr 8e-3" train.r1_gamma=0.3 generator.lr=0.008 discriminator.lr=0.008
four 1 ", beta2 0.99" train.beta2=0.99
four 1 ", batch 16" train.batch_size=16
four 1 ", D of 32 channels" discriminator.base_channels=32

# From the best of these on: gamma 0.1, lr 4e-3.
best() { # EPOCHS SEEDS NAME KEY=VALUE...
  measure bench/search/quick.yaml 1 "$2" "quick, $1 epochs, $3" train.epochs="$1" \
    train.r1_gamma=0.1 generator.lr=0.004 discriminator.lr=0.004 "${@:4}"
}
best 4 1,2 "gamma 0.1, lr 4e-3, linear" train.lr_schedule=linear
best 4 1 "gamma 0.05, lr 4e-3" train.r1_gamma=0.05
best 4 1 "gamma 0.1, lr 4e-3, D's 8e-3" discriminator.lr=0.008
best 4 1 "gamma 0.1, lr 4e-3, D's 2e-3" discriminator.lr=0.002
best 4 1 "gamma 0.1, lr 4e-3, G's 8e-3" generator.lr=0.008
best 4 1 "gamma 0.1, lr 4e-3, R1 every 4th step" train.r1_every=4
best 4 1 "gamma 0.1, lr 4e-3, R1 every 16th step" train.r1_every=16
best 4 1 "gamma 0.1, lr 4e-3, beta1 0" train.beta1=0
best 4 1 "gamma 0.1, lr 4e-3, initial weights N(0, 0.05)" model.init_deviation=0.05
best 4 1 "gamma 0.1, lr 4e-3, minimax loss" train.loss=minimax
best 4 1 "gamma 0.1, lr 4e-3, D with GELU" discriminator.activation=gelu
best 4 1 "gamma 0.1, lr 4e-3, D of 24 channels" discriminator.base_channels=24
best 8 1,2,3 "gamma 0.1, lr 4e-3, D of 24 channels" discriminator.base_channels=24
best 8 1,2 "gamma 0.1, lr 4e-3, D of 24 channels with GELU" discriminator.base_channels=24 \
  discriminator.activation=gelu
best 8 1,2 "gamma 0.1, lr 4e-3, D of 24 channels with GELU, bf16" discriminator.base_channels=24 \
  discriminator.activation=gelu train.precision=bf16
best 10 1 "gamma 0.1, lr 4e-3, linear" train.lr_schedule=linear
best 10 1 "gamma 0.05, lr 4e-3, linear" train.r1_gamma=0.05 train.lr_schedule=linear

# What keeps D from memorising its training images: translations, a stronger R1.
without=(model.classes=0 model.latent_modes=40 model.latent_dim=140)
gelu() {
  measure configs/mnist.yaml 1 1 "8 epochs, 40 modes of 140 latents, $1" train.epochs=8 \
    "${without[@]}" "${@:2}"
}
gelu "gamma 0.05, D with GELU, translation 1" train.translation=1
gelu "gamma 0.05, D with GELU, translation 2" train.translation=2
gelu "gamma 1, D with GELU, translation 2" train.translation=2 train.r1_gamma=1
measure configs/mnist.yaml 1 1 "mnist, gamma 0.2" train.r1_gamma=0.2 "${without[@]}"
few() { # IMAGES EPOCHS NAME KEY=VALUE...
  measure configs/quick.yaml 1 1 "quick on $3" data.limit="$1" train.epochs="$2" \
    train.evaluate_every=$(($2 / 6)) "${without[@]}" "${@:4}"
}
few 2000 240 "2,000 images, 240 epochs"
few 2000 240 "2,000 images, 240 epochs, translation 2" train.translation=2
few 500 960 "500 images, 960 epochs"
few 500 960 "500 images, 960 epochs, translation 2" train.translation=2
few 500 960 "500 images, 960 epochs, gamma 1" train.r1_gamma=1
few 500 960 "500 images, 960 epochs, gamma 1, translation 2" train.r1_gamma=1 train.translation=2
# quick.yaml on few images: R1 and augmentations. As many steps as on all of them.
learn() { # IMAGES NAME KEY=VALUE...
  measure configs/quick.yaml 1 1 "quick, $1 images, $2" data.limit="$1" \
    train.epochs=$((432000 / $1)) train.evaluate_every=0 train.sample_every=5000 \
    train.checkpoint_every=5000 "${@:3}"
}
ada=(train.translation=4 train.cutout=0.5 train.color_jitter=1 train.augment_target=0.6)
learn 100 "gamma 0.1"
learn 100 "gamma 10" train.r1_gamma=10
learn 100 "gamma 10, ADA" train.r1_gamma=10 "${ada[@]}"
learn 500 "gamma 0.1"
learn 500 "gamma 10" train.r1_gamma=10
learn 500 "gamma 4.0, ADA" train.r1_gamma=4.0 "${ada[@]}"
learn 500 "gamma 4.0, DiffAugment" train.r1_gamma=4.0 "${ada[@]}" train.augment_target=0
learn 2000 "gamma 0.1"
learn 2000 "gamma 1.0" train.r1_gamma=1
learn 2000 "gamma 1.0, ADA" train.r1_gamma=1 "${ada[@]}"
learn 10000 "gamma 0.1"
learn 10000 "gamma 0.2, ADA" train.r1_gamma=0.2 "${ada[@]}"

# Until its rates no longer fell, fashion.yaml had these.
falling=(train.epochs=14 train.lr_schedule=cosine train.ema_decay=0.999 generator.lr=0.002
  discriminator.lr=0.002)
measure configs/fashion.yaml 1 1 "fashion, both networks of 64 channels" "${falling[@]}" \
  model.base_channels=64 model.classes=0

# Both networks know the classes.
shipped() { # CONFIG NAME KEY=VALUE...
  measure "configs/$1.yaml" 1 1 "$2" "${@:3}"
}
shipped mnist "8 epochs, 40 modes of 140 latents, gamma 0.05, D with GELU, classes" train.epochs=8 \
  model.latent_modes=40 model.latent_dim=140
shipped mnist "8 epochs, 20 modes of 200 latents, gamma 0.05, D with GELU, classes" train.epochs=8
shipped mnist "mnist, 40 modes of 140 latents, classes" model.latent_modes=40 model.latent_dim=140
shipped quick "quick, 40 modes of 140 latents, classes" model.latent_modes=40 model.latent_dim=140
fashion() { # NAME KEY=VALUE...
  shipped fashion "fashion, classes, $1" "${falling[@]}" "${@:2}"
}
fashion "10 modes of 120 latents" model.latent_modes=10 model.latent_dim=120
fashion "40 modes of 180 latents" model.latent_modes=40 model.latent_dim=180
fashion "gamma 0.2" train.r1_gamma=0.2
fashion "D without BatchNorm, gamma 0.2" train.r1_gamma=0.2 discriminator.norm=none
fashion "constant rate" train.lr_schedule=constant
fashion "G's rate 4e-3" generator.lr=0.004
fashion "constant rate, EMA 0.9995" train.lr_schedule=constant train.ema_decay=0.9995
fashion "G of 64 channels" generator.base_channels=64

# Rates that don't fall.
slow=(generator.lr=0.001 discriminator.lr=0.001)
fashion "rates 1e-3" "${slow[@]}"
fashion "batch 128, 28 epochs" train.batch_size=128 train.epochs=28
fashion "batch 64, constant rate, EMA 0.9995, translation 1, 28 epochs" train.batch_size=64 \
  train.lr_schedule=constant train.ema_decay=0.9995 train.epochs=28 train.translation=1
fashion "rates 1e-3, constant rate, EMA 0.9995, 28 epochs" "${slow[@]}" \
  train.lr_schedule=constant train.ema_decay=0.9995 train.epochs=28
fashion "constant rate, EMA 0.9998, 45 epochs" train.lr_schedule=constant train.ema_decay=0.9998 \
  train.epochs=45
constant() { # NAME EPOCHS KEY=VALUE...
  shipped fashion "$1" train.lr_schedule=constant train.ema_decay=0.9998 "${slow[@]}" \
    train.epochs="$2" "${@:3}"
}
constant "fashion, classes, rates 5e-4, constant rate, EMA 0.9998, 45 epochs" 45 \
  generator.lr=0.0005 discriminator.lr=0.0005
constant "fashion, classes, 20 modes of 400 latents, constant rate 1e-3, EMA 0.9998, 45 epochs" 45 \
  model.latent_dim=400
constant \
  "fashion, both networks of 64 channels, classes, constant rate 1e-3, EMA 0.9998, 22 epochs" 22 \
  model.base_channels=64
constant "fashion, classes, rates 1e-3, constant rate, EMA 0.99995, 45 epochs" 45 \
  train.ema_decay=0.99995
constant "fashion, classes, D's rate 2e-3, G's 1e-3, constant rates, EMA 0.9998, 45 epochs" 45 \
  discriminator.lr=0.002
constant "fashion, classes, D's rate 2e-3, a layer more in D, mismatch 0.25, 33 epochs" 33 \
  discriminator.lr=0.002 discriminator.extra_layers=1 train.class_mismatch=0.25
