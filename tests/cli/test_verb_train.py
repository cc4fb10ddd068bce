# SPDX-License-Identifier: MIT
"""spiral train: checks before training, and its result."""

import pytest
from program import TINY, digest, failed, lines_with, one_note, spiral, trained, tree


def test_strict_leaves_repaired_files_out_of_training(music, faulty, tmp_path):
    (both := tmp_path / "both").mkdir()
    for piece in music.iterdir():
        (both / piece.name).write_bytes(piece.read_bytes())
    (both / "tail.mid").write_bytes((faulty / "tail.mid").read_bytes())
    model = tmp_path / "model"
    for flags, skipped, repaired in ([], 0, 1), (["--strict"], 1, 0):
        done = spiral("train", both, "-o", model, *TINY, *flags)
        assert done.status == 0, done.err
        assert spiral("info", model, "--json").json["data"]["files_skipped"] == skipped
        assert len(lines_with(done, "the reader had to")) == skipped
        assert len(lines_with(done, "1 file was repaired")) == repaired
    assert failed(spiral("train", faulty / "tail.mid", "-o", model, "--strict", *TINY), 1, "tail.mid", "the reader had to")


def test_duplicates_are_left_out_of_training(duplicated, tmp_path):
    model = tmp_path / "model"
    for flags, skipped in ([], 2), (["--keep-duplicates"], 0):
        done = spiral("train", duplicated, "-o", model, *TINY, *flags, "--verbose")
        assert done.status == 0, done.err
        data = spiral("info", model, "--json").json["data"]
        assert data["files_skipped"] == skipped and data["files"] + data["files_held_out"] == 6 - skipped
        assert len(lines_with(done, "the same notes as in")) == skipped


def test_validation_files_are_not_trained_on(music, duplicated, tmp_path):
    model = tmp_path / "model"
    done = spiral("train", duplicated, "-o", model, *TINY, "--valid", music / "twinkle.mid", "--verbose")
    assert done.status == 0, done.err
    data = spiral("info", model, "--json").json["data"]
    assert data["files"] == 3 and data["files_held_out"] == 1 and data["files_skipped"] == 3
    assert len(lines_with(done, "the same notes as in")) == 3
    assert failed(spiral("train", music, "-o", model, *TINY, "--valid", music), 1, "the same notes as in")
    assert spiral("train", music, "-o", model, *TINY, "--valid", music, "--keep-duplicates").status == 0


def test_output_is_checked_before_training(music, tmp_path):
    """Training of 100 hours: the error comes before it begins."""
    (tmp_path / "file").write_bytes(b"kept")
    for path in (tmp_path / "missing" / "m", tmp_path, tmp_path / "file" / "m", "/proc/self/m"):
        assert failed(spiral("train", music, "-o", path, "--time", "100h"), 1, path, "cannot write")
    assert tree(tmp_path) == {"file": b"kept"}


def test_file_that_is_not_a_model_is_not_overwritten(music, model, tune, tmp_path):
    for content in (tune.read_bytes(), b"my thesis", model.read_bytes()[:1000]):
        (tmp_path / "m").write_bytes(content)
        assert failed(spiral("train", music, "-o", tmp_path / "m", *TINY), 1, tmp_path / "m", "not overwritten")
        assert (tmp_path / "m").read_bytes() == content


def test_finished_model_and_empty_file_are_replaced(music, model, tmp_path):
    (tmp_path / "m").write_bytes(model.read_bytes())
    (tmp_path / "empty").touch()
    for name in ("m", "empty"):
        done = spiral("train", music, "-o", tmp_path / name, *TINY, "--seed", "2")
        assert done.status == 0, done.err
        assert digest(tmp_path / name) != digest(model)


def test_too_little_music_is_refused(tmp_path):
    tiny = tmp_path / "tiny.mid"
    tiny.write_bytes(one_note())
    assert failed(spiral("train", tiny, "-o", tmp_path / "m", *TINY), 1, "too few")
    (tmp_path / "tinier.mid").write_bytes(one_note(key=62))
    assert failed(spiral("train", tmp_path, "-o", tmp_path / "m", *TINY), 1, "too little music", "at least 8")
    assert not (tmp_path / "m").exists()


def test_valid_names_the_validation_files(music, tune, tmp_path):
    done = spiral("train", music, "--valid", tune, "-o", tmp_path / "m", *TINY)
    assert done.status == 0 and " of 1 to validate" in done.err
    assert failed(spiral("train", music, "--valid", tmp_path / "nope", "-o", tmp_path / "n", *TINY), 1, "nope")


