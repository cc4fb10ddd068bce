#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a Python environment from a requirements file, once; again only if the file changes. Before that it prints what
# it installs and how big it is.
#     tools/venv.sh FOLDER REQUIREMENTS SIZE
# If the requirements have PyTorch, the CPU build is taken where pip's settings offer one; else it says that pip would
# install the CUDA build.
set -eu
venv="$1" requirements="$2" size="$3"
torch=$(sed -n 's/^torch==//p' "$requirements")
cmp -s "$requirements" "$venv/requirements.txt" && exit 0

echo "installing $requirements into $venv, $size, once: $(grep -v '^#' "$requirements" | tr '\n' ' ')"
python3 -m venv --clear "$venv"
pip() { "$venv/bin/pip" --disable-pip-version-check "$@"; }
log="$venv/pip.log"
if [ -n "$torch" ]; then
    plan="$venv/plan.json"
    if pip install -q --dry-run --no-deps "torch==$torch+cpu" >"$log" 2>&1; then
        echo "pip offers PyTorch's CPU build: it is taken"
        pip install -q "torch==$torch+cpu" >"$log" 2>&1
    elif pip install -q --dry-run --report "$plan" "torch==$torch" >"$log" 2>&1 && grep -q '"nvidia[-_]' "$plan"; then
        echo "pip will install PyTorch for CUDA, about 5 GB, because its settings offer no CPU build." \
            "To avoid that, stop this now and set pip's index-url or extra-index-url to PyTorch's CPU index"
    fi
fi
pip install -q -r "$requirements" >"$log" 2>&1 || { tail -n 15 "$log" >&2; echo "pip could not install $requirements" >&2; exit 1; }
cp "$requirements" "$venv/requirements.txt"
