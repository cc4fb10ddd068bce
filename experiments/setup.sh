# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# For the run.sh of an experiment, which sources this file after setting root (this repository) and parts (folders that
# SPIRAL_DATA must have). Sets data and python, and where Python finds the package and the library.
data="${SPIRAL_DATA:-}"
for part in $parts; do
    [ -d "$data/$part" ] && continue
    echo "run.sh: nothing was run: SPIRAL_DATA must name a folder with $part in it" >&2
    exit 2
done
python="${SPIRAL_PYTHON:-$root/build/venv-all/bin/python}"
[ "${SPIRAL_PYTHON:-}" ] ||
    (cd "$root" && tools/venv.sh build/venv-all tests/requirements-all.txt "about 1 GB (PyTorch's CPU build)") >&2
export SPIRAL_LOSS_LIBRARY="${SPIRAL_LOSS_LIBRARY:-$root/build/libspiral.so}" PYTHONPATH="$root/python"