def test_same_bytes_for_any_number_of_threads(music, model, tmp_path):
    for threads in ("1", "2", "3", "7"):
        folder = tmp_path / threads
        folder.mkdir()
        assert digest(trained(folder, music, "--threads", threads)) == digest(model)
    folder = tmp_path / "seed"
    folder.mkdir()
    assert digest(trained(folder, music, "--seed", "2")) != digest(model)


@pytest.mark.parametrize("loss", ["bce", "spiral", "energy", "gauss", "weighted_bce", "channel", "distance_mask", "distance_mask_circular"])
def test_every_loss_trains(loss, music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY, "--loss", loss, "--json", "--helix", "tonnetz")
    assert done.status == 0, done.err
    assert done.json["steps"] == 20 and done.json["windows_seen"] == 20 * 32
    assert spiral("info", tmp_path / "m", "--json").json["training"]["loss"] == loss


def test_a_preset_of_the_helix_is_kept_in_the_model(music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY, "--loss", "channel", "--helix", "octaves")
    assert done.status == 0, done.err
    training = spiral("info", tmp_path / "m", "--json").json["training"]
    assert training["helix_radii"] == [40, 0, 0, 0, 0, 0] and training["octave"] == 2.5 and training["blur_length"] == 0.5


def test_eta_belongs_to_the_channel(music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY, "--loss", "channel", "--eta", "0.4")
    assert done.status == 0, done.err
    assert spiral("info", tmp_path / "m", "--json").json["training"]["eta"] == 0.4
    assert failed(spiral("train", music, "-o", tmp_path / "n", *TINY, "--eta", "0.4"), 2, "--eta 0.4: only --loss channel")
    assert failed(spiral("train", music, "-o", tmp_path / "n", *TINY, "--loss", "channel", "--eta", "1"), 2, "--eta")


def test_more_steps_reduce_the_loss(music, tmp_path):
    flags = ["--hidden", "64", "--latent", "16", "--batch", "64", "--transpose", "0", "--valid", str(music),
             "--keep-duplicates", "--decoder", "0"]
    scores = []
    for steps in ("2", "150"):
        path = tmp_path / steps
        assert spiral("train", music, "-o", path, "--steps", steps, *flags).status == 0
        scores.append(spiral("eval", path, music, "--json").json)
    assert scores[1]["bce_nats"] < 0.7 * scores[0]["bce_nats"]
    assert scores[1]["frame"]["f1"] > scores[0]["frame"]["f1"]


def test_epochs_and_time_set_the_steps(music, tmp_path):
    few = spiral("train", music, "-o", tmp_path / "a", "--epochs", "1", *TINY[2:], "--json").json
    more = spiral("train", music, "-o", tmp_path / "b", "--epochs", "3", *TINY[2:], "--json").json
    assert few["steps"] >= 1 and abs(more["steps"] - 3 * few["steps"]) <= 2
    timed = spiral("train", music, "-o", tmp_path / "c", "--time", "2s", *TINY[2:], "--json").json
    assert timed["steps"] > 0


def test_steps_of_a_training_by_time_repeat_it(music, tune, model, tmp_path):
    common = ["--hidden", "16", "--latent", "4", "--batch", "32", "--decoder", "8"]
    done = spiral("train", music, "-o", tmp_path / "timed", "--time", "2s", *common)
    assert done.status == 0, done.err
    training = spiral("info", tmp_path / "timed", "--json").json["training"]
    assert sum(training["part_steps"]) == training["steps"]
    assert sum(training["decoder"]["part_steps"]) == training["decoder"]["steps"]
    done = spiral("train", music, "-o", tmp_path / "again", "--steps", tmp_path / "timed", *common)
    assert done.status == 0, done.err
    assert digest(tmp_path / "again") == digest(tmp_path / "timed")
    assert failed(spiral("train", music, "-o", tmp_path / "m", "--steps", model, "--quiet", *common), 1, model, "no decoder")
    assert failed(spiral("train", music, "-o", tmp_path / "m", "--steps", tune, "--quiet"), 1, tune)


def test_profile_is_a_table(music, tmp_path):
    args = ["train", music, "-o", tmp_path / "m", "--steps", "20", "--hidden", "16", "--latent", "4", "--batch", "32"]
    done = spiral(*args, "--decoder", "8", "--profile")
    assert done.status == 0 and "last layer, forward" in done.out and "of peak" in done.out, done.err
    profile = spiral(*args, "--decoder", "0", "--profile", "--json").json["profile"]
    assert set(profile) == {"peak_gflops", "autoencoder"}
    work = {row["work"]: row for row in profile["autoencoder"]}
    assert work["last layer, forward"]["gflops"] > 0 and "gflops" not in work["optimiser"]
    assert "profile" not in spiral(*args, "--decoder", "0", "--json").json
