#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The same network, data and steps with five losses and several seeds, scored on unseen pieces; the table of
# README.md. Finished runs are kept: an interrupted experiment goes on where it stopped.
#     experiments/001-loss-on-chorales/run.sh PROGRAM FOLDER OUT      FOLDER has train/, valid/ and test/
# SEEDS, STEPS, LOSSES, CODE and THREADS in the environment change what is run.
set -eu
[ $# = 3 ] || { sed -n 's/^# \{4,\}//p' "$0" >&2; exit 2; }
program="$1" folder="$2" out="$3" here=$(dirname "$0")
seeds="${SEEDS:-1 2 3 4 5}" steps="${STEPS:-600}" code="${CODE:-16}"
losses="${LOSSES:-bce weighted_bce spiral energy gauss}"
for part in train valid test; do
    [ -d "$folder/$part" ] || { echo "run.sh: $folder/$part is not a folder" >&2; exit 2; }
done

mkdir -p "$out"
for seed in $seeds; do
    for loss in $losses; do
        run="$out/$loss-$seed-$steps-$code"
        [ -s "$run.json" ] && continue
        "$program" train "$folder/train" --valid "$folder/valid" --preset bar --code "$code" --loss "$loss" \
            --steps "$steps" --seed "$seed" --threads "${THREADS:-0}" -o "$run.safetensors" --quiet --json >"$run.train"
        "$program" eval "$run.safetensors" "$folder/test" --threads "${THREADS:-0}" --quiet --json >"$run.part"
        mv "$run.part" "$run.json"
        rm -f "$run.safetensors"
        echo "done: $loss, seed $seed" >&2
    done
done
LOSSES="$losses" SEEDS="$seeds" python3 "$here/table.py" "$out" "$steps" "$code"
