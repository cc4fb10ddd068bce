#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make test-gpu: on a machine with an NVIDIA GPU, PyTorch, Triton, a C compiler, meson and ninja. Builds the core library
# into build/gpu, runs the tests of the Triton kernels on the GPU, then bench/gpu.py. Needs no network; under 2 minutes.
# Logs and gpu.csv go to $OUT, or to build/gpu. GPU_PYTHON=<python> names the Python that has PyTorch.
set -u
cd "$(dirname "$0")/.." || exit 1
python="${GPU_PYTHON:-python3}" out="${OUT:-build/gpu}" status=0
mkdir -p "$out"
[ -e build/gpu/build.ninja ] || meson setup build/gpu -Dprogram=disabled -Dblas=none -Dpictures=disabled \
    -Dfluidsynth=disabled -Dtests=disabled >"$out/build.log" 2>&1
meson compile -C build/gpu spiral >>"$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
export SPIRAL_LOSS_LIBRARY="$PWD/build/gpu/libspiral.so" PYTHONPATH="$PWD/python" PYTHONUNBUFFERED=1
"$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { echo "gpu.sh: no CUDA device: nothing was tested"; exit 1; }

# While the tests run, the kernels for the benchmark are compiled; Triton and PyTorch store them on disk.
timeout 60 "$python" -W ignore bench/gpu.py --compile-only >"$out/compile.log" 2>&1 &
"$python" -c 'import xdist' 2>/dev/null && jobs="-n 12" || jobs=""
# shellcheck disable=SC2086
TORCHINDUCTOR_COMPILE_THREADS=1 timeout 65 "$python" -m pytest -q -rs $jobs -p no:cacheprovider -W ignore \
    -c python/pyproject.toml --rootdir python python/tests/test_triton_*.py python/tests/test_backends.py >"$out/tests.log" 2>&1 || status=1
grep -E '^(FAILED|ERROR|SKIPPED|E  )' "$out/tests.log" | cut -c1-200 | head -n 60
tail -n 1 "$out/tests.log"
wait
timeout 45 "$python" -W ignore bench/gpu.py --csv "$out/gpu.csv" "$@" || status=1
exit $status
