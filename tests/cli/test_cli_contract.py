# SPDX-License-Identifier: MIT
"""The outer shape of the program: the map, the help, JSON, quiet, exit statuses, numbers with units."""
import json
import os
import subprocess

import pytest
from program import PROGRAM, failed, mthd, mtrk, spiral

VERBS = ["inspect", "train", "info", "eval", "reconstruct", "sample", "interpolate", "loss", "render"]
MEASURES = {"frame", "note", "exact_windows", "spiral_error", "substitution", "miss", "false_alarm", "chroma", "octave_share"}
KEYS = {
    "inspect": {"files", "skipped", "seconds", "notes", "notes_in_range", "onsets_lost", "windows", "windows_empty",
                "polyphony"},
    "train": {"steps", "windows_seen", "windows_per_second", "train_loss", "valid", "best_step", "seconds"},
    "info": {"config", "data", "training", "tensors", "sha256"},
    "eval": MEASURES | {"bce_nats", "kl_nats", "pca", "onsets_lost"},
    "reconstruct": MEASURES | {"path"},
    "sample": {"files"},
    "interpolate": {"files"},
    "loss": {"spiral", "energy", "hard", "frame", "chroma"},
    "render": {"path"},
}
WRITES_FILES = {"train", "reconstruct", "sample", "interpolate", "render"}


def command(verb, model, tune, other, music, folder):
    """A command line of each verb that does its work in a moment."""
    return {
        "inspect": [music],
        "train": [music, "-o", folder / "m.safetensors", "--steps", "3", "--hidden", "8", "--code", "2"],
        "info": [model],
        "eval": [model, music],
        "reconstruct": [model, tune, "-o", folder / "r.mid"],
        "sample": [model, "-o", folder, "--length", "2bars", "--against", music],
        "interpolate": [model, tune, other, "-o", folder, "-n", "3"],
        "loss": [tune, other],
        "render": [tune, "-o", folder / "t.mid"],
    }[verb]


@pytest.fixture
def line(request, model, tune, other, music, tmp_path):
    return [request.param, *command(request.param, model, tune, other, music, tmp_path)]


def every_verb(test):
    return pytest.mark.parametrize("line", VERBS, indirect=True)(test)


@pytest.mark.parametrize("args", [[], ["help"], ["--help"], ["-h"]])
def test_the_map_names_every_verb_and_the_way_to_sound(args):
    done = spiral(*args)
    assert done.status == 0 and done.err == ""
    for verb in VERBS:
        assert f"\n  {verb} " in done.out
    assert "spiral train my_midi/" in done.out and "spiral render" in done.out


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_flags_an_example_and_fits_a_terminal(verb):
    done = spiral(verb, "--help")
    assert done.status == 0 and done.err == ""
    assert f"Example:\n  spiral {verb} " in done.out
    for flag in ("--json", "--quiet", "--threads"):
        assert flag in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    assert not any(text.endswith(" ") for text in done.out.splitlines())
    assert spiral(verb, "-h").out == done.out == spiral("help", verb).out


def test_the_examples_of_the_help_parse(model, music, tune, other, tmp_path):
    """Each example, with its names replaced by ours, runs."""
    names = {"my_midi/": music, "other_midi/": music, "model.safetensors": model, "tune.mid": tune, "a.mid": tune,
             "b.mid": other, "right.mid": tune, "played.mid": other}
    for verb in VERBS:
        example = spiral(verb, "--help").out.split("Example:\n")[1].split()
        if verb == "train":
            continue  # takes its minutes
        assert example[:2] == ["spiral", verb]
        done = spiral(*[names.get(word, word) for word in example[1:]], cwd=tmp_path)
        assert done.status == 0, done.err


def test_version():
    done = spiral("--version")
    assert done.status == 0 and done.out.startswith("spiral 0.")


@every_verb
def test_json_is_one_object_with_the_keys_of_the_contract(line):
    done = spiral(*line, "--json")
    assert done.status == 0, done.err
    assert KEYS[line[0]] <= set(done.json)


@every_verb
def test_json_does_not_depend_on_the_locale(line):
    done = spiral(*line, "--json", env={"LC_ALL": "de_DE.UTF-8"})
    assert done.status == 0 and KEYS[line[0]] <= set(done.json)


@every_verb
def test_quiet_says_nothing(line):
    done = spiral(*line, "--quiet")
    assert done.status == 0 and done.err == ""
    if line[0] in WRITES_FILES:
        assert done.out == ""
    else:
        assert done.out == spiral(*line).out != ""


@every_verb
def test_quiet_json_is_only_json(line):
    done = spiral(*line, "--quiet", "--json")
    assert done.status == 0 and done.err == "" and isinstance(done.json, dict)


@every_verb
def test_flags_may_stand_anywhere(line):
    done = spiral(line[0], "--json", "--threads", "1", *line[1:])
    assert done.status == 0 and isinstance(done.json, dict)


@every_verb
def test_a_full_disk_behind_standard_output_is_a_failure(line):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, *map(str, line), "--json"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"standard output: cannot write: No space left on device" in done.stderr


@every_verb
def test_a_closed_pipe_is_a_failure_not_a_death(line):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, *map(str, line), "--json"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 1
    assert b"standard output: cannot write" in done.stderr


