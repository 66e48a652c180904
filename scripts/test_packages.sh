#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
  -h | --help)
    cat <<'END'
Installs the Python packages that tests open exported files by (tests/requirements.txt) from PyPI
into build/venv. Without them those tests are skipped.

Usage: scripts/test_packages.sh
END
    exit 0
    ;;
  ?*) usage_error "unknown argument '$1'" ;;
esac

wanted=$root/tests/requirements.txt
venv=$root/build/venv
if cmp -s "$wanted" "$venv/requirements.txt"; then exit 0; fi
say "Installing Python packages for the tests into build/venv"
[ -x "$venv/bin/pip" ] || python3 -m venv --clear "$venv"
"$venv/bin/pip" install --quiet --progress-bar off --retries 1 --timeout 20 -r "$wanted"
cp "$wanted" "$venv/requirements.txt"
