# SPDX-License-Identifier: MIT
"""spiral render."""
import struct
import wave
import xml.dom.minidom

import mido
import pytest
from program import is_music, spiral, tree

MAGIC = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


def test_wav_is_as_long_as_the_music(tune, tmp_path):
    for name in ("a.wav", "b.WAV"):
        done = spiral("render", tune, "-o", tmp_path / name, "--synth", "additive", "--json")
        assert done.status == 0 and done.json == {"path": str(tmp_path / name)}
    with wave.open(str(tmp_path / "a.wav")) as sound:
        assert sound.getnchannels() == 2 and sound.getsampwidth() == 2
        seconds = sound.getnframes() / sound.getframerate()
        samples = sound.readframes(sound.getnframes())
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    assert mido.MidiFile(tune).length <= seconds < mido.MidiFile(tune).length + 6
    assert 3000 < max(map(abs, values)) <= 32767
    assert tree(tmp_path)["a.wav"] == tree(tmp_path)["b.WAV"]


@pytest.mark.parametrize("ending", MAGIC)
@pytest.mark.parametrize("what", ["piece", "against", "helix"])
def test_pictures_have_their_format_and_the_same_bytes_again(ending, what, tune, other, tmp_path):
    line = {"piece": [tune], "against": [tune, "--against", other], "helix": ["--draw-helix", "--helix", "mixed"]}[what]
    for name in ("a", "b"):
        done = spiral("render", *line, "-o", tmp_path / (name + ending))
        if "draws no pictures" in done.err:
            pytest.skip("built without cairo")
        assert done.status == 0, done.err
    content = (tmp_path / f"a{ending}").read_bytes()
    assert content.startswith(MAGIC[ending]) and len(content) > 2000
    assert content == (tmp_path / f"b{ending}").read_bytes() or ending == ".pdf"
    if ending == ".svg":
        xml.dom.minidom.parseString(content)


def test_every_score_of_the_repository_becomes_midi(source, tmp_path):
    scores = sorted((source / "data" / "scores").glob("*.txt"))
    assert len(scores) >= 30
    for score in scores:
        assert spiral("render", score, "-o", tmp_path / f"{score.stem}.mid", "--quiet").status == 0
        is_music(tmp_path / f"{score.stem}.mid", 0, 127)
    assert spiral("inspect", tmp_path, "--json").json["files"] == len(scores)


def test_written_midi_needs_no_repair(model, vae, tune, other, source, tmp_path):
    for score in sorted((source / "data" / "scores").glob("*.txt")):
        assert spiral("render", score, "-o", tmp_path / (score.stem + ".mid")).status == 0
    assert spiral("reconstruct", model, tune, "-o", tmp_path / "back.mid").status == 0
    assert spiral("sample", model, "-n", "3", "-o", tmp_path).status == 0
    assert spiral("sample", vae, "-n", "3", "--seed", "9", "--length", "3s", "-o", tmp_path / "vae").status == 0
    assert spiral("interpolate", model, tune, other, "-n", "3", "-o", tmp_path / "way").status == 0
    written = list(tmp_path.rglob("*.mid"))
    assert len(written) > 40
    done = spiral("inspect", tmp_path, "--strict", "--keep-duplicates", "--preset", "36x36", "--low", "0", "--high", "127", "--json")
    assert done.status == 0 and done.json["warnings"] == {}
    silent = [entry for entry in done.json["skipped"] if "no notes" not in entry["reason"]]
    assert silent == [] and done.json["files"] + len(done.json["skipped"]) == len(written)
