#!/usr/bin/env bash
# Every source is formatted as .clang-format says. Versions differ, so only 14 counts.
#   check_format.sh [CLANG_FORMAT]
set -euo pipefail
if [ "$#" -eq 0 ] || ! "$1" --version 2>/dev/null | grep -q 'version 14\.'; then
  echo "skipped: no clang-format 14 (scripts/setup.sh --checks on Debian 12)"
  exit 77
fi
find src include tests bench examples \( -name '*.cpp' -o -name '*.h' \) -print0 |
  xargs -0 "$1" --dry-run --Werror
