#!/usr/bin/env bash
# Shell scripts without a finding of shellcheck.
#   check_scripts.sh [SHELLCHECK]
set -euo pipefail
if [ "$#" -eq 0 ] || ! "$1" --version >/dev/null 2>&1; then
  echo "skipped: no shellcheck (scripts/setup.sh --checks)"
  exit 77
fi
{
  echo .ci/run
  find scripts tests bench -name '*.sh'
} | xargs "$1" --external-sources
