#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
  -h | --help)
    cat <<'END'
Installs what is needed, builds a release and trains on MNIST with configs/quick.yaml.

Usage: scripts/quickstart.sh [--torch apt|pip] [--torch-version V]

The arguments are those of scripts/setup.sh.
END
    exit 0
    ;;
esac

set_up "$@"
build "$torch" --target dcgan_program
say "Training: build/$torch/bin/dcgan train --config configs/quick.yaml"
exec "build/$torch/bin/dcgan" train --config configs/quick.yaml
