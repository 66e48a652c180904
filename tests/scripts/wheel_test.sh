#!/usr/bin/env bash
# `pip install .` in a fresh virtual environment: builds the wheel, installs it, trains with it.
#   wheel_test.sh PYTHON TORCH_ROOT BUILD
# PYTHON has torch, scikit-build-core, numpy and PyYAML; the new environment borrows them, since
# torch is a download of gigabytes. BUILD is kept, so that the next run builds what has changed.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../../scripts/common.sh"
python=$1 torch=$(realpath "$2") build=$3

skip() {
  echo "skipped: $*"
  exit 77
}
found=$("$python" -c 'import os, torch; print(os.path.realpath(os.path.dirname(torch.__file__)))') ||
  skip "$python has no torch"
[ "$found" = "$torch" ] || skip "the torch of $python is not $torch"
"$python" -c 'import ensurepip, numpy, scikit_build_core, yaml' ||
  skip "$python lacks a package (scripts/setup.sh --torch pip installs them)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
packages=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
"$python" -c 'import sys; print(*(path for path in sys.path if "-packages" in path), sep="\n")' \
  >"$packages/borrowed.pth"
# The program looks for LibTorch and CUDA beside its own package.
for package in torch nvidia; do
  [ ! -d "$found/../$package" ] || ln -s "$(dirname "$found")/$package" "$packages/$package"
done
say "pip install ."
CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(compile_jobs)} \
  "$work/venv/bin/pip" install --disable-pip-version-check -q --no-index --no-build-isolation \
  -Cbuild-dir="$build" "$root"

cd "$work"
export PATH=$work/venv/bin:$PATH
say "needs exactly the torch it was built against"
pip show dcgan | grep -x 'Requires: numpy, pyyaml, torch'
python - <<'END'
import importlib.metadata as metadata

version = metadata.version("torch").partition("+")[0]
assert f"torch=={version}" in metadata.requires("dcgan"), metadata.requires("dcgan")
END
say "finds its libraries by relative paths alone"
for file in "$packages"/dcgan/lib/dcgan/*; do
  readelf -d "$file" | grep -E 'R(UN)?PATH'
  ! readelf -d "$file" | grep -E 'R(UN)?PATH.*(\[|:)/' || exit 1
  ! readelf -d "$file" | grep -E 'ORIGIN(/\.\.){4}' || exit 1  # not out of site-packages
  ! ldd "$file" | grep 'not found' || exit 1
done
say "trains, loads, samples"
dcgan --version
dcgan train -q --config smoke.yaml --out run
python - <<'END'
import dcgan
import torch

lines = []
overrides = {"train.epochs": 1}
g = dcgan.load(dcgan.train("smoke.yaml", lines.append, out="other", overrides=overrides))
assert lines and g(torch.randn(4, g.latent_dim)).shape == (4, 1, 28, 28)
print(dcgan.load("run").sample(64, seed=7).shape, dcgan.__file__)
END
