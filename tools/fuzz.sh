#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fuzzes the readers: libFuzzer or AFL++ runs each target of tests/fuzz for SECONDS, under address and
# undefined-behaviour sanitizers.
#     tools/fuzz.sh libfuzzer|afl SECONDS [TARGET ...]
# The next run continues from what was found: build/fuzz/found/<target> has inputs that reach new code,
# build/fuzz/crashes/ those that break something. Prints a line for each target, and a last line that counts.
set -u
cd "$(dirname "$0")/.." || exit 2
engine="${1:-libfuzzer}" seconds="${2:-60}"
if [ $# -ge 2 ]; then shift 2; else shift $#; fi
case "$engine" in libfuzzer | afl) ;; *) echo "usage: tools/fuzz.sh libfuzzer|afl SECONDS [TARGET ...]" >&2; exit 2 ;; esac
targets="${*:-midi score safetensors model config pack}"
dir=build/fuzz/$engine crashes=build/fuzz/crashes
mkdir -p "$dir" "$crashes"

# Pictures and SoundFonts are left out: the targets do not need them, and their libraries leak.
options="-Db_sanitize=address,undefined -Db_lundef=false -Db_ndebug=false -Dbuildtype=debugoptimized -Dpictures=disabled
    -Dfluidsynth=disabled -Dtests=enabled"
log=build/fuzz/$engine-setup.log
if [ ! -e "$dir/build.ninja" ]; then
    # shellcheck disable=SC2086
    if [ "$engine" = libfuzzer ]; then
        CC=clang meson setup "$dir" $options -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link >"$log" 2>&1
    else
        CC=afl-clang-fast meson setup "$dir" $options >"$log" 2>&1
    fi || { cat "$log" >&2; echo "make deps FOR=fuzz (or afl) installs what is missing" >&2; exit 1; }
fi
kind=$([ "$engine" = libfuzzer ] && echo fuzz || echo replay)
programs=""
for target in $targets; do programs="$programs tests/fuzz/$kind-$target"; done
# shellcheck disable=SC2086
ninja -C "$dir" $programs >"$log" 2>&1 || { cat "$log" >&2; exit 1; }

export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
number() { sed -n "s/^$1[^0-9]*\([0-9][0-9]*\).*/\1/p" "$2" | tail -n 1; }

# Each sets runs (executions), found (crashes) and out (its log).
run_libfuzzer() {
    out=build/fuzz/$1.log
    mkdir -p "build/fuzz/found/$1"
    # shellcheck disable=SC2046
    "$dir/tests/fuzz/fuzz-$1" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$crashes/$1-" "build/fuzz/found/$1" "tests/fuzz/corpus/$1" >"$out" 2>&1
    status=$?
    runs=$(number 'stat::number_of_executed_units' "$out")
    found=$((status != 0))
}
run_afl() {
    out=build/fuzz/$1.log
    rm -rf "$dir/out/$1"
    mkdir -p "$dir/out"
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 \
        afl-fuzz -V "$seconds" -m none -t 2000+ -i "tests/fuzz/corpus/$1" -o "$dir/out/$1" -- \
        "$dir/tests/fuzz/replay-$1" @@ >"$out" 2>&1
    runs=$(number 'execs_done' "$dir/out/$1/default/fuzzer_stats")
    found=0
    for input in "$dir/out/$1/default/crashes"/id* "$dir/out/$1/default/hangs"/id*; do
        [ -e "$input" ] || continue
        found=$((found + 1))
        cp "$input" "$crashes/$1-afl-$(sha1sum "$input" | cut -c 1-12)"
    done
}

all=0 total=0
for target in $targets; do
    "run_$engine" "$target"
    if [ -z "$runs" ]; then
        tail -n 20 "$out" >&2
        runs=0
        [ "$found" -gt 0 ] || found=1
    fi
    printf '%-12s %9d executions in %d s, %d found\n' "$target" "$runs" "$seconds" "$found"
    [ "$found" -gt 0 ] && grep -E 'does not hold|ERROR: |runtime error|SUMMARY|Test unit written' "$out" | head -n 8
    all=$((all + found)) total=$((total + runs))
done
[ "$all" -eq 0 ] || echo "in $crashes; after make san, build/san/tests/fuzz/replay-TARGET FILE shows where it breaks"
echo "$total executions, $all found"
[ "$all" -eq 0 ]
