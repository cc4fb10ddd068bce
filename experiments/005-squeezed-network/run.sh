#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Trains autoencoders whose latent is too small for a bar of a chorale: with cross-entropy, with the spiral loss, and with both,
# for several lambdas and two geometries. Then prints the tables of README.md and draws its picture. Finished runs are kept, so
# an interrupted experiment can be continued.
#     SPIRAL_DATA=FOLDER experiments/005-squeezed-network/run.sh [PROGRAM [OUT]]
# FOLDER/jsb-chorales/midi has train/, valid/ and test/. PROGRAM is build/cli/spiral, OUT build/005-squeezed-network. Needs
# only Python 3. SEEDS and JOBS (trainings at a time, of one thread each) in the environment change what is run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program="${1:-$here/../../build/cli/spiral}" out="${2:-$here/../../build/005-squeezed-network}"
music="${SPIRAL_DATA:-}/jsb-chorales/midi"
for part in train valid test; do
    [ -d "$music/$part" ] && continue
    echo "run.sh: nothing was run: SPIRAL_DATA must name a folder with jsb-chorales/midi/$part in it" >&2
    exit 2
done
mkdir -p "$out"
python3 -B "$here/measure.py" "$program" "$music" "$out"
exec python3 -B "$here/table.py" "$out/results.csv" "$out/frontier.svg"
