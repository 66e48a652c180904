#!/usr/bin/env bash
# Installs the PyPI packages that tests open our files with into build/venv. Where PyPI can't be
# reached those tests are skipped.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

packages=(tensorboard)

say "Installing the tests' packages in build/venv: ${packages[*]}"
venv=$root/build/venv
[ -x "$venv/bin/pip" ] || python3 -m venv --clear "$venv"
"$venv/bin/pip" install -q --progress-bar off "${packages[@]}"
