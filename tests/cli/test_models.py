# SPDX-License-Identifier: MIT
"""The model that comes with the program: found by name, and used where MODEL is left out."""
import hashlib
import shutil

import pytest
from program import PROGRAM, SOURCE, failed, is_music, spiral, tree

SHIPPED = SOURCE / "models" / "chorales.safetensors"


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.mid"
    assert spiral("render", SOURCE / "data" / "scores" / "old-hundredth.txt", "-o", path).status == 0
    return path


@pytest.mark.parametrize("name", [[], ["chorales"]])
def test_info_without_model_and_by_name_is_about_the_shipped_model(name):
    done = spiral("info", *name, "--json")
    assert done.status == 0, done.err
    assert done.json["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


def test_shipped_model_has_both_networks_in_less_than_2_mb():
    config = spiral("info", "--json").json["config"]
    assert config["decoder"] > 0 and config["latent"] > 0
    assert SHIPPED.stat().st_size < 2_000_000


def test_sample_without_model_writes_music_in_the_current_folder(tmp_path):
    assert spiral("sample", "--length", "4bars", cwd=tmp_path).status == 0
    assert list(tree(tmp_path)) == ["sample-1.mid"]
    is_music(tmp_path / "sample-1.mid", 36, 83)


@pytest.mark.parametrize("verb, name", [("continue", "continue-1.mid"), ("fill", "fill-1.mid"), ("vary", "vary-1.mid"),
                                        ("harmonize", "harmonize-1.mid"), ("reconstruct", "reconstruction.mid"),
                                        ("encode", "latents.npy")])
def test_verbs_of_one_piece_take_the_shipped_model_if_none_is_named(verb, name, tune, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    assert spiral(verb, tune, cwd=folder).status == 0
    without = tree(folder)
    assert list(without) == [name]
    assert spiral(verb, SHIPPED, tune, cwd=folder).status == 0
    assert tree(folder) == without


def test_interpolate_takes_the_shipped_model_if_two_pieces_are_named(tune, tmp_path):
    done = spiral("interpolate", tune, tune, "-n", "2", "-o", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    assert len(done.json["files"]) == 2


def test_a_file_of_that_name_is_taken_before_the_shipped_model(tmp_path):
    (tmp_path / "chorales").write_bytes(b"no model")
    failed(spiral("info", "chorales", cwd=tmp_path), 1, "chorales")


def test_an_unknown_name_is_refused(tmp_path):
    failed(spiral("info", "symphonies", cwd=tmp_path), 1, "symphonies", "no shipped model")


def test_a_path_is_never_the_name_of_a_shipped_model(tmp_path):
    failed(spiral("info", "./chorales", cwd=tmp_path), 1, "./chorales")


def test_a_moved_program_finds_the_models_beside_it(tmp_path):
    program, models = tmp_path / "bin" / "spiral", tmp_path / "share" / "spiral" / "models"
    program.parent.mkdir()
    models.mkdir(parents=True)
    shutil.copy(PROGRAM, program)
    shutil.copy(SHIPPED, models / "other.safetensors")
    assert spiral("info", "other", "--json", program=program).status == 0
