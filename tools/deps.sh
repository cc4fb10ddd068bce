#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what a build, the demo or the tests need and this machine lacks. Debian and its relatives only; elsewhere
# it prints what is missing and leaves the rest to you.
#     tools/deps.sh build | demo | test | fuzz | afl | aarch64
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libjansson-dev libopenblas-dev libcairo2-dev"
case "${1:-build}" in
build | demo) wanted="$build" ;;
test) wanted="$build git libcmocka-dev clang-format clang python3-venv python3-dev libfluidsynth-dev timgm6mb-soundfont g++" ;;
fuzz) # libFuzzer comes with the compiler's own version; 14 is Debian 12's
    version=$(clang -dumpversion 2>/dev/null | cut -d . -f 1)
    wanted="$build libcmocka-dev clang libclang-rt-${version:-14}-dev" ;;
afl) wanted="$build libcmocka-dev clang afl++" ;;
aarch64) # a cross-compiler, an emulator, and libraries of that architecture beside this one's
    wanted="meson ninja-build pkg-config gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user libcmocka-dev:arm64 libjansson-dev:arm64" ;;
*) echo "usage: tools/deps.sh build|demo|test|fuzz|afl|aarch64" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    for tool in cc meson ninja pkg-config; do
        command -v "$tool" >/dev/null 2>&1 || { echo "missing: $tool. Needed in all: a C compiler, meson (1.0 or newer), ninja," \
            "pkg-config, jansson; better with OpenBLAS and cairo; tests need cmocka" >&2; exit 1; }
    done
    exit 0
fi

missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
line="$sudo apt-get install -y --no-install-recommends$missing"
echo "installing what is missing:$missing"
if [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; then
    echo "not root and no sudo; as root, run: apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
foreign=true # does nothing
case "$missing" in *:arm64*) foreign="$sudo dpkg --add-architecture arm64" ;; esac
# shellcheck disable=SC2086
if ! { $foreign && $sudo apt-get update -qq && $line; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "that failed; the line was: $line" >&2
    exit 1
fi
rm -f "$log"
