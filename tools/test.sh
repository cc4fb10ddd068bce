#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs steps of the tests. Before each step it prints what it does, how big it is and how long it takes on two idle
# cores; the last line counts all: N passed, N failed, N skipped (skipped counts steps that could not run, with a reason).
#     tools/test.sh STEP...
# make test:      c program python
# make test-all:  these and lint install reliability web oracles torch san
# others:         tsan valgrind aarch64 i386
set -u
cd "$(dirname "$0")/.." || exit 1
export SPIRAL_BUILD="$PWD/build" SPIRAL_SOURCE="$PWD" SPIRAL_PROGRAM="$PWD/build/cli/spiral"
passed=0 failed=0 skipped=0
mkdir -p build

count() { passed=$((passed + $1)) failed=$((failed + $2)); }
fail() { echo "FAILED: $1"; count 0 1; }
# A step that cannot run here. CI has everything, so there it is a failure.
skip() {
    if [ "${CI:-}" = true ]; then fail "$1"; else echo "not run: $1"; skipped=$((skipped + 1)); fi
}
check() { # NAME COMMAND...: one check
    name="$1"
    shift
    if "$@"; then count 1 0; else fail "$name"; fi
}

# run_pytest PYTHON-ENVIRONMENT LOG ARGUMENT...: counts what pytest's last line says. A dot for each test comes at once.
run_pytest() {
    venv="$1" log="$2"
    shift 2
    { "$venv/bin/pytest" -q -rs -p no:cacheprovider "$@" 2>&1; echo $? >"$log.status"; } | tee "$log"
    status=$(cat "$log.status")
    summary=$(tail -n 1 "$log")
    number() { n=$(echo "$summary" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' | head -n 1); echo "${n:-0}"; }
    bad=$(($(number failed) + $(number error)))
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 # pytest itself failed
    count "$(number passed)" "$bad"
}
# The tests of the Python package, from a folder where its sources cannot be imported by mistake.
python_tests() { # PYTHON-ENVIRONMENT
    cd build || exit 1
    run_pytest "$1" "$PWD/pytest-python.log" -W ignore::DeprecationWarning -c ../python/pyproject.toml --rootdir ../python \
        ../python/tests
    cd ..
}
python_environment() { # REQUIREMENTS FOLDER SIZE
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then skip "$step: Python's venv is missing (python3-venv)"; return 1; fi
    tools/venv.sh "$2" "$1" "$3" && return 0
    fail "installing $1"
    return 1
}

# meson_tests FOLDER TIMEOUT-FACTOR SUITES OPTION...: builds and runs C tests; each subtest is a line of the log.
meson_tests() {
    dir="$1" slower="$2" suites="$3"
    shift 3
    for tool in meson ninja; do
        command -v $tool >/dev/null 2>&1 || { skip "$step: $tool is missing; make deps installs it"; return 1; }
    done
    reconfigure=""; [ -d "$dir/meson-private" ] && reconfigure="--reconfigure"
    echo "building in $dir; what the compiler does is in build/test-build.log"
    # shellcheck disable=SC2086
    if ! meson setup "$dir" "$@" $reconfigure >build/test-setup.log 2>&1; then cat build/test-setup.log; fail "meson setup"; return 1; fi
    if ! ninja -C "$dir" >build/test-build.log 2>&1; then cat build/test-build.log; fail "the build"; return 1; fi
    if grep -q "warning:" build/test-build.log; then grep -A3 "warning:" build/test-build.log; fail "the build warns"; fi
    if grep -q 'tests *: no' build/test-setup.log; then skip "$step: cmocka is missing (libcmocka-dev)"; return 1; fi
    rm -f "$dir"/meson-logs/testlog*.txt
    # shellcheck disable=SC2086
    meson test -C "$dir" --no-rebuild --print-errorlogs -t "$slower" $suites
    status=$?
    log=$(echo "$dir"/meson-logs/testlog*.txt) # under a wrapper the name has that of the wrapper
    [ -f "$log" ] || { fail "meson test wrote no log: $log"; return 1; }
    ok=$(grep -c '^ok ' "$log") bad=$(grep -c '^not ok ' "$log")
    [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 # a test that died before it could print "not ok"
    count "$ok" "$bad"
    grep -h '# SKIP' "$log" | sort -u
    return 0
}

# $processor: seconds of processor time of all commands so far, on all cores. A variable, because in a command
# substitution `times` would count only the commands in it.
read_processor_time() {
    times >build/times
    processor=$(tr 'ms' '  ' <build/times | awk 'NR == 2 { printf "%.0f", 60 * ($1 + $3) + $2 + $4 }')
}

# What a step does, how big it is and how long it takes on two idle cores.
about() {
    case "$1" in
    c) echo "C tests: builds everything in build/ and runs them; 1 minute" ;;
    program) echo "program, examples and documents: pytest on build/cli/spiral; 1 minute" ;;
    python) echo "Python package with NumPy: pip install ./python into build/venv, and its tests; half a minute" ;;
    lint) echo "lint: headers, modules, symbols, versions, formatting; 10 seconds" ;;
    install) echo "installing: make install, pkg-config, CMake, pip install -e ./python, API reference; 1 minute" ;;
    reliability) echo "kills, signals, failed allocations, limits, full disks: pytest; 8 minutes, hours with SPIRAL_RELIABILITY=long" ;;
    web) echo "the page in Chromium, and its modules in node: build/venv-web; 5 minutes" ;;
    oracles) echo "comparisons with PyTorch, GeomLoss, SciPy, mir_eval, mido, symusic: build/venv-all; 2 minutes" ;;
    torch) echo "Python package with PyTorch: ruff, mypy and all its tests in build/venv-all; 3 minutes" ;;
    san) echo "C tests under address and undefined-behaviour sanitizers, built in build/san; 4 minutes" ;;
    tsan) echo "C tests under the thread sanitizer, built in build/tsan; 10 minutes" ;;
    valgrind) echo "C tests under valgrind, which finds values that were never set, built in build/valgrind; 12 minutes" ;;
    i386) echo "C tests for 32-bit x86, without pictures, SoundFonts and CBLAS, built in build/i386; 3 minutes" ;;
    aarch64) echo "C tests of core and model for 64-bit ARM, cross-compiled in build/aarch64 and run by qemu; 30 minutes" ;;
    *) return 1 ;;
    esac
}

