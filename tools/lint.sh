#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Modules, public headers alone, exported symbols, versions, formatting, shell scripts, the corpus of tests/fuzz. Prints what is wrong;
# exit status 1 if anything is.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
wrong() { echo "lint: $1" >&2; status=1; }

python3 tools/check_modules.py || status=1
python3 tools/make_corpus.py --check || wrong "run tools/make_corpus.py"
python3 tools/mutants.py --list >/dev/null || wrong "tools/mutants.py names text that the sources no longer contain"

# Every public header compiles alone, as C99, C11 and C++.
for header in include/spiral/*.h build/include/spiral/*.h; do
    [ -e "$header" ] || continue
    for standard in c99 c11; do
        cc -std=$standard -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Ibuild/include -Iinclude -x c "$header" ||
            wrong "$header does not compile as $standard"
    done
    if command -v c++ >/dev/null; then
        c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only -Ibuild/include -Iinclude -x c++ "$header" ||
            wrong "$header does not compile as C++11"
    fi
done

# The libraries export what tools/symbols.txt lists for them, nothing else.
for library in spiral spiral-net; do
    [ -e build/lib$library.so ] || continue
    # Not compared: symbol versions, and the internal symbols that libspiral exports for libspiral-net.
    nm -D --defined-only build/lib$library.so | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort >build/symbols.now
    [ $library = spiral-net ] || sed -i '/^spiral__/d' build/symbols.now
    awk -v library=$library '$1 == library {print $2}' tools/symbols.txt | sort >build/symbols.want
    diff build/symbols.want build/symbols.now || wrong "lib$library.so exports other symbols than tools/symbols.txt lists"
done

# libspiral-net uses the core of libspiral; a copy of its own would have a state of its own.
if [ -e build/libspiral-net.so ] && nm --defined-only build/libspiral-net.so | grep -q ' spiral__isa_current$'; then
    wrong "libspiral-net.so contains code of libspiral.so"
fi

# The version is in meson.build, and in CHANGELOG.md, which has an entry for it.
version=$(sed -n "s/^project(.*, version: '\([0-9.]*\)'.*/\1/p" meson.build)
copies=$(git grep -lF "$version" -- ':!meson.build' ':!CHANGELOG.md' ':!*.csv' ':!*.svg' ':!tests/*/*.safetensors' || true)
[ -z "$copies" ] || wrong "the version $version is written in: $copies; it is to be taken from meson.build"
grep -q "^## $version" CHANGELOG.md || wrong "CHANGELOG.md has no entry for $version"

if command -v clang-format >/dev/null; then
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror 2>build/format.log || { head -n 20 build/format.log; wrong "run make format"; }
fi
if command -v shellcheck >/dev/null; then
    git ls-files '*.sh' | xargs shellcheck -x || wrong "shellcheck finds something"
fi
for file in $(git ls-files '*.c' '*.h' '*.py' '*.sh' '*.build' '*.ini' Makefile); do
    head -n 3 "$file" | grep -q "SPDX-License-Identifier: MIT" && continue
    case "$file" in
    *.c | *.h) wrong "$file has no SPDX line" ;;
    *) [ "$(wc -l <"$file")" -lt 40 ] || wrong "$file has no SPDX line" ;;
    esac
done
[ $status = 0 ] && echo "lint: modules, headers, symbols, versions and formatting are in order"
exit $status
