#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The engine of the page: the library's own sources, compiled by clang to one WebAssembly module.

    web/engine/build.py -o engine.wasm [--version 1.2.3]
    web/engine/build.py --check        exit status 0 if this machine has what is needed; else what is missing, and 1

Needs clang, wasm-ld, wasi-libc and clang's runtime for wasm32 (Debian: clang lld wasi-libc libclang-rt-dev-wasm32). The
module imports nothing. Threads, files and JSON stay outside: without_threads.c, without_files.c. The same compiler gives
the same bytes, wherever the sources lie.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What is linked is what engine.c reaches; the list may name more. Left out: whatever needs threads, files or jansson.
SOURCES = """
web/engine/engine.c web/engine/pieces.c web/engine/latents.c web/engine/without_threads.c web/engine/without_files.c
src/base/error.c src/base/linalg.c src/base/sized.c src/base/version.c
src/simd/isa.c src/simd/tables.c src/helix/helix.c src/helix/kernel.c
src/midi/look_ahead.c src/midi/midi.c src/midi/midi_builder.c src/midi/midi_check.c src/midi/midi_read.c src/midi/midi_write.c
src/midi/note_order.c src/midi/pairing.c src/midi/pedal.c src/midi/percussion.c src/midi/tempo.c src/midi/text.c
src/midi/timed_events.c src/midi/track_reader.c src/midi/track_repair.c src/midi/transfer.c
src/roll/frame_cuts.c src/roll/frame_map.c src/roll/midi_from_roll.c src/roll/roll.c src/roll/roll_from_midi.c
src/metrics/counts.c src/metrics/frames.c src/metrics/pairing.c
src/decode/features.c src/decode/guards.c src/decode/sampling.c src/decode/stream.c src/decode/threshold.c src/decode/writer.c
src/nn/dense.c src/nn/gemm.c src/nn/gru.c src/nn/laps.c src/nn/norm_silu.c src/nn/note_input.c src/nn/sparse_rows.c src/nn/tasks.c
src/model/autoencoder.c src/model/config.c src/model/decoder.c src/model/encode.c src/model/families.c src/model/model.c src/model/tensors.c src/model/weight_gradient.c
src/data/corpus.c src/data/passage.c src/data/window.c
src/generate/calibrate.c src/generate/generate.c src/generate/latents.c src/generate/sketch.c src/generate/key_density.c src/generate/write.c
src/pack/pack_read.c
src/audio/additive.c src/audio/audio.c src/audio/wav.c
""".split()
# Compiled with a table's suffix (src/simd/isa.h), and with or without fused multiply-add, as in src/simd/meson.build;
# WebAssembly has none.
KERNELS = [
    ("src/simd/nn_kernels.c", ["-O2", "-DSPIRAL_TABLE_SUFFIX=baseline"]),
    ("src/simd/gemm_kernel.c", ["-O2", "-DSPIRAL_TABLE_SUFFIX=baseline"]),
    ("src/simd/recurrent_kernels.c", ["-O2", "-DSPIRAL_TABLE_SUFFIX=baseline"]),
]
FAST = ("src/decode/stream.c", "src/decode/writer.c", "src/data/passage.c", "src/audio/additive.c")  # the rest is compiled for size
TARGET = ["--target=wasm32-wasi", "-msimd128"]
COMPILE = [
    *TARGET, "-std=c11", "-Oz", "-DNDEBUG", "-D_DEFAULT_SOURCE", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
    "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fno-ident", "-Wall", "-Wextra", "-Werror",
    "-Wno-missing-field-initializers", "-Iinclude", "-Isrc", "-Iweb/engine",
]
LINK = [
    *TARGET, "-mexec-model=reactor", "-Wl,--gc-sections", "-Wl,--strip-all", "-Wl,--stack-first", "-Wl,-z,stack-size=1048576",
    "-Wl,--max-memory=2147483648",
]
PACKAGES = "clang lld wasi-libc libclang-rt-dev-wasm32"


def missing():
    """One sentence about what this machine lacks, or None."""
    for tool in ("clang", "wasm-ld"):
        if not shutil.which(tool):
            return f"{tool} is not installed (Debian: {PACKAGES})"
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "test.c")
        source.write_text("#include <stdlib.h>\n__attribute__((export_name(\"f\"))) void *f(void) { return malloc(1); }\n")
        command = ["clang", *LINK, "-o", os.path.join(folder, "test.wasm"), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"clang cannot compile for wasm32-wasi (Debian: {PACKAGES}): {done.stderr.strip().splitlines()[0]}"
    return None


def included(folder):
    """The project's files that the compiled sources were made of, from clang's lists."""
    words = " ".join(path.read_text() for path in folder.glob("*.d")).replace("\\\n", " ").split()
    return sorted({word for word in words if not word.endswith(":") and not os.path.isabs(word)})


def build(output, version, depfile):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "spiral_config.h").write_text("")
        (folder / "spiral").mkdir()
        header = (ROOT / "include/spiral/version.h.in").read_text()
        major, minor, patch = (int(part) for part in version.split("."))
        header = header.replace("@VERSION@", version).replace("@NUMBER@", str(10000 * major + 100 * minor + patch))
        (folder / "spiral/version.h").write_text(header)

        def compile_one(job):
            source, flags = job
            target = folder / (source.replace("/", "_") + ".o")
            command = ["clang", *COMPILE, *flags, f"-I{folder}", "-MD", f"-ffile-prefix-map={folder}=.", "-c", source, "-o", str(target)]
            return subprocess.run(command, cwd=ROOT, check=False).returncode, str(target)

        jobs = [(source, ["-O2"] if source.startswith(FAST) else []) for source in SOURCES] + KERNELS
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(compile_one, jobs))
        if any(status for status, _ in results):
            sys.exit("web/engine/build.py: a source does not compile")
        command = ["clang", *LINK, *[target for _, target in results], "-o", str(output)]
        if subprocess.run(command, check=False).returncode:
            sys.exit("web/engine/build.py: the module cannot be linked")
        if depfile:
            own = [str(ROOT / name) for name in [*included(folder), "web/engine/build.py"]]
            depfile.write_text(f"{depfile.name.removesuffix('.d')}: {' '.join(own)}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", type=pathlib.Path, dest="output", metavar="MODULE", help="the file to write")
    parser.add_argument("--version", default="0.0.0", help="the project's version")
    parser.add_argument("--check", action="store_true", help="only look for what is needed")
    parser.add_argument("--depfile", type=pathlib.Path, help="where to list the files it was made of, for ninja")
    options = parser.parse_args()
    if problem := missing():
        sys.exit(f"web/engine/build.py: {problem}")
    if options.check:
        return
    if not options.output:
        parser.error("-o is needed")
    build(options.output.resolve(), options.version, options.depfile)


if __name__ == "__main__":
    main()
