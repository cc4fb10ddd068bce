# SPDX-License-Identifier: MIT
# The front door. Meson and ninja do the work; everything lands in build/.
.DEFAULT_GOAL := all
BENCH ?=
SECONDS ?= 60
.PHONY: all bench bench-midi demo test test-gpu python lint san tsan aarch64 oracles mutants fuzz fuzz-afl format install clean help
DATA := $(abspath $(wildcard ../shared/data))
SPIRAL_DATA ?= $(DATA)
export SPIRAL_DATA

help:  ## this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -e 's/:.*##/\t/' | expand -t 12

all: build/ready  ## the library and the program, in seconds
	@ninja -C build --quiet
	@echo "built: build/cli/spiral build/libspiral.so build/libspiral-net.so"

build/ready: meson.build meson_options.txt
	@tools/deps.sh build
	@meson setup build $$(test -d build/meson-private && echo --reconfigure) >build-setup.log 2>&1 || { cat build-setup.log; exit 1; }
	@sed -n '/^spiral /,$$p' build-setup.log; mv build-setup.log build/setup.log
	@touch build/ready

demo: all  ## from nothing to sound: trains, scores, writes new music to demo/
	@tools/demo.sh build/cli/spiral demo

test:  ## all fast tests; ends with: N passed, N failed
	@tools/deps.sh test
	@tools/test.sh

python: all  ## the Python package: installed from a fresh start, linted and tested, with PyTorch in build/venv-torch
	@tools/test_python.sh

test-gpu:  ## the Triton kernels on an NVIDIA GPU: tests, errors and times, under 4 minutes; needs PyTorch there
	@bench/gpu.sh

lint: all  ## rooms, headers alone, exported symbols, formatting
	@tools/lint.sh

san:  ## the C tests under ASan and UBSan
	@tools/deps.sh test
	@tools/test.sh san

tsan:  ## the C tests under TSan
	@tools/deps.sh test
	@tools/test.sh tsan

aarch64:  ## the C tests of core and model for 64-bit ARM, cross-compiled and run by qemu (half an hour)
	@tools/deps.sh aarch64
	@tools/test.sh aarch64

oracles: all  ## the losses against PyTorch, GeomLoss and SciPy, in build/venv-oracles
	@cmp -s tests/requirements-oracles.txt build/venv-oracles/requirements.txt || { python3 -m venv build/venv-oracles && \
		build/venv-oracles/bin/pip install -q --disable-pip-version-check -r tests/requirements-oracles.txt && \
		cp tests/requirements-oracles.txt build/venv-oracles/requirements.txt; }
	@SPIRAL_BUILD=$(CURDIR)/build build/venv-oracles/bin/pytest -q -rs -p no:cacheprovider tests/oracle/test_loss_oracles.py

mutants:  ## the losses and scores broken on purpose, one line at a time: every break must fail a test (minutes)
	@python3 tools/mutants.py

bench: all  ## the losses against PyTorch, GeomLoss and POT, in one run; BENCH="--quick" for less
	@bench/run.sh $(BENCH)

bench-midi: all  ## the MIDI reader against symusic and mido, on $SPIRAL_DATA/piano-midi-de-ccbysa; BENCH="--quick" for less
	@bench/run_midi.sh $(BENCH)

fuzz:  ## libFuzzer on each reader for SECONDS=60, or on TARGET=midi alone; ends with: N executions, N found
	@tools/deps.sh fuzz
	@tools/fuzz.sh libfuzzer $(SECONDS) $(TARGET)

fuzz-afl:  ## the same with AFL++
	@tools/deps.sh afl
	@tools/fuzz.sh afl $(SECONDS) $(TARGET)

format:  ## clang-format over all C files
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all  ## meson install
	@meson install -C build

clean:  ## removes build/ and demo/
	@rm -rf build demo
