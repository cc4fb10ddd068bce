#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Changes bars of chorales (voices moved by octaves, chords inverted, notes ornamented, the bar delayed) and searches for the
# original bar by distance, in the latents of autoencoders trained with each loss and in linear projections as controls. Then prints
# the tables of README.md and draws its picture. Finished runs are kept, so an interrupted experiment can be continued.
#     SPIRAL_DATA=FOLDER experiments/003-latents-and-voicing/run.sh [PROGRAM [OUT]]
# FOLDER has jsb-chorales/midi. PROGRAM is build/cli/spiral, OUT build/003-latents-and-voicing.
# PyTorch is that of build/venv-all, which "make test-all" uses too; it is created first if it is missing. SPIRAL_PYTHON names
# another Python with NumPy and PyTorch. SEEDS and JOBS in the environment change what is run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/experiments/003-latents-and-voicing"
program="${1:-$root/build/cli/spiral}" out="${2:-$root/build/003-latents-and-voicing}"
parts="jsb-chorales/midi/train jsb-chorales/midi/valid jsb-chorales/midi/test"
# shellcheck source=experiments/setup.sh
. "$root/experiments/setup.sh"
"$python" -B "$here/measure.py" "$program" "$data" "$out"
exec "$python" -B "$here/table.py" "$out/results.csv" "$out/joint.svg"
