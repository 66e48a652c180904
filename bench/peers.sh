#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

usage() {
  cat <<'END_OF_USAGE'
Compares the speed of dcgan with PyTorch's and makes the tables of docs/performance.md: about an hour
and a half with five rounds. The machine should be idle.

Usage: bench/peers.sh [--torch apt|pip] [options of bench/peers.py: --only, --rounds, --steps,
       --threads, --results]

Installs what is missing (Google Benchmark; PyTorch 2.11, numpy and pillow in build/peers-venv),
builds dcgan with its benchmarks, runs bench/peers.py and bench/performance.py.
END_OF_USAGE
}

torch_arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --torch)
      torch_arguments=(--torch "${2:-}")
      shift 2
      ;;
    *) break ;;
  esac
done

set_up "${torch_arguments[@]}"
if ! dpkg -s libbenchmark-dev python3-venv > /dev/null 2>&1; then
  say "Installing Google Benchmark and venv"
  sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get install -y --no-install-recommends libbenchmark-dev python3-venv
fi
venv=$root/build/peers-venv
if [ ! -x "$venv/bin/python" ]; then
  say "Installing PyTorch for the comparison in build/peers-venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch==2.11.0 numpy pillow
fi
cd "$root"
cmake --preset "$torch" -DDCGAN_BUILD_BENCHMARKS=ON
build "$torch"
python3 bench/peers.py --build "build/$torch" --python "$venv/bin/python" "$@"
python3 bench/performance.py
