# SPDX-License-Identifier: MIT
"""A single allocation fails, or all from one on: the run ends with status 1 and a message, or with the right result.

For pictures only our and jansson's allocations fail, because fontconfig uses another font if one of its own fails. If all of
fontconfig's allocations fail, it may crash or never end: this has a separate test.
"""
import os
import re
import resource
import signal
import subprocess

import pytest
from program import PROGRAM, tree

MODEL, DECODER, A, B = "model.safetensors", "decoder.safetensors", "music/twinkle.mid", "music/greensleeves.mid"
TINY = ["--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0"]
COMMANDS = {
    "info": ["info", MODEL],
    "info --json": ["info", MODEL, "--json"],
    "inspect": ["inspect", "music", "--compare"],
    "inspect --json": ["inspect", "music", "--compare", "--json"],
    "loss": ["loss", A, B],
    "loss --json": ["loss", A, B, "--json"],
    "eval": ["eval", MODEL, "music"],
    "eval --json": ["eval", MODEL, "music", "--json"],
    "sample": ["sample", MODEL, "-n", "2", "-o", "out", "--length", "2bars", "--against", "music"],
    "sample --json": ["sample", MODEL, "-n", "2", "-o", "out", "--length", "2bars", "--json"],
    "reconstruct": ["reconstruct", MODEL, A, "-o", "out.mid", "--json"],
    "interpolate": ["interpolate", MODEL, A, B, "-n", "3", "-o", "out", "--json"],
    "continue": ["continue", DECODER, A, "-o", "out.mid", "--length", "1bars", "--json"],
    "continue --against": ["continue", DECODER, A, "-o", "out", "-n", "2", "--length", "1bars", "--against", "music"],
    "fill": ["fill", DECODER, A, "-o", "out.mid", "--from", "1bar", "--to", "2bars", "--json"],
    "harmonize": ["harmonize", DECODER, A, "-o", "out.mid", "--voices", "around"],
    "vary": ["vary", DECODER, A, "-o", "out", "-n", "2", "--json"],
    "vary threshold": ["vary", MODEL, A, "-o", "out", "--decode", "threshold"],
    "interpolate decoder": ["interpolate", DECODER, A, B, "-n", "3", "-o", "out"],
    "encode": ["encode", DECODER, A, "-o", "out.npy", "--json"],
    "decode": ["decode", DECODER, "latents.npy", "-o", "out.mid"],
    "decode --json": ["decode", DECODER, "latents.npy", "-o", "out.mid", "--json"],
    "compare": ["compare", A, B, "--with", "music"],
    "compare --json": ["compare", A, B, "--with", "music", "--json"],
    "explore": ["explore", DECODER, "-o", "out.html", "--against", "music", "--json"],
    "explore --exact": ["explore", DECODER, "-o", "out.html", "--exact"],
    "pack": ["pack", "music", "-o", "out.pack", "--json"],
    "pack 36x36": ["pack", "music", "-o", "out.pack", "--preset", "36x36"],
    "train": ["train", "music", "-o", "out.safetensors", *TINY],
    "train --log": ["train", "music", "-o", "out.safetensors", *TINY, "--log", "out.log", "--kind", "vae"],
    # An octave of keys: the same allocations as of all keys, but for 1 %, in a sixth of the time.
    "train decoder": ["train", "music", "-o", "out.safetensors", "--steps", "2", "--hidden", "8", "--latent", "2", "--decoder", "8",
                      "--low", "60", "--high", "71"],
    "render wav": ["render", A, "-o", "out.wav", "--synth", "additive", "--json"],
    "render mid": ["render", A, "-o", "out.mid", "--pedal"],
    "render svg": ["render", A, "-o", "out.svg"],
    "render png": ["render", A, "-o", "out.png", "--against", B],
    "render --draw-helix": ["render", "--draw-helix", "-o", "out.pdf"],
    "help": ["help"],
    "--man": ["--man"],
    "--completion": ["--completion", "bash"],
}


