# SPDX-License-Identifier: MIT
"""What the program makes: samples, reconstructions, paths between pieces, sound and pictures."""
import hashlib
import re
import struct
import wave
import xml.dom.minidom

import mido
import pytest
from program import spiral, trained, tree


def notes_of(path):
    """(start, end, key, velocity) in ticks, read by mido; fails on a note that does not end."""
    notes, sounding, now = [], {}, 0
    for message in mido.merge_tracks(mido.MidiFile(path).tracks):
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            sounding.setdefault((message.channel, message.note), []).append((now, message.velocity))
        elif message.type in ("note_on", "note_off"):
            start, velocity = sounding[message.channel, message.note].pop(0)
            notes.append((start, now, message.note, velocity))
    assert not any(sounding.values()), "a note does not end"
    return notes


def text_of(path):
    return [m.text for track in mido.MidiFile(path).tracks for m in track if m.type == "text"]


def is_music(path, low, high):
    notes = notes_of(path)
    assert notes, "empty"
    assert all(end > start and 0 < velocity < 128 and low <= key <= high for start, end, key, velocity in notes)
    return notes


@pytest.fixture(scope="module", params=["bar", "36x36", "phrase", "vae"])
def any_model(request, music, tmp_path_factory):
    flags = ["--kind", "vae"] if request.param == "vae" else ["--preset", request.param]
    return trained(tmp_path_factory.mktemp(request.param), music, *flags)


# ---- sample ----------------------------------------------------------------------------------------------

def test_samples_are_music_with_their_origin(any_model, tmp_path):
    """Even of a model that has learned next to nothing."""
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


def test_a_sample_can_be_made_again_from_its_text(model, tmp_path):
    spiral("sample", model, "-n", "3", "--seed", "40", "--temperature", "1.25", "--tempo", "96", "--length", "6bars",
           "-o", tmp_path / "a")
    path = tmp_path / "a" / "sample-42.mid"
    (text,) = text_of(path)
    command, digest = re.fullmatch(r"spiral (.*); model sha256 ([0-9a-f]{64})", text).groups()
    assert digest == hashlib.sha256(model.read_bytes()).hexdigest()
    assert spiral(*command.split(), model, "-o", tmp_path / "b").status == 0
    assert (tmp_path / "b" / "sample-42.mid").read_bytes() == path.read_bytes()


def test_sampling_twice_gives_the_same_bytes(any_model, tmp_path):
    for name, threads in (("a", "1"), ("b", "4")):
        assert spiral("sample", any_model, "-n", "3", "-o", tmp_path / name, "--threads", threads).status == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_sampling_says_how_near_the_training_music_it_comes(model, music, tmp_path):
    done = spiral("sample", model, "-o", tmp_path, "-n", "2", "--against", music, "--json")
    assert all(entry["nearest_training_window"] >= 0 for entry in done.json["files"])
    again = spiral("sample", model, "-o", tmp_path / "again", "--against", tmp_path, "--json")
    assert again.json["files"][0]["nearest_training_window"] == 0


@pytest.mark.parametrize("flags", [["--temperature", "0"], ["--temperature", "10"], ["--length", "1bar"],
                                   ["--length", "300s"], ["--tempo", "10"], ["--tempo", "1000"]])
def test_extreme_wishes_still_give_music(flags, any_model, tmp_path):
    config = spiral("info", any_model, "--json").json["config"]
    done = spiral("sample", any_model, "-o", tmp_path, *flags, "--json")
    assert done.status == 0, done.err
    is_music(done.json["files"][0]["path"], config["low"], config["high"])


# ---- there and back --------------------------------------------------------------------------------------

def test_a_reconstruction_is_as_long_as_the_piece(any_model, tune, tmp_path):
    config = spiral("info", any_model, "--json").json["config"]
    done = spiral("reconstruct", any_model, tune, "-o", tmp_path / "r.mid", "--json")
    assert done.status == 0, done.err
    is_music(tmp_path / "r.mid", config["low"], config["high"])
    assert mido.MidiFile(tmp_path / "r.mid").length <= mido.MidiFile(tune).length + 0.5
    assert 0 <= done.json["frame"]["f1"] <= 1 and 0 <= done.json["exact_windows"] <= 1
    assert hashlib.sha256(any_model.read_bytes()).hexdigest() in text_of(tmp_path / "r.mid")[0]


def test_a_model_that_has_learned_its_music_gives_it_back(music, tune, tmp_path):
    path = tmp_path / "m"
    done = spiral("train", tune, "-o", path, "--steps", "200", "--hidden", "64", "--code", "16", "--batch", "64",
                  "--transpose", "0")
    assert done.status == 0, done.err
    scores = spiral("reconstruct", path, tune, "-o", tmp_path / "r.mid", "--json").json
    assert scores["frame"]["f1"] > 0.9 and scores["note"]["f1"] > 0.7 and scores["spiral_error"] < 0.3


