#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The whole program once: text scores -> MIDI -> a trained model -> its likelihood of pieces it has not seen, beside two simple
# models -> three new pieces, a piece continued and a melody harmonized, as MIDI, audio and pictures -> the statistics of the
# new pieces beside those of the scores.
#     tools/demo.sh PROGRAM FOLDER
# The steps are counted, so that a busy machine needs more time but gives the same music. The decoder is best near step 2,000.
# SPIRAL_DEMO_SECONDS: how long to train instead.
set -eu
spiral="$1" out="$2"
title() { printf '\n== %s\n' "$1"; }

rm -rf "$out"
mkdir -p "$out/midi/train" "$out/midi/held_out" "$out/new"
set -- data/scores/*.txt
title "$# text scores of data/scores become MIDI; every eighth is held out"
i=0
for score; do
    i=$((i + 1))
    part=train; [ $((i % 8)) = 0 ] && part=held_out
    "$spiral" render "$score" -o "$out/midi/$part/$(basename "$score" .txt).mid" --quiet
done
"$spiral" inspect "$out/midi" --preset bar

set -- --steps 4000 --decoder-steps 2500
[ -z "${SPIRAL_DEMO_SECONDS:-}" ] || set -- --time "${SPIRAL_DEMO_SECONDS}s"
title "training with the spiral loss: $*"
model="$out/model.safetensors"
"$spiral" train "$out/midi/train" --preset bar --low 36 --high 88 --hidden 128 --latent 32 --seed 1 --valid "$out/midi/held_out" \
    "$@" -o "$model"

title "how well the model reconstructs the held-out pieces, and how likely it finds them"
"$spiral" eval "$model" "$out/midi/held_out"

title "three new pieces, a held-out piece continued, and its melody harmonized"
piece=old-hundredth
sed '/alto\|tenor\|bass/d' "data/scores/$piece.txt" >"$out/melody.txt"
"$spiral" render "$out/melody.txt" -o "$out/melody.mid" --quiet
"$spiral" sample "$model" -n 3 --seed 1 --length 8bars -o "$out/new" --against "$out/midi/train"
"$spiral" continue "$model" "$out/midi/held_out/$piece.mid" --length 8bars -o "$out/new/continued.mid"
"$spiral" harmonize "$model" "$out/melody.mid" -o "$out/new/harmonized.mid"

title "statistics of the new pieces (A) beside those of the scores (B)"
"$spiral" compare "$out"/new/sample-*.mid --with "$out/midi/train" "$out/midi/held_out" | sed '/^$/,$!d; /^Distances/,$d'

for file in "$out"/new/*.mid; do
    "$spiral" render "$file" -o "${file%.mid}.wav" --quiet
done
pictures="no pictures: this build has no cairo"
if "$spiral" render "$out/new/sample-1.mid" -o "$out/new/sample-1.png" --quiet &&
    "$spiral" render "$out/new/harmonized.mid" --against "$out/melody.mid" -o "$out/new/harmonized.png" --quiet; then
    pictures="look at the pictures beside them; in harmonized.png, blue notes are the melody"
fi
printf '\nListen to sample-1.wav, continued.wav and harmonized.wav in %s/new; %s.\n' "$out" "$pictures"
printf 'The model that ships with the program was trained on more music: %s sample, %s continue FILE.mid.\n' "$spiral" "$spiral"
