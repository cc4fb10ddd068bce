#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Trains models/chorales.safetensors again; models/chorales.md describes it. The number of steps is fixed, so that every run with
# the same build on the same kind of processor gives the same bytes. 10 minutes of processor time.
#     SPIRAL_DATA=FOLDER models/train.sh [PROGRAM [OUT]]
# FOLDER/jsb-chorales/midi has train/ and valid/. PROGRAM is build/cli/spiral, OUT models/chorales.safetensors.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program="${1:-$here/../build/cli/spiral}" out="${2:-$here/chorales.safetensors}"
music="${SPIRAL_DATA:-}/jsb-chorales/midi"
for part in train valid; do
    [ -d "$music/$part" ] && continue
    echo "train.sh: nothing was trained: SPIRAL_DATA must name a folder with jsb-chorales/midi/$part in it" >&2
    exit 2
done
exec "$program" train "$music/train" --valid "$music/valid" --preset bar --low 36 --high 83 --hidden 32 --latent 24 \
    --steps 4000 --decoder 96 --decoder-steps 30000 --seed 1 -o "$out"