step_c() { meson_tests build 1 "" && touch build/ready; }

step_program() {
    if [ ! -x "$SPIRAL_PROGRAM" ]; then skip "$step: build/cli/spiral is missing: it needs jansson (libjansson-dev)"; return; fi
    python_environment tests/requirements.txt build/venv "100 MB" || return
    run_pytest build/venv build/pytest.log tests/cli tests/examples
}

step_python() {
    python_environment tests/requirements.txt build/venv "100 MB" || return
    if build/venv/bin/pip install -q --disable-pip-version-check --force-reinstall --no-deps ./python; then
        python_tests "$PWD/build/venv"
    else
        fail "pip install ./python"
    fi
}

step_lint() { check lint tools/lint.sh; }

step_install() {
    python_environment tests/requirements.txt build/venv "100 MB" || return
    run_pytest build/venv build/pytest-install.log tests/install
}

step_reliability() {
    if [ ! -x "$SPIRAL_PROGRAM" ]; then skip "$step: build/cli/spiral is missing: it needs jansson (libjansson-dev)"; return; fi
    python_environment tests/requirements.txt build/venv "100 MB" || return
    run_pytest build/venv build/pytest-reliability.log tests/reliability
}

step_web() {
    for tool in chromium node; do
        command -v $tool >/dev/null 2>&1 || { skip "$step: $tool is missing; make deps FOR=test-all installs it"; return; }
    done
    python_environment tests/web/requirements.txt build/venv-web "150 MB" || return
    # Chromium is sometimes late on a busy machine: a test that fails is run once more, and listed as RERUN.
    run_pytest build/venv-web build/pytest-web.log tests/web --reruns 1 -rsR
}

all_environment() { python_environment tests/requirements-all.txt build/venv-all "about 1 GB (PyTorch's CPU build)"; }

step_oracles() { all_environment && run_pytest build/venv-all build/pytest-oracles.log tests/oracle; }

