# SPDX-License-Identifier: MIT
"""spiral sample."""
import hashlib
import re

import mido
import pytest
from program import is_music, spiral, text_of, tree


def test_samples_have_notes_and_a_text_event(any_model, tmp_path):
    """Even those of a model that has learned almost nothing."""
    info = spiral("info", any_model, "--json").json
    done = spiral("sample", any_model, "-n", "5", "--seed", "7", "-o", tmp_path, "--json")
    assert done.status == 0, done.err
    assert [f["seed"] for f in done.json["files"]] == [7, 8, 9, 10, 11]
    assert sorted(tree(tmp_path)) == sorted(f"sample-{seed}.mid" for seed in range(7, 12))
    for entry in done.json["files"]:
        notes = is_music(entry["path"], info["config"]["low"], info["config"]["high"])
        assert len(notes) == entry["notes"]
        assert abs(mido.MidiFile(entry["path"]).length - entry["seconds"]) < 0.02
        assert entry["nearest_training_window"] is None
        (text,) = text_of(entry["path"])
        assert f"--seed {entry['seed']} " in text and info["sha256"] in text
    assert len(set(tree(tmp_path).values())) == 5


def test_text_event_makes_the_same_sample_again(model, tmp_path):
    spiral("sample", model, "-n", "3", "--seed", "40", "--temperature", "1.25", "--tempo", "96", "--length", "6bars",
           "-o", tmp_path / "a")
    path = tmp_path / "a" / "sample-42.mid"
    (text,) = text_of(path)
    command, digest = re.fullmatch(r"spiral (.*); model sha256 ([0-9a-f]{64})", text).groups()
    assert digest == hashlib.sha256(model.read_bytes()).hexdigest()
    assert spiral(*command.split(), model, "-o", tmp_path / "b").status == 0
    assert (tmp_path / "b" / "sample-42.mid").read_bytes() == path.read_bytes()


def test_min_risk_has_fewer_clashes_than_the_threshold(model, tmp_path):
    clashes = {}
    for way in ("threshold", "min-risk"):
        done = spiral("sample", model, "-n", "8", "--decode", way, "--temperature", "2", "-o", tmp_path / way, "--json")
        assert done.status == 0, done.err
        (text,) = text_of(tmp_path / way / "sample-1.mid")
        assert f"--decode {way}" in text
        clashes[way] = 0
        for entry in done.json["files"]:
            sounding = set()
            for message in mido.merge_tracks(mido.MidiFile(entry["path"]).tracks):
                if message.type == "note_on" and message.velocity:
                    clashes[way] += sum(abs(message.note - other) == 1 for other in sounding)
                    sounding.add(message.note)
                elif message.type in ("note_on", "note_off"):
                    sounding.discard(message.note)
    assert clashes["min-risk"] <= clashes["threshold"]
    assert 0.01 <= spiral("info", model, "--json").json["config"]["min_risk_scale"] <= 100


def test_same_seed_gives_the_same_bytes(any_model, tmp_path):
    for name, threads in (("a", "1"), ("b", "4")):
        assert spiral("sample", any_model, "-n", "3", "-o", tmp_path / name, "--threads", threads).status == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_against_gives_the_nearest_training_window(model, music, tmp_path):
    done = spiral("sample", model, "-o", tmp_path, "-n", "2", "--against", music, "--json")
    assert all(entry["nearest_training_window"] >= 0 for entry in done.json["files"])
    again = spiral("sample", model, "-o", tmp_path / "again", "--against", tmp_path, "--json")
    assert again.json["files"][0]["nearest_training_window"] == 0


@pytest.mark.parametrize("flags", [["--temperature", "0"], ["--temperature", "10"], ["--length", "1bar"],
                                   ["--length", "300s"], ["--tempo", "10"], ["--tempo", "1000"]])
def test_extreme_flags_still_give_notes(flags, any_model, tmp_path):
    config = spiral("info", any_model, "--json").json["config"]
    done = spiral("sample", any_model, "-o", tmp_path, *flags, "--json")
    assert done.status == 0, done.err
    is_music(done.json["files"][0]["path"], config["low"], config["high"])
