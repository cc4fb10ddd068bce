# SPDX-License-Identifier: MIT
"""Flags and arguments: what is accepted, and how mistakes are reported."""
import re

import pytest
from program import SOURCE, command, digest, failed, spiral, trained

FLAGS = {
    "whole": [("inspect", "--low"), ("inspect", "--frames"), ("train", "--latent"), ("train", "--steps"),
              ("train", "--batch"), ("train", "--threads"), ("sample", "-n"), ("sample", "--seed"), ("interpolate", "-n")],
    "real": [("train", "--lr"), ("train", "--beta"), ("train", "--lambda"), ("sample", "--temperature"),
             ("sample", "--tempo"), ("render", "--gain")],
    "time": [("train", "--time"), ("eval", "--tolerance"), ("sample", "--length"), ("inspect", "--grid")],
    "choice": [("train", "--kind"), ("train", "--helix"), ("train", "--preset"), ("interpolate", "--how"),
               ("render", "--synth")],
}
NONSENSE = {
    "whole": ["-1", "99999999999999999999", "1e2", "1.5", "nan", "word", "", " ", "0x10z", "--json"],
    "real": ["-1", "1e300", "nan", "inf", "-inf", "word", "", "1,5"],
    "time": ["-1s", "1e300s", "nans", "5", "5parsecs", "s", "", "1e9h", "0x"],
    "choice": ["word", "", "SEED", "0"],
}


def test_flags_may_come_before_and_after_arguments(line):
    done = spiral(line[0], "--json", "--threads", "1", *line[1:])
    assert done.status == 0 and isinstance(done.json, dict)


@pytest.mark.parametrize("args, words", [
    (["frob"], ['"frob" is not a verb', "inspect"]),
    ([""], ['"" is not a verb']),
    (["--json", "inspect"], ['"--json" is not a verb']),
    (["help", "frob"], ['"frob" is not a verb']),
    (["inspect"], ["0 arguments given", "PATH...", "for example: spiral inspect"]),
    (["continue"], ["0 arguments given", "[MODEL] IN"]),
    (["continue", "m.safetensors"], ["1 argument given", "[MODEL] IN"]),
    (["info", "a", "b"], ["2 arguments given"]),
    (["eval", "m"], ["1 argument given"]),
    (["reconstruct", "m", "a", "b"], ["3 arguments given"]),
    (["interpolate", "a"], ["1 argument given"]),
    (["interpolate", "m.safetensors", "a"], ["2 arguments given"]),
    (["loss", "a"], ["1 argument given"]),
    (["render", "a", "b", "-o", "x.mid"], ["2 arguments given"]),
    (["render", "a"], ["-o OUT is missing"]),
    (["render", "--draw-helix", "-o", "x.mid"], [".png, .svg or .pdf"]),
    (["render", "a", "-o", "x.mp3"], ["x.mp3", ".wav"]),
    (["render", "a", "-o", "x"], [".wav"]),
    (["inspect", ""], ["an argument is empty"]),
    (["inspect", "a", "--frob"], ["--frob: no such flag"]),
    (["inspect", "a", "--frob=3"], ["--frob=3: no such flag"]),
    (["inspect", "a", "-x"], ["-x: no such flag"]),
    (["inspect", "a", "--json=3"], ["--json takes no value"]),
    (["inspect", "a", "--p"], ["--p: may mean 3 flags"]),
    (["inspect", "a", "--grid"], ["--grid: a value is missing"]),
    (["inspect", "a", "--grid", ""], ["--grid", "a value is missing"]),
    (["sample", "m", "-n"], ["-n: a value is missing"]),
    (["sample", "m", "-o", "--json"], ["-o: a value is missing before --json"]),
    (["inspect", "-", "-"], ["only once"]),
    (["train", "-", "-"], ["only once"]),
    (["train", "a", "-o", "-"], ["must be a file"]),
    (["reconstruct", "m", "a", "-o", "-", "--json"], ["standard output"]),
    (["train", "a", "--steps", "3", "--time", "5s"], ["--time, --steps, --epochs"]),
    (["train", "a", "--lambda", "0", "--bce", "0"], ["the loss is 0"]),
    (["train", "a", "--loss", "bce", "--bce", "0"], ["the loss is 0"]),
    (["train", "a", "--loss", "argmax_distance"], ["argmax_distance", "must be one of"]),
    (["inspect", "a", "--preset", "36x36", "--low", "90", "--high", "50"], ["--low 90"]),
])
def test_wrong_command_line_is_status_2_and_one_line(args, words, tmp_path):
    assert failed(spiral(*args, cwd=tmp_path), 2, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb, flag, value", [(verb, flag, value) for kind, of_kind in FLAGS.items()
                                               for verb, flag in of_kind for value in NONSENSE[kind]])
def test_values_out_of_range_are_refused(verb, flag, value, model, tune, other, music, tmp_path):
    arguments = [verb, *command(verb, model, tune, other, music, tmp_path)]
    if verb == "train":
        arguments = ["train", str(music), "-o", str(tmp_path / "m")]
    done = spiral(*arguments, flag, value)
    assert failed(done, 2, flag), done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["10ms", "0.02s", "20000us", "1/16", "1/4", "1/384"])
def test_grid_takes_units(value, music):
    assert spiral("inspect", music, "--grid", value).status == 0


@pytest.mark.parametrize("value, seconds", [("4bars", 8), ("1bar", 2), ("3s", 3), ("500ms", 0.5), ("0.05min", 3)])
def test_length_takes_units(value, seconds, model, tmp_path):
    """At 120 quarters a minute, rounded to a frame of a sixteenth."""
    done = spiral("sample", model, "-o", tmp_path, "--length", value, "--json")
    assert 0 < done.json["files"][0]["seconds"] <= seconds + 0.125


def test_library_errors_are_status_1(model, music, tmp_path):
    """Resuming with other options than those in the file: the command line is valid by itself."""
    assert failed(spiral("train", music, "-o", model, "--resume", "--quiet"), 1, model, "finished")


def test_unknown_instruction_set_is_refused():
    done = spiral("--version", env={"SPIRAL_ISA": "abacus"})
    assert done.status == 2 and "SPIRAL_ISA" in done.err and "abacus" in done.err


# ---- old spellings ----

def test_old_spellings_work_and_are_not_listed(music, tmp_path):
    """Flags and values of version 0.1."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    new = trained(tmp_path / "new", music, "--preset", "36x36", "--frames", "24", "--loss", "distance_mask")
    old = tmp_path / "old" / "model.safetensors"
    done = spiral("train", music, "-o", old, "--steps", "20", "--hidden", "16", "--code", "4", "--batch", "32", "--decoder", "0",
                  "--preset", "seed", "--columns=24", "--loss", "seed_mask")
    assert done.status == 0, done.err
    assert digest(old) == digest(new)
    for verb in "train", "inspect":
        text = spiral(verb, "--help").out
        assert not re.search(r"--columns|--code|\bseed,|seed_mask", text)
    assert failed(spiral("inspect", music, "--columns", "0"), 2, "--frames")


def test_train_offers_every_loss_with_a_gradient():
    header = (SOURCE / "include/spiral/loss.h").read_text()
    listed = re.findall(r'X\([A-Z_]+, "(\w+)"', header)
    assert len(listed) > 5
    text = " ".join(spiral("train", "--help").out.split())
    offered = re.search(r"--loss NAME [^(]*\(([\w, ]+); default", text)[1].split(", ")
    assert offered == [name for name in listed if not name.startswith("argmax_distance")]
