#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench-decoder: builds the benchmark, and runs it and PyTorch (from build/venv-all). Arguments go to bench_decoder.py.
# SPIRAL_DATA names a folder with the set jsb-chorales.
set -eu
cd "$(dirname "$0")/.."
music="${SPIRAL_DATA:-}/jsb-chorales/midi/train"
[ -d "$music" ] || { echo "bench-decoder: SPIRAL_DATA must name a folder with jsb-chorales/midi/train in it" >&2; exit 2; }
ninja -C build --quiet bench/bench-decoder
tools/venv.sh build/venv-all tests/requirements-all.txt "about 1 GB (PyTorch's CPU build)"
export PYTHONPATH="$PWD/python" SPIRAL_LOSS_LIBRARY="$PWD/build/libspiral.so"
exec build/venv-all/bin/python bench/bench_decoder.py "$music"/*.mid "$@"