def outputs(folder):
    return {name: data for name, data in tree(folder).items() if name.startswith("out") or "spiral-" in name or "lock" in name}


def clear(folder):
    for name in outputs(folder):
        (folder / name).unlink()


def without_times(name, data):
    """The data without times, which logs and the output of train have."""
    return re.sub(rb'"(seconds|windows_per_second)":[^,]*|[0-9.]+ (ms|s)\b', b"", data) if name in ("out.log", "stdout") else data


def run(folder, line, preload, before=None, **fail):
    clear(folder)
    ours = {"FAIL_OURS": "1"} if line[0] == "render" and line[-1] != "--json" and not before else {}
    env = {**os.environ, "LD_PRELOAD": str(preload), **ours, **{k.upper(): str(v) for k, v in fail.items()}}
    threads = [] if line[0].startswith("-") or line[0] == "help" else ["--threads", "1"]
    done = subprocess.run([PROGRAM, *line, *threads], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, preexec_fn=before)
    found = {**outputs(folder), "stdout": done.stdout}
    return done.returncode, done.stderr.decode("utf-8", "replace"), {n: without_times(n, d) for n, d in found.items()}


def verdict(right, status, err, found):
    """What is wrong with a run, or None."""
    lines = [line for line in err.splitlines() if line.startswith("spiral")]
    if status < 0:
        return f"signal {signal.Signals(-status).name}"
    if status == 0:
        wrong = [name for name in {**right, **found} if right.get(name) != found.get(name)]
        return f"success, but other {' '.join(sorted(wrong))}: {err[-200:]}" if wrong else None
    if status != 1:
        return f"status {status}: {err[-200:]}"
    if not lines:
        return "status 1 without a message"
    if "memory" not in err.lower():
        return "the message is about something else: " + lines[-1]
    left = [name for name in found if "spiral-" in name or "lock" in name]
    return f"left {left}" if left else None


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("many", [1, 0], ids=["one_at_a_time", "all_from_one_on"])
def test_failed_allocations_are_errors(name, many, place, preload, most_allocations, tmp_path):
    line, count_file = COMMANDS[name], tmp_path / "count"
    status, err, right = run(place, line, preload, fail_report=count_file)
    if "draws no pictures" in err:
        pytest.skip("built without cairo")
    assert status == 0, err
    total = int(count_file.read_text())
    assert total > 0
    bad, trials = [], 0
    for n in range(1, total + 1, max(1, total // most_allocations)):
        what = verdict(right, *run(place, line, preload, fail_from=n, fail_count=many))
        trials += 1
        if what:
            bad.append(f"{'allocation' if many else 'all from allocation'} {n} of {total}: {what}")
    clear(place)
    print(f"{name}, {'one' if many else 'all from one on'}: {trials} trials of {total} allocations, {len(bad)} wrong")
    assert not bad, "\n".join([f"{len(bad)} of {trials}", *bad[:40]])


def one_second():
    """Limits the processor time to a second, after which SIGXCPU comes; the program itself waits longer."""
    resource.setrlimit(resource.RLIMIT_CPU, (1, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def test_fonts_without_memory_neither_hang_nor_crash(place, preload, tmp_path):
    """All allocations from one on fail, including those of fontconfig."""
    line, count_file = COMMANDS["render svg"], tmp_path / "count"
    status, err, right = run(place, line, preload, one_second, fail_report=count_file)
    if "draws no pictures" in err:
        pytest.skip("built without cairo")
    assert status == 0, err
    total, bad = int(count_file.read_text()), []
    for n in sorted({1, 2, 5, 10, 20, 50, 75, 100, 150, 200, 300, 500, 1000, 5000, 10000, total // 2, total}):
        if n <= total:
            what = verdict(right, *run(place, line, preload, one_second, fail_from=n, fail_count=0))
            bad += [f"all from allocation {n} of {total}: {what}"] * bool(what)
    clear(place)
    assert not bad, "\n".join(bad)
