# SPDX-License-Identifier: MIT
"""Results on standard output: JSON keys, --quiet, and standard output that cannot be written."""
import json
import os
import re
import subprocess

import pytest
from program import DECODER_VERBS, PROGRAM, SOURCE, command, mthd, mtrk, spiral

WRITES_FILES = {"explore", "pack", "train", "reconstruct", "sample", "continue", "fill", "harmonize", "vary", "encode", "decode", "interpolate",
                "render"}


def section(title):
    """The text of docs/cli.md under a heading that has the title as a word."""
    page = (SOURCE / "docs/cli.md").read_text()
    return re.search(rf"^### (?:.*\b)?{title}\b.*\n((?:.*\n)*?)(?=##|\Z)", page, re.M)[1]


def documented_keys(verb):
    """The keys of a verb's table in docs/cli.md, without those that need a certain flag."""
    text = section(verb)
    if "[the metrics]" in text:
        text += section("The metrics")
    rows = re.findall(r"^\| (`[^|]*`) \| (?!\(only with)", text, re.M)
    return {key for keys in rows for key in re.findall(r"`(\w+)`", keys)}


def documented(verb, result):
    """Asserts that the result has the keys that docs/cli.md lists for the verb, and no others."""
    assert set(result) == documented_keys(verb)


def documented_keys_of_a_file(verb, decoder):
    """The keys of each file of a verb that writes several, from the rows of docs/cli.md that say for which verbs they are."""
    keys = set()
    for names, verbs in re.findall(r"^\| each: (`[^|]*`) \| ([^|]*) \|", section(verb), re.M):
        conditions = dict(which.partition(" with")[::2] for which in verbs.split("; "))
        if conditions.get(verb, conditions.get("all")) in ("", " the decoder" if decoder else "out the decoder"):
            keys |= set(re.findall(r"`(\w+)`", names))
    return keys


VERBS_OF_FILES = ["sample", "vary", "interpolate", "decode", "continue", "fill", "harmonize"]


@pytest.mark.parametrize("verb, threshold", [
    *((verb, False) for verb in VERBS_OF_FILES), *((verb, True) for verb in VERBS_OF_FILES if verb not in DECODER_VERBS)])
def test_each_file_has_the_documented_keys(verb, threshold, decoder_model, tune, other, music, tmp_path):
    line = [verb, *command(verb, decoder_model, tune, other, music, tmp_path), *(["--decode", "threshold"] if threshold else [])]
    done = spiral(*line, "--json")
    assert done.status == 0, done.err
    assert done.json["files"]
    for file in done.json["files"]:
        assert set(file) == documented_keys_of_a_file(verb, not threshold)


def test_json_has_the_documented_keys(line):
    done = spiral(*line, "--json")
    assert done.status == 0, done.err
    documented(line[0], done.json)


def test_json_does_not_depend_on_the_locale(line):
    done = spiral(*line, "--json", env={"LC_ALL": "de_DE.UTF-8"})
    assert done.status == 0
    documented(line[0], done.json)


def test_quiet_prints_only_results(line):
    done = spiral(*line, "--quiet")
    assert done.status == 0 and done.err == ""
    if line[0] in WRITES_FILES:
        assert done.out == ""
    else:
        assert done.out == spiral(*line).out != ""


def test_quiet_json_prints_only_json(line):
    done = spiral(*line, "--quiet", "--json")
    assert done.status == 0 and done.err == "" and isinstance(done.json, dict)


def test_full_disk_behind_standard_output_is_status_1(line):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, *map(str, line), "--json"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"standard output: cannot write: No space left on device" in done.stderr


def test_closed_pipe_is_status_1_not_a_signal(line):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, *map(str, line), "--json"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 1
    assert b"standard output: cannot write" in done.stderr


def test_json_of_file_names_that_are_not_utf8(tmp_path):
    (tmp_path / "new\nline\x1b.mid").write_bytes(b"nonsense")
    with open(os.fsencode(tmp_path) + b"/\xff\xfe.mid", "wb") as bad:
        bad.write(b"nonsense")
    (tmp_path / "good.mid").write_bytes(mthd(1) + mtrk(bytes([0, 0x90, 60, 80, 120, 0x80, 60, 0])))
    done = spiral("inspect", tmp_path, "--json")
    assert done.status == 0
    assert done.json["files"] == 1 and len(done.json["skipped"]) == 2
    assert any("\\xff\\xfe.mid" in entry["file"] for entry in done.json["skipped"])


def test_json_has_no_nan_if_nothing_was_predicted(tune, tmp_path):
    """A piece compared with silence: no predicted note, no substitution."""
    (tmp_path / "low.mid").write_bytes(mthd(1) + mtrk(bytes([0, 0x90, 20, 80, 120, 0x80, 20, 0])))
    done = spiral("loss", tune, tmp_path / "low.mid", "--json")
    assert done.status == 0, done.err
    assert done.json["miss"] == 1 and done.json["frame"]["f1"] == 0
    json.dumps(done.json, allow_nan=False)
