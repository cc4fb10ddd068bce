#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Can a small network tell two folders of MIDI files apart? See bench/two_sample.py.
#     bench/two_sample.sh A B [--seeds N] [--threads N]
# PyTorch is that of build/venv-all, which "make test-all" uses too; it is created first if it is missing.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
ninja -C "$root/build" --quiet
(cd "$root" && tools/venv.sh build/venv-all tests/requirements-all.txt "about 1 GB (PyTorch's CPU build)") >&2
export SPIRAL_LOSS_LIBRARY="$root/build/libspiral.so" PYTHONPATH="$root/python"
exec "$root/build/venv-all/bin/python" -B "$root/bench/two_sample.py" "$@"
