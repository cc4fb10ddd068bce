#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The Python package, as its users get it: `pip install ./python` into a fresh environment without PyTorch, its tests
# there; then into build/venv-torch (python/requirements-dev.txt, about 900 MB, made once), ruff, mypy and all tests.
# Needs the build in build/ for what is held against the C program. Ends with: python: N passed, N failed
set -u
cd "$(dirname "$0")/.." || exit 1
export SPIRAL_BUILD="$PWD/build"
passed=0 failed=0
fail() { echo "FAILED: $1"; failed=$((failed + 1)); }
check() { name="$1"; shift; if "$@"; then passed=$((passed + 1)); else fail "$name"; fi; }
pip() { venv="$1"; shift; "$venv/bin/pip" install -q --disable-pip-version-check "$@"; }

# Runs the tests with one environment's Python, from a folder where the sources cannot be imported by mistake.
tests() {
    (cd build && "$1/bin/pytest" -q -rs -p no:cacheprovider -W ignore::DeprecationWarning -c ../python/pyproject.toml \
        --rootdir ../python ../python/tests) >build/pytest-python.log 2>&1
    status=$?
    cat build/pytest-python.log
    summary=$(tail -n 1 build/pytest-python.log)
    number() { n=$(echo "$summary" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' | head -n 1); echo "${n:-0}"; }
    bad=$(($(number failed) + $(number error)))
    [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    passed=$((passed + $(number passed))) failed=$((failed + bad))
}

fresh="$PWD/build/venv-fresh" torch="$PWD/build/venv-torch"
echo "the package in a fresh environment, without PyTorch:"
if python3 -m venv --clear "$fresh" && pip "$fresh" ./python && pip "$fresh" pytest; then tests "$fresh"; else fail "pip install ./python"; fi

if ! cmp -s python/requirements-dev.txt "$torch/requirements.txt"; then
    echo "installing PyTorch into build/venv-torch"
    python3 -m venv "$torch" && pip "$torch" -r python/requirements-dev.txt && cp python/requirements-dev.txt "$torch/requirements.txt"
fi
if [ -e "$torch/requirements.txt" ] && pip "$torch" --force-reinstall --no-deps ./python; then
    echo "the package with PyTorch:"
    cd python || exit 1
    check "ruff check" "$torch/bin/ruff" check -q --no-cache .
    check "ruff format" "$torch/bin/ruff" format -q --no-cache --check .
    check "mypy" "$torch/bin/mypy" --no-error-summary --cache-dir ../build/mypy
    cd ..
    tests "$torch"
else
    fail "installing PyTorch and the package into build/venv-torch"
fi
echo "python: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