step_torch() {
    all_environment || return
    if ! build/venv-all/bin/pip install -q --disable-pip-version-check --force-reinstall --no-deps ./python; then
        fail "pip install ./python"
        return
    fi
    cd python || exit 1
    check "ruff check" ../build/venv-all/bin/ruff check -q --no-cache .
    check "ruff format" ../build/venv-all/bin/ruff format -q --no-cache --check .
    check "unused names in other Python files" ../build/venv-all/bin/ruff check -q --no-cache --isolated --select F ..
    check "mypy" ../build/venv-all/bin/mypy --no-error-summary --cache-dir ../build/mypy
    cd ..
    python_tests "$PWD/build/venv-all"
    run_pytest build/venv-all build/pytest-snippet.log tests/examples/test_documents.py -k python_snippet
}

# Leaks of other libraries at exit, and races inside them, are listed in the .supp files.
step_san() {
    export LSAN_OPTIONS="suppressions=$PWD/tools/lsan.supp:print_suppressions=0"
    export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
    meson_tests build/san 1 "" -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
}

step_tsan() {
    export TSAN_OPTIONS="suppressions=$PWD/tools/tsan.supp:ignore_noninstrumented_modules=1"
    meson_tests build/tsan 1 "" -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized
}

step_valgrind() {
    command -v valgrind >/dev/null 2>&1 || { skip "$step: valgrind is missing; make deps FOR=valgrind installs it"; return; }
    echo "left out: the fuzz corpus, which the sanitizers run; simd/vmath, which needs 80 bits of a long double (valgrind computes 64);" \
        "and the tests listed at the end, which need hundreds of training steps, a million notes, long doubles, or real times." \
        "Fused multiply-adds are very slow there: only tests that name an instruction set use them"
    export VALGRIND_OPTS="-q --error-exitcode=99 --leak-check=no --suppressions=$PWD/tools/valgrind.supp"
    meson_tests build/valgrind 4 "--no-suite fuzz --no-suite long-double --wrap=valgrind" -Dbuildtype=debugoptimized \
        -Dc_args=-DSPIRAL_TEST_VALGRIND
}

step_i386() { meson_tests build/i386 2 "" --cross-file tools/i386.ini -Dpictures=disabled -Dfluidsynth=disabled -Dblas=none; }

step_aarch64() {
    suites=""
    for suite in base simd helix loss midi score roll metrics nn model; do suites="$suites --suite $suite"; done
    meson_tests build/aarch64 8 "$suites" --cross-file tools/aarch64.ini -Dpictures=disabled -Dfluidsynth=disabled \
        -Dblas=none || return
    # NEON: the innermost loops of the losses multiply and add whole vectors, and nothing one by one.
    for bits in 32 64; do
        lanes=4s; [ $bits = 32 ] || lanes=2d
        aarch64-linux-gnu-objdump -d --no-show-raw-insn "$dir/src/simd/libsimd-f$bits-baseline.a" >build/aarch64.s
        for loop in toeplitz toeplitz_sparse cell_terms divergence; do
            counts=$(awk -v loop="<$loop>:" -v lanes="v[0-9]+[.]$lanes," '
                / <[a-z0-9_.]+>:$/ { inside = $2 == loop }
                inside && $2 ~ /^(fmla|fmls)$/ && $3 ~ lanes { vector++ }
                inside && $2 ~ /^(fn?madd|fn?msub|fmul|fadd|fsub|fdiv)$/ && $3 ~ /^[sd][0-9]/ { scalar++ }
                END { print vector + 0, scalar + 0 }' build/aarch64.s)
            echo "$loop, f$bits: ${counts% *} fused multiply-adds of $lanes, ${counts#* } scalar operations"
            if [ "${counts% *}" -gt 0 ] && [ "${counts#* }" = 0 ]; then count 1 0; else fail "$loop, f$bits in NEON"; fi
        done
    done
}

[ $# -gt 0 ] || { echo "usage: tools/test.sh STEP...; the steps are in the head of this file" >&2; exit 2; }
for step; do
    about "$step" >/dev/null || { echo "tools/test.sh: no step $step" >&2; exit 2; }
    printf '\n== %s\n' "$(about "$step")"
    read_processor_time
    begin=$(date +%s) processor_begin=$processor
    "step_$step"
    read_processor_time
    echo "($step took $(($(date +%s) - begin)) s, $((processor - processor_begin)) s of processor time)"
done
printf '\n'
if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
