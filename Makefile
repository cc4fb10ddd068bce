# SPDX-License-Identifier: MIT
# Short names for the tasks of this project. Meson and ninja do the work; everything is written to build/ (and demo/).
.DEFAULT_GOAL := all
.PHONY: help all deps demo page test test-all test-gpu python lint oracles san tsan valgrind aarch64 i386 mutants fuzz fuzz-afl bench \
	bench-midi bench-decoder bench-train bench-commands compare docs-api format install clean
BENCH ?=
MODEL ?=
MUSIC ?=
FOR ?= test
SECONDS ?= 60
SPIRAL_DATA ?= $(abspath $(wildcard ../shared/data))
export SPIRAL_DATA

help:  ## this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -e 's/:.*##/\t/' | expand -t 12

all: build/ready  ## the libraries and the program, in half a minute
	@test -t 1 || echo "building in build/, half a minute the first time"
	@ninja -C build $$(test -t 1 || echo --quiet)
	@echo "built: build/cli/spiral build/libspiral.so build/libspiral-net.so"

build/ready: meson.build meson_options.txt
	@command -v meson >/dev/null || { echo "meson is missing: make deps FOR=build installs what a build needs" >&2; exit 1; }
	@meson setup build $$(test -d build/meson-private && echo --reconfigure) >build-setup.log 2>&1 || { cat build-setup.log; exit 1; }
	@sed -n '/^spiral /,$$p' build-setup.log; mv build-setup.log build/setup.log
	@touch build/ready

deps:  ## installs packages with apt: FOR=build, test (default), test-all, fuzz, valgrind, afl, aarch64 or i386
	@tools/deps.sh $(FOR)

demo:  ## 3 minutes from typed scores to new music in demo/; first installs missing packages, as make deps FOR=build
	@$(MAKE) --no-print-directory deps FOR=build || echo "continuing with what is installed"
	@$(MAKE) --no-print-directory all
	@tools/demo.sh build/cli/spiral demo

page: all  ## a web page with the shipped model inside, build/page.html; MODEL=model.safetensors for another; MUSIC=folder/ of its training music
	@build/cli/spiral explore $(if $(MODEL),"$(MODEL)") $(if $(MUSIC),--against "$(MUSIC)") -o build/page.html
	@echo "open build/page.html in a browser$(if $(MUSIC),,; with MUSIC=training_midi/ it also finds the training passage nearest to a piece)"

test:  ## 3 minutes: C tests, program, Python with NumPy; first installs missing packages, as make deps FOR=test
	@$(MAKE) --no-print-directory deps FOR=test || echo "continuing with what is installed"
	@tools/test.sh c program python

test-all:  ## 30 minutes: also lint, installing, kills and full disks, the page, PyTorch, comparisons with other libraries, sanitizers; needs FOR=test-all
	@tools/test.sh c program python lint install reliability web oracles torch san

test-gpu:  ## the Triton kernels on an NVIDIA GPU: tests, errors and times; under 2 minutes; needs PyTorch there
	@bench/gpu.sh

python:  ## the Python package: ruff, mypy, all its tests, with PyTorch (1 GB, once)
	@tools/test.sh python torch

lint:  ## headers, modules, symbols, versions, formatting
	@tools/test.sh lint

oracles: all  ## losses, metrics and MIDI compared with other libraries (1 GB, once)
	@tools/test.sh oracles

san:  ## the C tests under address and undefined-behaviour sanitizers
	@tools/test.sh san

tsan:  ## the C tests under the thread sanitizer
	@tools/test.sh tsan

valgrind:  ## 12 minutes: the C tests under valgrind; needs FOR=valgrind
	@tools/test.sh valgrind

aarch64:  ## half an hour: the C tests of core and model for 64-bit ARM, run by qemu; needs FOR=aarch64
	@tools/test.sh aarch64

i386:  ## the C tests for 32-bit x86; needs FOR=i386
	@tools/test.sh i386

mutants:  ## breaks losses and metrics on purpose, one line at a time: a test must fail for each; 10 minutes
	@python3 tools/mutants.py

fuzz:  ## libFuzzer on each reader for SECONDS=60, or on TARGET=midi alone; needs FOR=fuzz
	@tools/fuzz.sh libfuzzer $(SECONDS) $(TARGET)

fuzz-afl:  ## the same with AFL++; needs FOR=afl
	@tools/fuzz.sh afl $(SECONDS) $(TARGET)

bench: all  ## the losses against PyTorch, GeomLoss and POT, in one run; BENCH="--quick" for less
	@bench/run.sh $(BENCH)

bench-midi: all  ## the MIDI reader against symusic and mido, on $SPIRAL_DATA/piano-midi-de-ccbysa; BENCH="--quick" for less
	@bench/run_midi.sh $(BENCH)

bench-decoder: all  ## training of the decoder against PyTorch, 2 minutes, on $SPIRAL_DATA/jsb-chorales; BENCH="--quick" for less
	@bench/run_decoder.sh $(BENCH)

bench-train: all  ## training of the autoencoder against PyTorch, and the time from a folder to a model, 15 minutes; BENCH="--quick" for less
	@bench/run_train.sh $(BENCH)

bench-commands: all  ## times of commands: the start, a minute of music as picture and as sound, 8 new bars; BENCH="--csv FILE" keeps them
	@python3 bench/bench_commands.py build/cli/spiral $(BENCH)

compare: all  ## OLD=/path/to/another/build: runs commands with both programs and compares what they write; 1 minute
	@test -n "$(OLD)" || { echo "make compare OLD=/path/to/another/build" >&2; exit 2; }
	@tools/compare_builds.py $(OLD) build

docs-api: all  ## the API reference, made by Doxygen from the headers: build/api/html/index.html
	@tools/docs_api.sh

format:  ## clang-format over all C files
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all  ## meson install
	@meson install -C build

clean:  ## removes build/ and demo/
	@rm -rf build demo
