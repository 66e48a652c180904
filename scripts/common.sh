# shellcheck shell=bash
# What setup.sh, quickstart.sh and test.sh share; sourced, not run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
usage_error() {
  printf '%s: %s\nSee %s --help.\n' "$(basename "$0")" "$*" "$0" >&2
  exit 2
}

# Calls setup.sh with the given arguments and sets `torch` to what it chose: apt or pip.
set_up() {
  "$root/scripts/setup.sh" "$@"
  torch=$(<"$root/build/.torch")
  [ "$torch" != none ] || usage_error "--torch none is for 'pip install .'"
}

# As many compilers as there are cores, and 2 GiB of memory for each: what one of them takes at most.
compile_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 2097152) }' /proc/meminfo)
  [ "${memory:-1}" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# warnings_as_errors TORCH: on Debian with its own LibTorch a warning is an error. Elsewhere another
# compiler, or the headers of another LibTorch, may have more of them, which should not stand between
# a user and a build.
warnings_as_errors() {
  (
    # shellcheck disable=SC1091
    . /etc/os-release
    case "$1:${ID:-}:${VERSION_ID:-}" in
      apt:debian:12 | apt:debian:13) echo ON ;;
      *) echo OFF ;;
    esac
  )
}

# build TORCH [cmake --build arguments]: configures and builds in build/TORCH. Eight of the library's
# files are compiled as one (a unity build): 40 % less time, since each instantiates LibTorch's
# templates.
build() {
  local torch=$1
  shift
  cd "$root" || return
  say "Configuring build/$torch"
  cmake --preset "$torch" -DCMAKE_UNITY_BUILD=ON \
    -DCMAKE_COMPILE_WARNING_AS_ERROR="$(warnings_as_errors "$torch")"
  say "Building in build/$torch (the first time takes some minutes)"
  cmake --build --preset "$torch" -j "$(compile_jobs)" "$@"
}
