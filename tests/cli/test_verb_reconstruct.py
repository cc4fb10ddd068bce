# SPDX-License-Identifier: MIT
"""spiral reconstruct and spiral eval."""
import hashlib

import mido
from program import is_music, spiral, text_of


def test_reconstruction_is_as_long_as_the_piece(any_model, tune, tmp_path):
    config = spiral("info", any_model, "--json").json["config"]
    done = spiral("reconstruct", any_model, tune, "-o", tmp_path / "r.mid", "--json")
    assert done.status == 0, done.err
    is_music(tmp_path / "r.mid", config["low"], config["high"])
    assert mido.MidiFile(tmp_path / "r.mid").length <= mido.MidiFile(tune).length + 0.5
    assert 0 <= done.json["frame"]["f1"] <= 1 and 0 <= done.json["exact_windows"] <= 1
    assert hashlib.sha256(any_model.read_bytes()).hexdigest() in text_of(tmp_path / "r.mid")[0]


def test_overfitted_model_reconstructs_its_training_piece(music, tune, tmp_path):
    path = tmp_path / "m"
    done = spiral("train", tune, "-o", path, "--steps", "200", "--hidden", "64", "--latent", "16", "--batch", "64",
                  "--transpose", "0", "--decoder", "0")
    assert done.status == 0, done.err
    scores = spiral("reconstruct", path, tune, "-o", tmp_path / "r.mid", "--json").json
    assert scores["frame"]["f1"] > 0.9 and scores["note"]["f1"] > 0.7 and scores["spiral_error"] < 0.3


def test_reconstruct_and_loss_give_the_same_metrics(model, music, tune, tmp_path):
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


def test_real_music_from_inspect_to_sample(real_data, tmp_path):
    """Each folder of real MIDI is read; a model is trained on the smallest one and used."""
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
