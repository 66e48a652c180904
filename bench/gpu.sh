#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

usage() {
  cat <<'END_OF_USAGE'
Tries dcgan on a GPU and measures it beside PyTorch, in eight minutes.

Usage: bench/gpu.sh --pack [FILE]      here: builds against the PyPI wheel and packs program, system
                                       libraries, MNIST and the peers (default build/dcgan-gpu.tar.gz)
       bench/gpu.sh [OPTIONS]          there: on a machine with PyTorch and a driver; options of
                                       bench/gpu.py: --out DIR, --minutes M, --only NAMES

There, `tar xf dcgan-gpu.tar.gz && dcgan-gpu/bench/gpu.sh --out results` needs no compiler, no root
and no network. Its Python (PYTHON, default python3) must have the torch that was packed against
(2.11.0), a libc as new as that of the machine it was packed on, and for torch.compile what that
needs.
END_OF_USAGE
}

# The shared libraries that a program of the bundle needs and a machine may lack: not LibTorch's and
# CUDA's, which PyTorch has, nor the C library's.
system_libraries() {
  ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
    grep -vE '/(torch|nvidia)/|/lib(c|m|dl|rt|pthread|resolv|util|gcc_s|stdc\+\+|gomp)\.so'
}

pack() {
  local bundle folder
  bundle=$(realpath -m "${1:-$root/build/dcgan-gpu.tar.gz}")
  set_up --torch pip
  build "$torch" --target dcgan_program
  folder=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$folder'" EXIT
  cmake --install "$root/build/$torch" --strip --component program \
    --prefix "$folder/dcgan-gpu/program" > /dev/null
  [ -e "$folder/dcgan-gpu/program/lib/dcgan/libdcgan_cuda.so" ] ||
    die "this build has no libdcgan_cuda.so; the wheel in .venv has no CUDA"
  mkdir -p "$folder"/dcgan-gpu/{libraries,bench,scripts}
  system_libraries "$root/build/$torch/lib/dcgan/dcgan-core" |
    xargs -I{} cp -L {} "$folder/dcgan-gpu/libraries/"
  cp "$root"/bench/{gpu.sh,gpu.py,peers.py,pytorch_dcgan.py} "$folder/dcgan-gpu/bench/"
  cp "$root/scripts/common.sh" "$folder/dcgan-gpu/scripts/"
  tar -C "$folder" -czf "$bundle" dcgan-gpu
  say "$bundle: $(du -h "$bundle" | cut -f1)"
}

measure() {
  local python=${PYTHON:-python3} packages
  [ -d "$root/program" ] || usage_error "this is no unpacked bundle; make one with --pack"
  packages=$("$python" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))') || {
    die "$python has no torch; name one that has: PYTHON=/path/to/python $0"
  }
  # libtorch_cuda.so finds NVIDIA's libraries itself; dcgan's own half of CUDA needs the runtime's.
  "$python" "$root/bench/gpu.py" --program "$root/program/bin/dcgan" \
    --libraries "$packages/torch/lib:$(printf '%s:' "$packages"/nvidia/cu*/lib)$root/libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"
}

case ${1:-} in
  -h | --help) usage ;;
  --pack) pack "${@:2}" ;;
  *) measure "$@" ;;
esac
