# SPDX-License-Identifier: MIT
"""spiral pack, and corpus packs as the music of other verbs.

SPIRAL_SCALE=1 packs 100,000 files instead of 2,000 and trains on them; 3 minutes and 6 GB of disk.
"""
import os
import pathlib
import subprocess

import pytest
from program import PROGRAM, TINY, failed, lines_with, mthd, mtrk, one_note, spiral, tree

FILES, LIMIT_S, LIMIT_MB = (100_000, 120, 300) if os.environ.get("SPIRAL_SCALE") else (2_000, 120, 100)


@pytest.fixture(scope="module")
def pack(music, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "corpus.pack"
    done = spiral("pack", music, "-o", path, "--json")
    assert done.status == 0, done.err
    return path, done.json


def test_training_on_a_pack_gives_the_bytes_of_training_on_the_files(pack, music, tmp_path):
    """The key range, too, is the one that would be chosen from the files."""
    models = [tmp_path / name for name in ("files.safetensors", "pack.safetensors")]
    for source, model in zip((music, pack[0]), models):
        done = spiral("train", source, "-o", model, *TINY)
        assert done.status == 0, done.err
    assert models[0].read_bytes() == models[1].read_bytes()
    assert set(pack[0].parent.iterdir()) == {pack[0]}, "nothing is left beside the pack"


def test_json_counts_what_is_in_the_pack(pack, music):
    path, said = pack
    files = spiral("inspect", music, "--json").json
    assert said["files"] == files["files"] and said["windows"] == files["windows"]
    assert (said["low"], said["high"], said["frames"], said["planes"]) == tuple(
        files[key] for key in ("low", "high", "frames", "planes"))
    assert said["bytes"] == path.stat().st_size > 32 * said["all_frames"] and said["left_out"] == 0


def test_eval_takes_a_pack_of_the_models_rolls_only(pack, music, tmp_path):
    model, other = tmp_path / "m.safetensors", tmp_path / "other.pack"
    assert spiral("train", music, "-o", model, *TINY).status == 0
    a, b = (spiral("eval", model, source, "--json") for source in (music, pack[0]))
    assert a.status == b.status == 0 and a.json == b.json
    assert spiral("pack", music, "-o", other, "--planes", "1").status == 0
    failed(spiral("eval", model, other), 1, "other.pack: its rolls have planes 1, not 2")


def test_a_pack_is_validated_on_another(pack, music, tmp_path):
    """Duplicates of the validation files are left out; here all files are duplicates, so no music is left."""
    model = tmp_path / "m.safetensors"
    failed(spiral("train", pack[0], "--valid", pack[0], "-o", model, *TINY), 1, "the same notes as in")
    one = sorted(p for p in pathlib.Path(music).rglob("*.mid"))[0]
    done = spiral("train", pack[0], "--valid", one, "-o", model, *TINY)
    assert done.status == 0 and lines_with(done, "the same notes as in"), done.err


def test_no_other_file_is_touched(pack, music, tmp_path):
    """Even if the key range is chosen from the music, for which the files are packed twice."""
    for name in "c.pack.all-keys", "all-keys", ".spiral-mine.tmp":
        (tmp_path / name).write_bytes(pack[0].read_bytes())
    before = tree(tmp_path)
    assert spiral("pack", music, "-o", tmp_path / "c.pack", "--preset", "bar").status == 0
    after = tree(tmp_path)
    assert after.pop("c.pack") and after == before


def test_flags_of_rolls_belong_to_pack(pack, tmp_path):
    for flag in (["--preset", "36x36"], ["--grid", "10ms"], ["--low", "40"], ["--pedal"], ["--strict"],
                 ["--keep-duplicates"], ["--drums", "keep"], ["--longest-silence", "none"]):
        failed(spiral("train", pack[0], "-o", tmp_path / "m.safetensors", *flag), 2, flag[0], "give the flag to spiral pack")
    assert spiral("train", pack[0], "-o", tmp_path / "m.safetensors", "--frames", "8", *TINY).status == 0


def test_faults_are_counted_in_one_line_each(tmp_path):
    folder = tmp_path / "midi"
    folder.mkdir()
    for i in range(12):
        (folder / f"{i:02}.mid").write_bytes(one_note(60 + i))
    (folder / "12.mid").write_bytes(one_note(60))
    for i in range(3):
        (folder / f"bad{i}.mid").write_bytes(b"no midi")
    done = spiral("pack", folder, "-o", tmp_path / "c.pack", "--json")
    assert done.status == 0 and done.json["files"] == 12 and done.json["left_out"] == 4
    assert len(lines_with(done, "3 files: not a MIDI file")) == 1, done.err
    assert len(lines_with(done, "12.mid: the same notes as in")) == 1, done.err


def test_what_is_no_pack_is_kept_and_refused(pack, music, tmp_path):
    path, text = tmp_path / "c.pack", b"notes of mine"
    path.write_bytes(text)
    failed(spiral("pack", music, "-o", path), 1, "it is not a corpus pack")
    assert path.read_bytes() == text
    failed(spiral("pack", "-", "-o", tmp_path / "d.pack"), 1, "standard input cannot be packed")
    failed(spiral("pack", music, "-o", "-", cwd=tmp_path), 2, "must be a file")
    failed(spiral("pack", tmp_path / "nowhere", "-o", tmp_path / "d.pack"), 1, "nowhere")
    failed(spiral("train", pack[0], music, "-o", tmp_path / "m"), 1, "corpus.pack: it is a corpus pack")
    damaged = bytearray(pack[0].read_bytes())
    damaged[4000] ^= 1
    path.write_bytes(damaged)
    failed(spiral("train", path, "-o", tmp_path / "m"), 1, "the corpus pack is damaged: the roll of")
    path.write_bytes(damaged[:5000])
    failed(spiral("train", path, "-o", tmp_path / "m"), 1, "the corpus pack is damaged: it has 5000 bytes")
    assert set(tree(tmp_path)) == {"c.pack"}


def melody(seed):
    """A file of 200 notes on sixteenths, 50 quarters long."""
    events, x = b"", seed * 2654435761 + 1
    for _ in range(200):
        x = (x * 1103515245 + 12345) % 2**31
        key = 40 + (x >> 16) % 48
        events += bytes([0, 0x90, key, 80, 120, 0x80, key, 0])
    return mthd(1) + mtrk(events)


def anonymous_mb(process):
    """The largest memory besides the page cache that was seen until the process ended."""
    most = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        most = max([most, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))])
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            pass
    return most / 1024


def test_many_files_are_packed_and_trained_on_in_little_memory(tmp_path):
    folder, path = tmp_path / "midi", tmp_path / "c.pack"
    for i in range(FILES):
        part = folder / f"{i // 1000:03}"
        if i % 1000 == 0:
            part.mkdir(parents=True)
        (part / f"{i:06}.mid").write_bytes(melody(i))
    done = spiral("pack", folder, "-o", path, "--json", timeout=600)
    assert done.status == 0 and done.json["files"] == FILES, done.err
    command = [PROGRAM, "train", path, "-o", tmp_path / "m.safetensors", "--steps", "200", "--decoder", "0", "--quiet"]
    memory = anonymous_mb(process := subprocess.Popen(command))
    print(f"{FILES} files, {done.json['bytes'] / 1e6:.0f} MB, packed in {done.json['seconds']:.1f} s; training: {memory:.0f} MB")
    assert process.returncode == 0 and memory < LIMIT_MB
    if os.environ.get("SPIRAL_SCALE"):
        assert done.json["seconds"] < LIMIT_S
