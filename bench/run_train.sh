#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench-train: builds the benchmark, and runs it and PyTorch (from build/venv-all). Arguments go to bench_train.py.
# SPIRAL_DATA names a folder with the sets jsb-chorales and piano-midi-de-ccbysa.
set -eu
cd "$(dirname "$0")/.."
for set in jsb-chorales/midi/train piano-midi-de-ccbysa; do
    [ -d "${SPIRAL_DATA:-}/$set" ] || { echo "bench-train: SPIRAL_DATA must name a folder with $set in it" >&2; exit 2; }
done
ninja -C build --quiet bench/bench-train
tools/venv.sh build/venv-all tests/requirements-all.txt "about 1 GB (PyTorch's CPU build)"
export PYTHONPATH="$PWD/python" SPIRAL_LOSS_LIBRARY="$PWD/build/libspiral.so"
exec build/venv-all/bin/python bench/bench_train.py "$SPIRAL_DATA/jsb-chorales/midi/train" "$SPIRAL_DATA/piano-midi-de-ccbysa" "$@"
