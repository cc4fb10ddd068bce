#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The whole program once: text scores -> MIDI -> two trained models, with the spiral loss and with cross-entropy -> their
# metrics on pieces they have not seen -> a reconstructed piece and new pieces, as MIDI, audio and pictures.
#     tools/demo.sh PROGRAM FOLDER
# SPIRAL_DEMO_SECONDS: how long to train (default 40).
set -eu
spiral="$1" out="$2" seconds="${SPIRAL_DEMO_SECONDS:-40}"
title() { printf '\n== %s\n' "$1"; }

rm -rf "$out"
mkdir -p "$out/midi/train" "$out/midi/held_out"
set -- data/scores/*.txt
title "$# text scores of data/scores become MIDI; every eighth is held out"
i=0
for score; do
    i=$((i + 1))
    part=train; [ $((i % 8)) = 0 ] && part=held_out
    "$spiral" render "$score" -o "$out/midi/$part/$(basename "$score" .txt).mid" --quiet
done
"$spiral" inspect "$out/midi" --preset bar

# train NAME FLAG...: a model of the training files.
train() {
    name="$1"
    shift
    "$spiral" train "$out/midi/train" --preset bar --low 36 --high 88 --latent 32 --seed 1 --valid "$out/midi/held_out" \
        -o "$out/$name.safetensors" "$@"
}
title "training with the spiral loss, about $seconds s"
train spiral --loss spiral --time "${seconds}s" --log "$out/spiral.jsonl"
steps=$(tail -n 1 "$out/spiral.jsonl" | sed 's/.*"steps":\([0-9]*\).*/\1/')
title "for comparison: the same number of steps ($steps) with cross-entropy alone"
train bce --loss bce --steps "$steps"

title "how well the two models reconstruct the held-out pieces"
for loss in spiral bce; do
    "$spiral" eval "$out/$loss.safetensors" "$out/midi/held_out" >"$out/$loss.txt"
done
head -n 1 "$out/spiral.txt"
printf '  %-34s %8s   %8s   %s\n' "" "spiral" "bce" "PCA 32"
grep '^  ' "$out/spiral.txt" | tail -n +2 | while IFS= read -r line; do
    name=$(printf '%s' "$line" | cut -c1-36)
    other=$(grep -F -- "$name" "$out/bce.txt" | cut -c37-45)
    printf '%s%s  %s  %s\n' "$name" "$(printf '%s' "$line" | cut -c37-45)" "$other" "$(printf '%s' "$line" | cut -c48-)"
done

title "one of them reconstructed, and three new pieces"
set -- "$out"/midi/held_out/*.mid
piece="$1"
"$spiral" reconstruct "$out/spiral.safetensors" "$piece" -o "$out/reconstruction.mid"
"$spiral" sample "$out/spiral.safetensors" -n 3 --seed 1 --length 8bars -o "$out" --against "$out/midi/train"
for name in reconstruction sample-1 sample-2 sample-3; do
    "$spiral" render "$out/$name.mid" -o "$out/$name.wav"
done
pictures="no pictures: this build has no cairo"
if "$spiral" render "$out/sample-1.mid" -o "$out/sample-1.png" &&
    "$spiral" render "$out/reconstruction.mid" --against "$piece" -o "$out/reconstruction.png"; then
    pictures="look at $out/sample-1.png; in $out/reconstruction.png, blue notes are right"
fi
printf '\nListen to %s/sample-1.wav and %s/reconstruction.wav; %s.\n' "$out" "$out" "$pictures"
