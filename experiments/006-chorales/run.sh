#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Measures everything that README.md says about models/chorales.safetensors. Parts that were measured before are kept, so an
# interrupted run can be continued. The part `two_sample` alone takes many minutes.
#     SPIRAL_DATA=FOLDER experiments/006-chorales/run.sh [MODEL [OUT [PART...]]]
# FOLDER/jsb-chorales/midi has train/, valid/ and test/. MODEL is models/chorales.safetensors, OUT build/006-chorales. The
# parts are the functions measure_... of measure.py; without PART all are run. PyTorch is that of build/venv-all, which "make
# test-all" uses too; it is created first if it is missing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
model="${1:-$root/models/chorales.safetensors}" out="${2:-$root/build/006-chorales}"
if [ $# -lt 2 ]; then shift $#; else shift 2; fi
music="${SPIRAL_DATA:-}/jsb-chorales/midi"
for part in train valid test; do
    [ -d "$music/$part" ] && continue
    echo "run.sh: nothing was run: SPIRAL_DATA must name a folder with jsb-chorales/midi/$part in it" >&2
    exit 2
done
ninja -C "$root/build" --quiet
python="${SPIRAL_PYTHON:-$root/build/venv-all/bin/python}" # SPIRAL_PYTHON: another Python with NumPy and PyTorch
[ "${SPIRAL_PYTHON:-}" ] ||
    (cd "$root" && tools/venv.sh build/venv-all tests/requirements-all.txt "about 1 GB (PyTorch's CPU build)") >&2
export SPIRAL_LOSS_LIBRARY="$root/build/libspiral.so" PYTHONPATH="$root/python"
"$python" -B "$root/experiments/006-chorales/measure.py" "$root" "$model" "$music" "$out" "$@"
exec python3 "$root/experiments/006-chorales/table.py" "$out/results.json"
