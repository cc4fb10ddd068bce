#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench: builds the library and the benchmarks, installs the libraries to compare with (PyTorch, GeomLoss, POT) into
# build/venv-bench once (about 1 GB), and runs the benchmarks. Arguments go to bench_loss.py. BENCH_PYTHON=<python> names
# another Python to use.
set -eu
cd "$(dirname "$0")/.."
ninja -C build --quiet bench/bench-loss bench/libbench.so
python="${BENCH_PYTHON:-}"
if [ -z "$python" ]; then
    venv=build/venv-bench python="$PWD/build/venv-bench/bin/python"
    if ! cmp -s bench/requirements.txt "$venv/requirements.txt"; then
        echo "installing PyTorch, GeomLoss and POT into $venv"
        python3 -m venv "$venv"
        "$python" -m pip install -q --disable-pip-version-check -r bench/requirements.txt
        cp bench/requirements.txt "$venv/requirements.txt"
    fi
fi
echo "from C, one thread, 512 rolls of 36 x 36, every instruction set:"
build/bench/bench-loss --isa all
build/bench/bench-loss --isa all --kind bce | tail -n +2
build/bench/bench-loss --isa all --kind channel | tail -n +2
exec "$python" -W ignore bench/bench_loss.py build/bench/libbench.so "$@"
