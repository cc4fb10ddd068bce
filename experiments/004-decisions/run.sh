#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Decides which keys sound from the probabilities of autoencoders trained with each loss: by a threshold, by taking the most
# probable keys, and by the lowest expected energy, in reconstructions and in samples. Then prints the tables of README.md and
# draws its picture. Finished runs are kept, so an interrupted experiment can be continued.
#     SPIRAL_DATA=FOLDER experiments/004-decisions/run.sh [PROGRAM [OUT]]
# FOLDER has jsb-chorales/midi, nottingham-gpl3 and piano-midi-de-ccbysa. PROGRAM is build/cli/spiral, OUT build/004-decisions.
# PyTorch is that of build/venv-all, which "make test-all" uses too; it is created first if it is missing. SPIRAL_PYTHON names
# another Python with NumPy and PyTorch. SEEDS, CORPORA, LOSSES and JOBS in the environment change what is run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/experiments/004-decisions"
program="${1:-$root/build/cli/spiral}" out="${2:-$root/build/004-decisions}"
parts="jsb-chorales/midi/train jsb-chorales/midi/valid jsb-chorales/midi/test nottingham-gpl3 piano-midi-de-ccbysa"
# shellcheck source=experiments/setup.sh
. "$root/experiments/setup.sh"
"$python" -B "$here/measure.py" "$program" "$data" "$out"
"$python" -B "$here/table.py" "$out/results.csv" "$out/clashes.svg"
exec "$python" -B "$here/neighbours.py" "$data"
