# SPDX-License-Identifier: MIT
"""Few descriptors, a small stack, no environment: every command gives the right result, or status 1 and a message, and leaves no
other file."""
import resource
import signal
import subprocess

import pytest
from program import PROGRAM
from test_out_of_memory import COMMANDS, clear, outputs, without_times


def run(place, line, before=None, env=None):
    """(status, messages, files and standard output)"""
    clear(place)
    done = subprocess.run([PROGRAM, *line], cwd=place, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                          preexec_fn=before)
    found = {**outputs(place), "stdout": done.stdout}
    return done.returncode, done.stderr.decode("utf-8", "replace"), {n: without_times(n, d) for n, d in found.items()}


def limit(what, value):
    return lambda: resource.setrlimit(what, (value, value))


def check(place, line, right, any_bytes, *args, **kinds):
    """Returns what is wrong, or None. any_bytes: files that may differ."""
    status, err, found = run(place, line, *args, **kinds)
    lines = err.splitlines()
    if status < 0:
        return f"signal {signal.Signals(-status).name}: {err[-300:]}"
    if status == 127 and "shared" in err:
        return None  # the loader could not open a library
    if status == 0:
        wrong = sorted(name for name in {**right, **found} if right.get(name) != found.get(name) and name not in any_bytes)
        return f"other {wrong}: {err[-300:]}" if wrong else None
    left = [name for name in found if "spiral-" in name or "lock" in name]
    if left or status != 1 or not lines or not lines[-1].startswith("spiral"):
        return f"status {status}, left {left}: {err[-300:]}"
    return None


@pytest.fixture(params=COMMANDS)
def case(request, place):
    line = COMMANDS[request.param]
    status, err, right = run(place, line)
    if "draws no pictures" in err:
        pytest.skip("built without cairo")
    assert status == 0, err
    yield line, right
    clear(place)


LIMITS = {"descriptors": (resource.RLIMIT_NOFILE, (3, 4, 5, 6, 8, 12)), "stack": (resource.RLIMIT_STACK, (256 << 10,))}


@pytest.mark.parametrize("what", LIMITS)
def test_little_is_enough_or_an_error(what, case, place):
    """If there are no descriptors for the fonts, a picture has the built-in font of cairo."""
    (kind, values), (line, right), bad = LIMITS[what], case, []
    pictures = {name: None for name in right if what == "descriptors" and name.endswith((".svg", ".png", ".pdf"))}
    for value in values:
        wrong = check(place, line, right, pictures, limit(kind, value))
        bad += [f"{value}: {wrong}"] * bool(wrong)
    assert not bad, "\n".join(bad)


def test_no_environment_makes_no_difference(case, place):
    line, right = case
    for env in ({}, {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "LANG": "tr_TR.UTF-8", "LC_ALL": "de_DE.UTF-8", "TZ": "nowhere"}):
        status, err, found = run(place, line, env=env)
        assert status == 0 and found == right, err
        assert "ontconfig" not in err, err
