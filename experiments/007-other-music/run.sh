#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Trains small models of folk tunes and of piano music and measures them with the same commands as the chorale model; prints the
# tables of README.md and draws its picture. Parts that were measured before are kept, so an interrupted run can be continued.
# About 10 minutes of processor time.
#     SPIRAL_DATA=FOLDER experiments/007-other-music/run.sh [OUT [PART...]]
# FOLDER has nottingham-gpl3/ and piano-midi-de-ccbysa/. OUT is build/007-other-music; the parts are nottingham, piano and
# seconds; without PART all are run. SPIRAL_PYTHON: another Python with NumPy than that of build/venv-all.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
parts="nottingham-gpl3 piano-midi-de-ccbysa"
. "$root/experiments/setup.sh"
out="${1:-$root/build/007-other-music}"
[ $# -eq 0 ] || shift
ninja -C "$root/build" --quiet
"$python" -B "$root/experiments/007-other-music/measure.py" "$root" "$data" "$out" "$@"
exec "$python" -B "$root/experiments/007-other-music/table.py" "$out/results.json" "$out/rolls.svg"