def test_help_to_a_full_disk_is_a_failure():
    for args in [], ["train", "--help"], ["--version"]:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1 and b"standard output: cannot write" in done.stderr


@pytest.mark.parametrize("args, words", [
    (["frob"], ['"frob" is not a verb', "inspect"]),
    ([""], ['"" is not a verb']),
    (["--json", "inspect"], ['"--json" is not a verb']),
    (["help", "frob"], ['"frob" is not a verb']),
    (["inspect"], ["0 arguments given", "PATH...", "for example: spiral inspect"]),
    (["info"], ["0 arguments given", "MODEL"]),
    (["info", "a", "b"], ["2 arguments given"]),
    (["eval", "m"], ["1 argument given"]),
    (["reconstruct", "m", "a", "b"], ["3 arguments given"]),
    (["interpolate", "m", "a"], ["2 arguments given"]),
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
    (["inspect", "-"], ["not standard input"]),
    (["train", "-"], ["not standard input"]),
    (["train", "a", "-o", "-"], ["must be a file"]),
    (["reconstruct", "m", "a", "-o", "-", "--json"], ["standard output"]),
    (["train", "a", "--steps", "3", "--time", "5s"], ["--time, --steps and --epochs"]),
    (["train", "a", "--lambda", "0", "--bce", "0"], ["nothing to learn"]),
    (["train", "a", "--loss", "bce", "--bce", "0"], ["nothing to learn"]),
    (["train", "a", "--loss", "argmax_distance"], ["argmax_distance", "not one of"]),
    (["inspect", "a", "--preset", "36x36", "--low", "90", "--high", "50"], ["--low 90"]),
])
def test_a_wrong_command_line_is_status_2_and_one_sentence(args, words, tmp_path):
    assert failed(spiral(*args, cwd=tmp_path), 2, *words)
    assert list(tmp_path.iterdir()) == []


FLAGS = {
    "whole": [("inspect", "--low"), ("inspect", "--columns"), ("train", "--code"), ("train", "--steps"),
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


@pytest.mark.parametrize("verb, flag, value", [(verb, flag, value) for kind, flags in FLAGS.items()
                                               for verb, flag in flags for value in NONSENSE[kind]])
def test_absurd_values_are_refused(verb, flag, value, model, tune, other, music, tmp_path):
    arguments = [verb, *command(verb, model, tune, other, music, tmp_path)]
    if verb == "train":
        arguments = ["train", str(music), "-o", str(tmp_path / "m")]
    done = spiral(*arguments, flag, value)
    assert failed(done, 2, flag), done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["10ms", "0.02s", "20000us", "1/16", "1/4", "1/384"])
def test_grids_take_units(value, music):
    assert spiral("inspect", music, "--grid", value).status == 0


@pytest.mark.parametrize("value, seconds", [("4bars", 8), ("1bar", 2), ("3s", 3), ("500ms", 0.5), ("0.05min", 3)])
def test_lengths_take_units(value, seconds, model, tmp_path):
    """At 120 quarters a minute, to a column of a sixteenth."""
    done = spiral("sample", model, "-o", tmp_path, "--length", value, "--json")
    assert 0 < done.json["files"][0]["seconds"] <= seconds + 0.125


def test_errors_of_the_work_are_status_1_even_if_the_library_calls_them_bad_arguments(model, music, tmp_path):
    """Resuming with other options than those in the file: the command line alone is right."""
    assert failed(spiral("train", music, "-o", model, "--resume", "--quiet"), 1, model, "finished")


def test_odd_file_names_stay_valid_json(tmp_path):
    (tmp_path / "new\nline\x1b.mid").write_bytes(b"nonsense")
    with open(os.fsencode(tmp_path) + b"/\xff\xfe.mid", "wb") as bad:
        bad.write(b"nonsense")
    (tmp_path / "good.mid").write_bytes(mthd(1) + mtrk(bytes([0, 0x90, 60, 80, 120, 0x80, 60, 0])))
    done = spiral("inspect", tmp_path, "--json")
    assert done.status == 0
    assert done.json["files"] == 1 and len(done.json["skipped"]) == 2
    assert any("\\xff\\xfe.mid" in entry["file"] for entry in done.json["skipped"])


def test_numbers_in_json_are_numbers_when_there_is_nothing_to_divide(tune, tmp_path):
    """A piece against silence: no predicted note, no substitution."""
    (tmp_path / "low.mid").write_bytes(mthd(1) + mtrk(bytes([0, 0x90, 20, 80, 120, 0x80, 20, 0])))
    done = spiral("loss", tune, tmp_path / "low.mid", "--json")
    assert done.status == 0, done.err
    assert done.json["miss"] == 1 and done.json["frame"]["f1"] == 0
    json.dumps(done.json, allow_nan=False)


def test_a_piece_is_at_no_distance_from_itself(tune):
    done = spiral("loss", tune, tune, "--json").json
    for name in ("spiral", "energy", "gauss", "argmax_distance", "argmax_distance_circular", "hard", "spiral_error", "miss"):
        assert abs(done[name]) < 1e-9, name
    assert done["frame"]["f1"] == done["note"]["f1"] == done["chroma"]["f1"] == 1


def test_the_processor_choice_is_checked():
    done = spiral("--version", env={"SPIRAL_ISA": "abacus"})
    assert done.status == 2 and "SPIRAL_ISA" in done.err and "abacus" in done.err
