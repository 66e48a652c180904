#!/usr/bin/env bash
# Packs BUILD as a Debian package, unpacks it and runs the program from there. With SUITE it also
# installs the package in a fresh Debian of that name (root, mmdebstrap and the network needed).
#   deb_test.sh BUILD [SUITE]
set -euo pipefail
build=$1
suite=${2:-}
for tool in cpack dpkg-deb dpkg-shlibdeps; do
  if ! command -v $tool >/dev/null || [ ! -f "$build/CPackConfig.cmake" ]; then
    echo "skipped: no $tool, or a LibTorch that is not the system's"
    exit 77
  fi
done
die() {
  echo "deb_test.sh: $*" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a user does first, in the folder that it is given to write to.
cat >"$work/use.sh" <<'END'
set -eux
dcgan --version
dcgan train -q --config quick.yaml --out "$1/run" --set data.limit=640 --set train.epochs=1 \
  --set model.base_channels=4 --set train.evaluate_every=0
dcgan sample --ckpt "$1/run/g.pt" -n 4 --out "$1/four.png"
test -s "$1/four.png"
END

if ! cpack --config "$build/CPackConfig.cmake" -B "$work/deb" -G DEB >"$work/log" 2>&1; then
  cat "$work/log"
  die "cpack failed"
fi
package=$(echo "$work"/deb/*.deb)
dpkg-deb --info "$package"
dpkg-deb --field "$package" Depends | grep -q 'libtorch' || die "the package does not need LibTorch"

dpkg-deb -x "$package" "$work/root"
cd "$work/root/usr"
for file in share/doc/dcgan/copyright share/man/man1/dcgan.1.gz share/dcgan/configs/quick.yaml \
  share/bash-completion/completions/dcgan share/zsh/vendor-completions/_dcgan \
  share/fish/vendor_completions.d/dcgan.fish; do
  [ -s $file ] || die "the package has no $file"
done
for program in bin/dcgan lib/dcgan/dcgan-core; do
  ! readelf -d $program | grep -E 'R(UN)?PATH.*/' || die "$program looks for libraries in a folder"
  ! readelf -S $program | grep -F .symtab || die "$program is not stripped"
done
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$package"
fi
PATH=$work/root/usr/bin:$PATH sh "$work/use.sh" "$work"
[ -n "$suite" ] || exit 0

cat >"$work/install.sh" <<'END'
set -eux
apt-get install -y -q man-db /tmp/dcgan_*.deb
sh /tmp/use.sh /tmp
man -w dcgan
dcgan --version | grep openblas-openmp
apt-get remove -y -q dcgan
! command -v dcgan
END
# shellcheck disable=SC2016  # mmdebstrap's shell expands $1, the root.
mmdebstrap --variant=apt --format=null \
  --customize-hook="copy-in $package $work/use.sh $work/install.sh /tmp" \
  --customize-hook='chroot "$1" sh /tmp/install.sh' \
  "$suite" -
