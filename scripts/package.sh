#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
  -h | --help)
    cat <<'END'
Installs what is needed, builds a release and packs it as build/packages/dcgan_*.deb, for the Debian
or Ubuntu that this runs on.

Usage: scripts/package.sh
END
    exit 0
    ;;
esac

set_up --torch apt
build apt --target dcgan_program
cpack --config build/apt/CPackConfig.cmake -G DEB -B build/packages
say "Package: $(echo build/packages/*.deb)"
