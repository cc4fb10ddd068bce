#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Searches bars of chorales by their latents, where voices were moved by octaves, chords inverted, notes ornamented or the bar is
# late, with autoencoders trained with each loss and with linear codes as controls; then prints the tables of README.md and draws
# its picture. Finished runs are kept, so an interrupted experiment can be continued.
#     SPIRAL_DATA=FOLDER experiments/003-latents-and-voicing/run.sh [PROGRAM [OUT]]
# FOLDER has jsb-chorales/midi. PROGRAM is build/cli/spiral, OUT build/003-latents-and-voicing.
# PyTorch comes from build/venv-all, which "make test-all" uses too and which is made first if it is not there; SPIRAL_PYTHON
# names another Python with NumPy and PyTorch. SEEDS and JOBS in the environment change what is run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/experiments/003-latents-and-voicing"
program="${1:-$root/build/cli/spiral}" out="${2:-$root/build/003-latents-and-voicing}"
data="${SPIRAL_DATA:-}"
for part in jsb-chorales/midi/train jsb-chorales/midi/valid jsb-chorales/midi/test; do
    [ -d "$data/$part" ] && continue
    echo "run.sh: nothing was run: SPIRAL_DATA must name a folder with $part in it" >&2
    exit 2
done
python="${SPIRAL_PYTHON:-$root/build/venv-all/bin/python}"
[ "${SPIRAL_PYTHON:-}" ] ||
    (cd "$root" && tools/venv.sh build/venv-all tests/requirements-all.txt "about 1 GB (PyTorch's CPU build)") >&2
export SPIRAL_LOSS_LIBRARY="${SPIRAL_LOSS_LIBRARY:-$root/build/libspiral.so}" PYTHONPATH="$root/python"
"$python" -B "$here/measure.py" "$program" "$data" "$out"
exec "$python" -B "$here/table.py" "$out/results.csv" "$out/joint.svg"
