# SPDX-License-Identifier: MIT
"""Calls that write files fail: no permission (EACCES), a read-only file system (EROFS), no quota (EDQUOT), a full (ENOSPC) or broken
(EIO) disk. Each is an error of one sentence with the system's reason; the old file is kept, and no temporary file is left.
"""
import ctypes
import errno
import os
import subprocess

import pytest
from program import PROGRAM, failed, spiral, tree
from test_interruption import A, DECODER, MODEL, SMALL, clear, results, temporary

WRITERS = {
    "train": ["train", "music", "-o", "out.safetensors", *SMALL[:2], "--log", "out.log", *SMALL[2:]],
    "sample": ["sample", MODEL, "-n", "2", "-o", "out", "--length", "2bars"],
    "continue": ["continue", DECODER, A, "-o", "out.mid", "--length", "1bars"],
    "decode": ["decode", DECODER, "latents.npy", "-o", "out.mid"],
    "encode": ["encode", DECODER, A, "-o", "out.npy"],
    "explore": ["explore", DECODER, "-o", "out.html"],
    "pack": ["pack", "music", "-o", "out.pack"],
    "render wav": ["render", A, "-o", "out.wav", "--synth", "additive"],
    "render svg": ["render", A, "-o", "out.svg"],
    "render png": ["render", A, "-o", "out.png"],
    "render pdf": ["render", A, "-o", "out.pdf"],
}
# The errors with which a call can fail.
CALLS = {"open": [errno.EACCES, errno.EROFS, errno.EDQUOT, errno.ENOSPC], "mkdir": [errno.EACCES, errno.EROFS, errno.EDQUOT],
         "fwrite": [errno.EDQUOT, errno.EIO], "fflush": [errno.EDQUOT, errno.ENOSPC], "fsync": [errno.EDQUOT, errno.EIO],
         "rename": [errno.EACCES, errno.EROFS], "fclose": [errno.EDQUOT], "write": [errno.EDQUOT], "ftruncate": [errno.EROFS]}


@pytest.fixture(scope="module")
def fail_call(preloaded):
    return preloaded("fail_file_call")


def run(folder, line, library, **fail):
    env = {**os.environ, "LD_PRELOAD": str(library), **{k.upper(): str(v) for k, v in fail.items()}}
    done = subprocess.run([PROGRAM, *line], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    return done.returncode, done.stderr.decode("utf-8", "replace")


def without_log(found):
    """The files without the log, which has times that differ between runs."""
    return {name: data for name, data in found.items() if name != "out.log"}


def verdict(folder, right, status, err, number):
    """What is wrong with a run, or None. Training continues without its saved state and its log, and says so."""
    reason, lines = os.strerror(number), err.splitlines()
    found = without_log(results(folder))
    if temporary(folder) or any("lock" in name for name in found):
        return f"left {temporary(folder)} {sorted(found)}"
    if any(found.get(name) != data for name, data in right.items() if name in found):
        return "an output is damaged"
    if not any(reason in text for text in lines):
        return f"the reason is missing: {err[-300:]}"
    if status == 0:
        return None if found == right and "goes on" in err else f"success: {err[-300:]}"
    return None if status == 1 and lines[-1].startswith("spiral") else f"status {status}: {err[-300:]}"


@pytest.mark.parametrize("writer", WRITERS)
def test_failing_calls_are_errors_of_one_sentence(writer, place, fail_call, long, tmp_path):
    line, trials, bad = WRITERS[writer], 0, []
    clear(place)
    if "draws no pictures" in spiral(*line, cwd=place).err:
        pytest.skip("built without cairo")
    right = without_log(results(place))
    for call, numbers in CALLS.items():
        clear(place)
        count = tmp_path / "count"
        assert run(place, line, fail_call, fail_call=call, fail_report=count)[0] == 0
        total = int(count.read_text())
        chosen = range(1, total + 1) if long else sorted({1, (total + 1) // 2, total} - {0})
        for number in numbers:
            for n in chosen if total else []:
                for old in (False, True):  # without and with an existing output, which must be kept
                    clear(place)
                    for name, data in right.items() if old else []:
                        (place / name).parent.mkdir(exist_ok=True)
                        (place / name).write_bytes(data)
                    status, err = run(place, line, fail_call, fail_call=call, fail_errno=number, fail_from=n)
                    what = verdict(place, right, status, err, number)
                    trials += 1
                    bad += [f"{call} {n} of {total}, {errno.errorcode[number]}, old {old}: {what}"] * bool(what)
    clear(place)
    print(f"{writer}: {trials} failing calls, {len(bad)} wrong")
    assert trials and not bad, "\n".join(bad[:40])


def test_read_only_file_system(place, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount a read-only file system")
    try:
        for line in (["render", A], ["train", "music", *SMALL], ["encode", DECODER, A], ["explore", DECODER]):
            done = spiral(*line, "-o", disk / f"out.{ENDINGS[line[0]]}", cwd=place)
            assert failed(done, 1, "Read-only file system", disk), done.err
        assert failed(spiral("vary", DECODER, A, "-o", disk / "out", cwd=place), 1, "Read-only file system", disk)
    finally:
        subprocess.run(["umount", disk], check=True)


ENDINGS = {"render": "mid", "train": "safetensors", "encode": "npy", "explore": "html"}
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def without_override():
    """Root then has only the permissions that the mode of a file gives its owner."""
    for right in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, right, 0, 0, 0)


def test_folder_without_the_right_to_write(place, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    if subprocess.run(["touch", folder / "x"], preexec_fn=without_override, capture_output=True).returncode == 0:
        pytest.skip("root cannot give up its right to write everywhere")
    for line in (["render", A], ["encode", DECODER, A], ["explore", DECODER], ["train", "music", *SMALL]):
        done = subprocess.run([PROGRAM, *line, "-o", folder / f"out.{ENDINGS[line[0]]}"], preexec_fn=without_override,
                              cwd=place, capture_output=True)
        assert done.returncode == 1 and b"Permission denied" in done.stderr and done.stderr.count(b"\n") == 1, done.stderr
    for line in (["vary", DECODER, A], ["sample", MODEL]):
        done = subprocess.run([PROGRAM, *line, "-o", folder / "out"], preexec_fn=without_override, cwd=place, capture_output=True)
        assert done.returncode == 1 and b"Permission denied" in done.stderr, done.stderr
    assert tree(folder) == {}
