# SPDX-License-Identifier: MIT
"""Model files and the safetensors library: each reads the files of the other.

SPIRAL_BUILD names the build folder with the helper model-file.
"""
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

np = pytest.importorskip("numpy")
safetensors = pytest.importorskip("safetensors")
from safetensors.numpy import load_file, save_file  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
MODEL_FILE = BUILD / "tests" / "model" / "model-file"


def run(verb, path):
    return subprocess.run([MODEL_FILE, verb, path], capture_output=True, text=True)


def ours(path):
    """{name: array} as model-file prints them."""
    result = run("print", path)
    assert result.returncode == 0, result.stderr
    tensors = {}
    for line in result.stdout.splitlines():
        name, rows, columns, *numbers = line.split()
        values = np.array([float.fromhex(x) for x in numbers], dtype=np.float32)
        tensors[name] = values.reshape(int(rows), int(columns))
    return tensors


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    assert run("save", path).returncode == 0
    return path


def metadata_of(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        return file.metadata()


def texts_of(path):
    """The metadata without the checksum, which is right only for the bytes of that file."""
    return {name: text for name, text in metadata_of(path).items() if not name.startswith("checksum")}


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in theirs.items():
        assert array.dtype == np.float32
        wanted = ours[name][0] if ours[name].shape[0] == 1 else ours[name]
        assert array.shape == wanted.shape, name
        assert array.tobytes() == wanted.tobytes(), name


def test_library_reads_ours(saved):
    tensors = ours(saved)
    assert_same(tensors, load_file(saved))
    assert tensors["encoder.0.weight"].shape == (2 * 4 * 5, 7 + 3)
    assert tensors["latent.weight"].shape == (7, 2 * 3)
    metadata = metadata_of(saved)
    assert set(metadata) == {"spiral", "data", "training", "checksum", "checksum_method"}
    config = json.loads(metadata["spiral"])
    assert config["format"] == "spiral-model-2"
    assert (config["kind"], config["planes"], config["frames"]) == ("vae", 2, 4)
    assert json.loads(metadata["data"]) == {"files": 1}


def test_checksum_is_the_sha256_of_the_file_with_zeros_in_its_place(saved):
    metadata, content = metadata_of(saved), saved.read_bytes()
    digits = metadata["checksum"].encode()
    assert content.count(digits) == 1 and "SHA-256" in metadata["checksum_method"]
    assert hashlib.sha256(content.replace(digits, b"0" * 64)).hexdigest().encode() == digits


def test_we_read_the_librarys(saved, tmp_path):
    """The safetensors library has another order of tensors and metadata, and other spaces in the header."""
    again = tmp_path / "again.safetensors"
    rng = np.random.default_rng(1)
    tensors = {name: rng.standard_normal(a.shape, dtype=np.float32) for name, a in load_file(saved).items()}
    save_file(tensors, again, metadata=texts_of(saved))
    assert again.read_bytes() != saved.read_bytes()
    assert_same(ours(again), tensors)


def test_half_precision_is_refused(saved, tmp_path):
    half = tmp_path / "half.safetensors"
    tensors = load_file(saved)
    tensors["out.bias"] = tensors["out.bias"].astype(np.float16)
    save_file(tensors, half, metadata=texts_of(saved))
    result = run("print", half)
    assert result.returncode != 0
    assert "numbers, the file" in result.stderr or "out.bias" in result.stderr


def test_foreign_file_is_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(3, dtype=np.float32)}, path)
    result = run("print", path)
    assert result.returncode != 0
    assert "not a Spiral model" in result.stderr
