#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
  -h | --help)
    cat <<'END'
Installs what is needed, builds everything and runs all tests. Exit code 0: all passed.

Usage: scripts/test.sh [--torch apt|pip] [--torch-version V]

The arguments are those of scripts/setup.sh.
END
    exit 0
    ;;
esac

set_up --checks "$@"
build "$torch"
"$root/scripts/test_packages.sh" ||
  say "Some packages of PyPI could not be installed: the tests that need them are skipped"
say "Testing"
exec ctest --preset "$torch" -j 2
