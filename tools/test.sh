#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds and runs the tests of a flavour and ends with one line: N passed, N failed.
#     tools/test.sh [release | san | tsan | aarch64]
# release: C tests, lint, the tests against other people's libraries (Python, in build/venv), the program's tests, and
# the Python package's (tools/test_python.sh).
# san, tsan: the C tests under address and undefined-behaviour, or thread sanitizer.
# aarch64: everything but pictures and SoundFonts cross-compiled, the C tests of the core and the model run by qemu, and
# whether the compiler made vector code of the losses' loops.
set -u
cd "$(dirname "$0")/.." || exit 1
flavour="${1:-release}"
slower=1 suites=""
case "$flavour" in
release) dir=build options="" ;;
san) dir=build/san options="-Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized" ;;
tsan) dir=build/tsan options="-Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized" ;;
aarch64)
    dir=build/aarch64 options="--cross-file tools/aarch64.ini -Dpictures=disabled -Dfluidsynth=disabled -Dblas=none"
    slower=8 suites="--suite base --suite kern --suite loss --suite music --suite measure --suite model" ;;
*) echo "usage: tools/test.sh [release|san|tsan|aarch64]" >&2; exit 2 ;;
esac
# What others' libraries leak on exit is not ours to mend.
export LSAN_OPTIONS="suppressions=$PWD/tools/lsan.supp:print_suppressions=0"
export TSAN_OPTIONS="suppressions=$PWD/tools/tsan.supp:ignore_noninstrumented_modules=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"

passed=0 failed=0
count() { passed=$((passed + $1)); failed=$((failed + $2)); }
fail() { echo "FAILED: $1"; count 0 1; }

mkdir -p build
reconfigure=""; [ -d "$dir/meson-private" ] && reconfigure="--reconfigure"
# shellcheck disable=SC2086
if ! meson setup "$dir" $options $reconfigure >build/test-setup.log 2>&1; then
    cat build/test-setup.log; fail "meson setup"; echo "$passed passed, $failed failed"; exit 1
fi
if ! ninja -C "$dir" >build/test-build.log 2>&1; then
    cat build/test-build.log; fail "the build"; echo "$passed passed, $failed failed"; exit 1
fi
if grep -q "warning:" build/test-build.log; then grep -A3 "warning:" build/test-build.log; fail "the build warns"; fi
[ "$flavour" = release ] && touch build/ready

# C tests: every subtest is an "ok" or "not ok" line of the log.
# shellcheck disable=SC2086
meson test -C "$dir" --no-rebuild --print-errorlogs -t $slower $suites
status=$?
log="$dir/meson-logs/testlog.txt"
ok=$(grep -c '^ok ' "$log"); bad=$(grep -c '^not ok ' "$log")
[ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 # a test that died before it could say so
count "$ok" "$bad"
grep -h '# SKIP' "$log" | sort -u

if [ "$flavour" = release ]; then
    if tools/lint.sh; then count 1 0; else fail "lint"; fi
    venv="$PWD/build/venv"
    if [ ! -x "$venv/bin/pytest" ] || ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
        if python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r tests/requirements.txt; then
            cp tests/requirements.txt "$venv/requirements.txt"
        else
            fail "installing tests/requirements.txt"
        fi
    fi
    SPIRAL_BUILD="$PWD/build" SPIRAL_SOURCE="$PWD" SPIRAL_PROGRAM="$PWD/build/cli/spiral" \
        "$venv/bin/pytest" -q -rs -p no:cacheprovider tests >build/pytest.log 2>&1
    status=$?
    cat build/pytest.log
    summary=$(tail -n 1 build/pytest.log)
    number() { n=$(echo "$summary" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' | head -n 1); echo "${n:-0}"; }
    bad=$(($(number failed) + $(number error)))
    [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    count "$(number passed)" "$bad"
    tools/test_python.sh 2>&1 | tee build/test-python.log
    summary=$(tail -n 1 build/test-python.log)
    case "$summary" in
    "python: "*) count "$(number passed)" "$(number failed)" ;;
    *) fail "tools/test_python.sh" ;;
    esac
fi

# NEON: the losses' innermost functions multiply and add four floats or two doubles at a time, and nothing one by one.
if [ "$flavour" = aarch64 ]; then
    aarch64-linux-gnu-objdump -d --no-show-raw-insn "$dir/src/simd/libsimd-baseline.a" >build/aarch64.s
    for loop in toeplitz_f32 cells_f32 divergence_f32 toeplitz_f64 cells_f64 divergence_f64; do
        lanes=4s; [ "${loop%64}" = "$loop" ] || lanes=2d
        counts=$(awk -v loop="<$loop>:" -v lanes="v[0-9]+[.]$lanes," '
            / <[a-z0-9_.]+>:$/ { inside = $2 == loop }
            inside && $2 ~ /^(fmla|fmls)$/ && $3 ~ lanes { vector++ }
            inside && $2 ~ /^(fn?madd|fn?msub|fmul|fadd|fsub|fdiv)$/ && $3 ~ /^[sd][0-9]/ { scalar++ }
            END { print vector + 0, scalar + 0 }' build/aarch64.s)
        echo "$loop: ${counts% *} fused multiply-adds of $lanes, ${counts#* } scalar operations"
        if [ "${counts% *}" -gt 0 ] && [ "${counts#* }" = 0 ]; then count 1 0; else fail "$loop in NEON"; fi
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