def test_eval_and_loss_agree_with_the_files(model, music, tune, tmp_path):
    """The scores of a reconstruction are those of `loss` on the same grid."""
    config = spiral("info", model, "--json").json["config"]
    scores = spiral("reconstruct", model, tune, "-o", tmp_path / "r.mid", "--json").json
    loss = spiral("loss", tune, tmp_path / "r.mid", "--preset", "bar", "--low", str(config["low"]), "--high",
                  str(config["high"]), "--json").json
    for key in ("precision", "recall", "f1"):
        assert abs(scores["frame"][key] - loss["frame"][key]) < 1e-9
    assert abs(scores["spiral_error"] - loss["spiral_error"]) < 1e-6
    evaluated = spiral("eval", model, music, "--json").json
    assert evaluated["pca"]["f1"] == evaluated["pca"]["frame"]["f1"]
    assert evaluated["windows"] > 0 and evaluated["bce_nats"] > 0


# ---- between ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["slerp", "lerp"])
def test_a_path_ends_at_its_ends(how, any_model, tune, other, tmp_path):
    done = spiral("interpolate", any_model, tune, other, "-n", "4", "--how", how, "-o", tmp_path / "i", "--json")
    assert done.status == 0, done.err
    files = done.json["files"]
    assert [round(f["position"], 3) for f in files] == [0, 0.333, 0.667, 1]
    config = spiral("info", any_model, "--json").json["config"]
    for entry in files:
        is_music(entry["path"], config["low"], config["high"])
        assert how in text_of(entry["path"])[0]
    longer = max((tune, other), key=lambda path: mido.MidiFile(path).length)
    spiral("reconstruct", any_model, longer, "-o", tmp_path / "end.mid")
    end = files[0 if longer == tune else -1]["path"]
    assert notes_of(end) == notes_of(tmp_path / "end.mid")


def test_a_path_with_a_text_score(model, source, other, tmp_path):
    assert spiral("interpolate", model, source / "data" / "scores" / "twinkle.txt", other, "-o", tmp_path).status == 0
    assert len(tree(tmp_path)) == 5


# ---- sound and pictures ----------------------------------------------------------------------------------

def test_sound_is_a_wav_file_as_long_as_the_music(tune, tmp_path):
    for name in ("a.wav", "b.WAV"):
        done = spiral("render", tune, "-o", tmp_path / name, "--synth", "additive", "--json")
        assert done.status == 0 and done.json == {"path": str(tmp_path / name)}
    with wave.open(str(tmp_path / "a.wav")) as sound:
        assert sound.getnchannels() == 2 and sound.getsampwidth() == 2
        seconds, loudest = sound.getnframes() / sound.getframerate(), 0
        samples = sound.readframes(sound.getnframes())
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    assert mido.MidiFile(tune).length <= seconds < mido.MidiFile(tune).length + 6
    assert 3000 < max(map(abs, values)) <= 32767
    assert tree(tmp_path)["a.wav"] == tree(tmp_path)["b.WAV"]


MAGIC = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


@pytest.mark.parametrize("ending", MAGIC)
@pytest.mark.parametrize("what", ["piece", "against", "helix"])
def test_pictures(ending, what, tune, other, tmp_path):
    line = {"piece": [tune], "against": [tune, "--against", other], "helix": ["--draw-helix", "--helix", "mixed"]}[what]
    for name in ("a", "b"):
        done = spiral("render", *line, "-o", tmp_path / (name + ending))
        if "cairo" in done.err:
            pytest.skip("built without cairo")
        assert done.status == 0, done.err
    content = (tmp_path / f"a{ending}").read_bytes()
    assert content.startswith(MAGIC[ending]) and len(content) > 2000
    assert content == (tmp_path / f"b{ending}").read_bytes() or ending == ".pdf"
    if ending == ".svg":
        xml.dom.minidom.parseString(content)


def test_every_score_of_the_house_becomes_music(source, tmp_path):
    scores = sorted((source / "data" / "scores").glob("*.txt"))
    assert len(scores) >= 30
    for score in scores:
        assert spiral("render", score, "-o", tmp_path / f"{score.stem}.mid", "--quiet").status == 0
        is_music(tmp_path / f"{score.stem}.mid", 0, 127)
    assert spiral("inspect", tmp_path, "--json").json["files"] == len(scores)


# ---- real music ------------------------------------------------------------------------------------------

def test_real_music_end_to_end(real_data, tmp_path):
    """Each folder of real MIDI is read; the smallest is trained on and used."""
    folders = {folder: sum(1 for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi", ".kar"))
               for folder in real_data.iterdir() if folder.is_dir()}
    folders = {folder: count for folder, count in folders.items() if count}
    assert folders
    for folder, count in folders.items():
        done = spiral("inspect", folder, "--json", "--quiet")
        assert done.status == 0 and done.json["files"] + len(done.json["skipped"]) == count
        assert done.json["notes_in_range"] >= 0.98 * done.json["notes"]
    folder = min(folders, key=folders.get)
    model = tmp_path / "m"
    assert spiral("train", folder, "-o", model, "--steps", "60", "--hidden", "64", "--quiet").status == 0
    scores = spiral("eval", model, folder, "--json").json
    assert 0.1 < scores["frame"]["f1"] <= 1
    done = spiral("sample", model, "-n", "3", "-o", tmp_path / "new", "--against", folder, "--json")
    assert done.status == 0
    for entry in done.json["files"]:
        is_music(entry["path"], 0, 127)
