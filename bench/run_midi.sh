#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench-midi: builds the library and the benchmark, installs the libraries to compare with into
# build/venv-bench-midi, and runs the benchmark. Arguments go to bench_midi.py. SPIRAL_DATA names a folder with the set piano-midi-de-ccbysa.
set -eu
cd "$(dirname "$0")/.."
ninja -C build --quiet bench/libbench-midi.so
venv=build/venv-bench-midi
if ! cmp -s bench/requirements-midi.txt "$venv/requirements.txt"; then
    echo "installing symusic and mido into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r bench/requirements-midi.txt
    cp bench/requirements-midi.txt "$venv/requirements.txt"
fi
exec "$venv/bin/python" bench/bench_midi.py build/bench/libbench-midi.so "$@"
