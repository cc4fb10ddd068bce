#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes the API reference from the public headers: build/api/html/index.html. Fails on any warning of Doxygen's.
set -eu
cd "$(dirname "$0")/.."
command -v doxygen >/dev/null || { echo "doxygen is missing: make deps FOR=test-all installs it" >&2; exit 1; }
version=$(sed -n "s/^project(.*, version: '\([0-9.]*\)'.*/\1/p" meson.build)
rm -rf build/api
mkdir -p build/api
{ cat docs/Doxyfile; echo "PROJECT_NUMBER = $version"; } | doxygen - 2>build/api/warnings.txt
if [ -s build/api/warnings.txt ]; then cat build/api/warnings.txt >&2; exit 1; fi
echo "build/api/html/index.html"
