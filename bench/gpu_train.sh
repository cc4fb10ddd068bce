#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Speed of python -m spiral_loss.train on an NVIDIA GPU, in under 4 minutes: windows/s and frames/s of both networks, and the
# share of the loss. The machine with the GPU needs only PyTorch: the C libraries are built and collected before,
#
#     bench/gpu_train.sh --prepare         here: build/gpu-train gets the libraries and a corpus pack (2 MB)
#     bench/gpu_train.sh                   there, with a copy of build/gpu-train
#
# The table goes to $OUT/gpu-train.csv, or to build/gpu-train. GPU_PYTHON=<python> names the Python that has PyTorch.
set -eu
cd "$(dirname "$0")/.."
folder=build/gpu-train
if [ "${1:-}" = --prepare ]; then
    rm -rf "$folder"
    mkdir -p "$folder/music"
    [ -x build/cli/spiral ] || { echo "gpu_train.sh: build/cli/spiral is missing: make"; exit 1; }
    libraries=build/gpu-train-libraries
    [ -e "$libraries/build.ninja" ] || meson setup "$libraries" -Dpictures=disabled -Dfluidsynth=disabled -Dtests=disabled \
        -Dpage=disabled >/dev/null
    meson compile -C "$libraries" spiral:shared_library spiral-net:shared_library >/dev/null
    for score in data/scores/*.txt; do
        name=$(basename "$score" .txt)
        build/cli/spiral render "$score" -o "$folder/music/$name.mid" --quiet
    done
    build/cli/spiral pack "$folder/music" -o "$folder/corpus.pack"
    rm -r "$folder/music"
    cp "$libraries/libspiral.so" "$folder/libspiral.so.0"
    cp "$libraries/libspiral-net.so" "$folder/libspiral-net.so.0"
    # libspiral-net's own libraries but for those of every system
    ldd "$libraries/libspiral-net.so" | awk '$3 ~ /^\// && $1 !~ /^(libspiral|libc|libm|libpthread|libdl|librt|ld-linux)[.-]/ { print $3 }' |
        while read -r library; do cp -L "$library" "$folder/"; done
    du -sh "$folder"
    exit 0
fi
[ -e "$folder/corpus.pack" ] || { echo "gpu_train.sh: $folder is missing: make it with --prepare"; exit 1; }
out="${OUT:-$folder}" python="${GPU_PYTHON:-python3}"
export SPIRAL_LOSS_LIBRARY="$PWD/$folder/libspiral.so.0" PYTHONPATH="$PWD/python" LD_LIBRARY_PATH="$PWD/$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { echo "gpu_train.sh: no CUDA device: nothing was measured"; exit 1; }
timeout 225 "$python" -W ignore bench/train_torch.py "$folder/corpus.pack" --seconds 1.5 --csv "$out/gpu-train.csv"
