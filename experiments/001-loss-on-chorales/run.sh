#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Trains the same network from the same first weights, on the same data and for the same number of steps, with nine losses and
# several seeds, scores each on unseen chorales, and prints the tables of README.md. Finished runs are kept, so an interrupted
# experiment can be continued.
#     SPIRAL_DATA=FOLDER experiments/001-loss-on-chorales/run.sh [PROGRAM [OUT]]
# FOLDER/jsb-chorales/midi has train/, valid/ and test/. PROGRAM is build/cli/spiral, OUT build/chorales.
# SEEDS, STEPS, LATENT (its length) and JOBS (single-threaded runs at a time) in the environment change what is run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program="${1:-$here/../../build/cli/spiral}" out="${2:-$here/../../build/chorales}"
music="${SPIRAL_DATA:-}/jsb-chorales/midi"
steps="${STEPS:-600}" latent="${LATENT:-16}"

for part in train valid test; do
    [ -d "$music/$part" ] && continue
    echo "run.sh: nothing was run: SPIRAL_DATA must name a folder with jsb-chorales/midi/$part in it" >&2
    exit 2
done

flags() { # of `spiral train`, for a loss of the table
    case "$1" in
    bce) echo --loss bce ;;
    spiral) echo --loss spiral ;;
    spiral-4) echo --loss spiral --lambda 4 ;;
    tonnetz) echo --loss spiral --helix tonnetz ;;
    tonnetz-4) echo --loss spiral --helix tonnetz --lambda 4 ;;
    *) echo --loss "$1" ;;
    esac
}

if [ "${ONE:-}" ]; then # one run: ONE="LOSS SEED"
    loss="${ONE% *}" seed="${ONE#* }"
    run="$out/$loss.$seed.$steps.$latent"
    [ -s "$run.json" ] && exit 0
    # shellcheck disable=SC2046
    "$program" train "$music/train" --valid "$music/valid" --preset bar --decoder 0 --latent "$latent" $(flags "$loss") \
        --steps "$steps" --seed "$seed" --threads 1 -o "$run.safetensors" --quiet --json >"$run.train"
    "$program" eval "$run.safetensors" "$music/test" --threads 1 --quiet --json >"$run.part"
    mv "$run.part" "$run.json"
    rm -f "$run.safetensors" "$run.safetensors.state"
    echo "$(find "$out" -name "*.$steps.$latent.json" | wc -l) of $TOTAL runs done: $loss, seed $seed" >&2
    exit 0
fi

mkdir -p "$out"
losses="bce spiral spiral-4 tonnetz tonnetz-4 energy gauss weighted_bce distance_mask"
seeds="${SEEDS:-1 2 3 4 5}"
for seed in $seeds; do for loss in $losses; do echo "$loss $seed"; done; done >"$out/plan"
TOTAL=$(wc -l <"$out/plan") STEPS="$steps" LATENT="$latent"
export TOTAL STEPS LATENT
xargs -P "${JOBS:-2}" -I RUN env ONE=RUN "$0" "$program" "$out" <"$out/plan"
python3 "$here/table.py" "$out/results.csv" "$out" "$steps" "$latent"
