#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the Debian packages that a purpose needs and this machine lacks. Prints what it installs, and how big it is,
# before it does.
#     tools/deps.sh build | test | test-all | fuzz | valgrind | afl | aarch64 | i386
# Where it cannot install (no apt, or neither root nor sudo) it prints what is missing. Exit status 0: nothing is
# missing any more; 1: something still is; 2: no such purpose.
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libjansson-dev libcairo2-dev libpng-dev zlib1g-dev libfluidsynth-dev timgm6mb-soundfont clang lld wasi-libc libclang-rt-dev-wasm32"
test="$build libcmocka-dev python3-venv"
case "${1:-test}" in
build) wanted="$build" ;;
test) wanted="$test" ;;
test-all) wanted="$test cmake git groff-base g++ clang-format python3-dev doxygen zsh fish shellcheck chromium nodejs" ;;
fuzz) # libFuzzer comes with the compiler, under its version; 14 is Debian 12's
    version=$(clang -dumpversion 2>/dev/null | cut -d . -f 1)
    wanted="$test clang libclang-rt-${version:-14}-dev" ;;
valgrind) wanted="$test valgrind" ;;
afl) wanted="$test clang afl++" ;;
aarch64) # a cross compiler, an emulator, and libraries of that architecture beside this one's
    wanted="meson ninja-build pkg-config gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user libcmocka-dev:arm64 libjansson-dev:arm64" ;;
i386) wanted="meson ninja-build pkg-config gcc-i686-linux-gnu libc6-dev-i386-cross libcmocka-dev:i386 libjansson-dev:i386" ;;
*) echo "usage: tools/deps.sh build|test|test-all|fuzz|valgrind|afl|aarch64|i386" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    missing=""
    for tool in cc meson ninja pkg-config; do command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"; done
    [ -z "$missing" ] && exit 0
    echo "missing:$missing. A build needs a C compiler, meson 1.0 or newer, ninja, pkg-config and jansson; optional:" \
        "cairo and FluidSynth; tests need cmocka and Python 3. This machine has no apt: install them yourself" >&2
    exit 1
fi

missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo="" # "sudo " if it is needed
if [ "$(id -u)" != 0 ]; then
    sudo="sudo "
    if ! command -v sudo >/dev/null 2>&1 || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "missing packages; not root and no sudo, so nothing is installed. As root:"
        echo "    apt-get install -y --no-install-recommends$missing"
        exit 1
    fi
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed() {
    tail -n 15 "$log" >&2
    echo "that failed; the command was: $1" >&2
    exit 1
}
for architecture in arm64 i386; do
    # shellcheck disable=SC2086
    case "$missing" in *:$architecture*) $sudo dpkg --add-architecture $architecture ;; esac
done
echo "missing packages:$missing; looking them up with apt, some seconds"
# shellcheck disable=SC2086
$sudo apt-get update -qq >"$log" 2>&1 || tail -n 3 "$log" >&2 # the old lists may be enough
line="${sudo}apt-get install -y --no-install-recommends$missing"
echo "installing them, which takes minutes if they are large: $line"
# shellcheck disable=SC2086
LC_ALL=C apt-get install --no-install-recommends --assume-no $missing 2>/dev/null | grep -E '^(Need to get|After this)' || true
# shellcheck disable=SC2086
$line >"$log" 2>&1 || failed "$line"
