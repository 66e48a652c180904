#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

usage() {
  cat <<'END'
Installs what building, testing and running dcgan needs, on Debian 12 or 13, or Ubuntu 24.04.

Usage: scripts/setup.sh [--torch apt|pip] [--torch-version V] [--checks]

  --torch apt         LibTorch from the system's packages (CPU only, small)
  --torch pip         LibTorch from the PyPI wheel, in .venv/ (CUDA and CPU, some 5 GB)
  --torch-version V   version of the wheel; default 2.11.0
  --checks            what scripts/test.sh needs, too: clang-format, shellcheck, python3-venv
  --help              this text

Without --torch it takes pip where an NVIDIA GPU is seen, else apt; pip where apt has no LibTorch.
Needs root or sudo only where something is missing. The choice is written to build/.torch.
END
}

common_packages=(
  g++ cmake ninja-build ccache mold
  libcli11-dev libspdlog-dev libfmt-dev libyaml-cpp-dev libstb-dev nlohmann-json3-dev zlib1g-dev
  libpng-dev libjpeg-dev libgif-dev libwebp-dev libcurl4-openssl-dev libarchive-dev libssl-dev
  ca-certificates libgloo-dev libprotozero-dev
  libgtest-dev libgmock-dev python3
)
# python3-torch: the tests open a generator in Python.
apt_packages=(libtorch-dev libopenblas0-openmp python3-torch)
pip_packages=(python3-venv)
# Where a system has none of these, the tests that need them are skipped.
optional_packages=(chromium dataset-fashion-mnist)

# --checks; of clang-format the tests use version 14, which is Debian 12's. python3-venv: for
# scripts/test_packages.sh.
check_packages=(clang-format shellcheck python3-venv)

torch=
torch_version=2.11.0
checks=no
while [ $# -gt 0 ]; do
  case $1 in
    --torch=* | --torch-version=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue
      ;;
    --torch)
      [[ ${2:-} == apt || ${2:-} == pip ]] || usage_error "--torch takes apt or pip, not '${2:-}'"
      torch=$2
      shift 2
      ;;
    --torch-version)
      [[ ${2:-} =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
        usage_error "--torch-version takes a version such as 2.11.0, not '${2:-}'"
      torch_version=$2
      shift 2
      ;;
    --checks)
      checks=yes
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) usage_error "unknown argument '$1'" ;;
  esac
done

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root and there is no sudo. As root, run: $*"
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

updated=no
update_lists() {
  [ $updated = no ] || return 0
  say "Reading the package lists"
  as_root apt-get update -q
  updated=yes
}

# True where apt can install it, as far as the package lists say.
is_listed() {
  local policy
  policy=$(LC_ALL=C apt-cache policy "$1")
  [[ $policy == *"Candidate: "[0-9]* ]]
}

# The same, reading the lists first on a system that has none yet.
is_offered() {
  is_listed g++ || update_lists
  is_listed "$1"
}

install_missing() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  update_lists
  say "Installing: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; }

choose_torch() {
  if [ -n "$torch" ]; then
    [ "$torch" = pip ] || is_offered libtorch-dev ||
      die "this system's packages have no libtorch-dev; use --torch pip"
  elif has_gpu; then
    torch=pip
    say "An NVIDIA GPU is here: LibTorch comes from the PyPI wheel (--torch apt for the CPU only)"
  elif is_offered libtorch-dev; then
    torch=apt
  else
    torch=pip
    say "This system's packages have no libtorch-dev: LibTorch comes from the PyPI wheel"
  fi
}

# OpenBLAS with threads of its own fights LibTorch's OpenMP. Where another package brought it, or
# the reference BLAS, point the system at the OpenMP one.
select_openmp_blas() {
  local name current choices wanted
  while read -r name _ current; do
    case $name in
      libblas.so.3-* | liblapack.so.3-* | libopenblas.so.0-*) ;;
      *) continue ;;
    esac
    [[ $current != */openblas-openmp/* ]] || continue
    choices=$(update-alternatives --list "$name")
    wanted=$(grep /openblas-openmp/ <<<"$choices") || continue
    say "Selecting the OpenMP BLAS: $name -> $wanted"
    as_root update-alternatives --set "$name" "$wanted"
  done < <(update-alternatives --get-selections)
}

install_wheel() {
  local venv=$root/.venv packages
  if ! { [ -f "$venv/torch/version.py" ] &&
    grep -q "^__version__ = '$torch_version\(+.*\)\?'" "$venv/torch/version.py"; }; then
    say "Installing the torch $torch_version wheel into .venv/ (a large download)"
    rm -f "$venv/torch"
    [ -x "$venv/bin/pip" ] || python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --progress-bar off "torch==$torch_version" numpy
    packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    [ -f "$packages/torch/version.py" ] || die "the wheel left no torch in $packages"
    # CMakePresets.json looks for LibTorch here.
    ln -sfn "${packages#"$venv/"}/torch" "$venv/torch"
  fi
}

command -v apt-get >/dev/null ||
  die "this script knows Debian and Ubuntu only; CONTRIBUTING.md lists what to install elsewhere"
choose_torch
optional=()
[ $checks = no ] || optional_packages+=("${check_packages[@]}")
for package in "${optional_packages[@]}"; do
  ! is_offered "$package" || optional+=("$package")
done
if [ "$torch" = apt ]; then
  install_missing "${common_packages[@]}" "${apt_packages[@]}" "${optional[@]}"
  select_openmp_blas
  found=$(dpkg-query -W -f '${Version}' libtorch-dev)
else
  install_missing "${common_packages[@]}" "${pip_packages[@]}" "${optional[@]}"
  install_wheel
  found=$torch_version
fi
mkdir -p "$root/build"
echo "$torch" >"$root/build/.torch"
say "All is there: LibTorch $found from $torch"
