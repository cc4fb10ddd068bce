#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The whole way once: text scores -> MIDI -> two trained models, with the spiral loss and with plain cross-entropy
# -> their scores -> a piece taken through the code and back, and new music, to hear and to look at.
#     tools/demo.sh PROGRAM FOLDER
set -eu
spiral="$1" out="$2" seconds="${SPIRAL_DEMO_SECONDS:-40}"
say() { printf '\n== %s\n' "$1"; }

rm -rf "$out"
mkdir -p "$out/midi/train" "$out/midi/held_out"
say "$(ls data/scores/*.txt | wc -l) pieces, typed as text in data/scores, become MIDI; every eighth is held out"
i=0
for score in data/scores/*.txt; do
    i=$((i + 1))
    part=train; [ $((i % 8)) = 0 ] && part=held_out
    "$spiral" render "$score" -o "$out/midi/$part/$(basename "$score" .txt).mid" --quiet --json >/dev/null
done
"$spiral" inspect "$out/midi" --preset bar

common="--preset bar --low 36 --high 88 --code 32 --seed 1 --valid $out/midi/held_out"
say "training with the spiral loss, $seconds s"
"$spiral" train "$out/midi/train" $common --loss spiral --time "${seconds}s" -o "$out/spiral.safetensors" --log "$out/spiral.jsonl"
steps=$(tail -n 1 "$out/spiral.jsonl" | sed 's/.*"steps":\([0-9]*\).*/\1/')
say "the same $steps steps with plain cross-entropy, to compare"
"$spiral" train "$out/midi/train" $common --loss bce --steps "$steps" -o "$out/bce.safetensors"

say "the held-out pieces through the code and back"
for loss in spiral bce; do
    "$spiral" eval "$out/$loss.safetensors" "$out/midi/held_out" >"$out/$loss.txt"
done
sed -n '1p' "$out/spiral.txt"
printf '  %-34s %8s   %8s   %s\n' "" "spiral" "bce" "PCA 32"
sed -n '3,$p' "$out/spiral.txt" | while IFS= read -r line; do
    name=$(printf '%s' "$line" | cut -c1-36)
    case "$name" in '  '*) ;; *) continue ;; esac
    other=$(grep -F -- "$name" "$out/bce.txt" | cut -c37-45)
    printf '%s%s  %s  %s\n' "$name" "$(printf '%s' "$line" | cut -c37-45)" "$other" "$(printf '%s' "$line" | cut -c48-)"
done

say "one of them reconstructed, and three new pieces"
piece=$(ls "$out"/midi/held_out/*.mid | head -n 1)
"$spiral" reconstruct "$out/spiral.safetensors" "$piece" -o "$out/reconstruction.mid"
"$spiral" sample "$out/spiral.safetensors" -n 3 --seed 1 --length 8bars -o "$out" --against "$out/midi/train"
for piece_out in reconstruction sample-1 sample-2 sample-3; do
    "$spiral" render "$out/$piece_out.mid" -o "$out/$piece_out.wav"
done
if "$spiral" render "$out/sample-1.mid" -o "$out/sample-1.png" &&
    "$spiral" render "$out/reconstruction.mid" --against "$piece" -o "$out/reconstruction.png"; then :; else
    echo "(no pictures: this build has no cairo)"
fi
printf '\nListen to %s/sample-1.wav, look at %s/sample-1.png; in %s/reconstruction.png blue is right.\n' "$out" "$out" "$out"
