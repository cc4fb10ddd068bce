#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Labels of music that are an octave off: trains a small network that detects notes in spectra, with each loss, each kind of wrong
# labels and several seeds, and scores it on right labels and with another SoundFont. Then prints the tables of README.md and
# draws its picture. Finished runs are kept, so an interrupted experiment can be continued.
#     SPIRAL_DATA=FOLDER experiments/002-wrong-octaves/run.sh [PROGRAM [OUT]]
# FOLDER has jsb-chorales/midi and piano-midi-de-ccbysa. PROGRAM is build/cli/spiral, built with FluidSynth; OUT is
# build/002-wrong-octaves. Debian's packages fluid-soundfont-gm (training) and timgm6mb-soundfont (test) have the SoundFonts.
# PyTorch is that of build/venv-all, which "make test-all" uses too; it is created first if it is missing. SPIRAL_PYTHON names
# another Python with NumPy, PyTorch and Matplotlib. SEEDS, NOISES, LOSSES and JOBS in the environment change what is run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/experiments/002-wrong-octaves"
program="${1:-$root/build/cli/spiral}" out="${2:-$root/build/002-wrong-octaves}"
parts="jsb-chorales/midi/train jsb-chorales/midi/valid jsb-chorales/midi/test piano-midi-de-ccbysa"
# shellcheck source=experiments/setup.sh
. "$root/experiments/setup.sh"
"$python" -B "$here/audio.py" "$program" "$data" "$out"
"$python" -B "$here/measure.py" "$out"
"$python" -B "$here/autoencoder.py" "$program" "$data" "$out"
exec "$python" -B "$here/table.py" "$out/results.csv" "$out/f1.svg"
