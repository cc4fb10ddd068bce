# SPDX-License-Identifier: MIT
"""Model files: damaged ones are refused with a reason, valid ones can be read by other programs."""
import json
import random

import pytest
from program import digest, failed, read_model, spiral, trained, tree, write_model
from safetensors import safe_open


def model_verbs(model, tune, folder):
    return [["info", model], ["eval", model, tune], ["reconstruct", model, tune, "-o", folder / "r.mid"],
            ["sample", model, "-o", folder / "s"], ["interpolate", model, tune, tune, "-o", folder / "i"]]


def test_file_that_is_not_a_model_is_refused(tune, tmp_path):
    foreign = b'{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    cases = {"text": (b"hello", "safetensors"), "empty": (b"", "safetensors"),
             "foreign": (len(foreign).to_bytes(8, "little") + foreign + bytes(8), "not a Spiral model"),
             "midi": (tune.read_bytes(), "safetensors")}
    for name, (content, reason) in cases.items():
        bad = tmp_path / f"{name}.safetensors"
        bad.write_bytes(content)
        before = tree(tmp_path)
        for line in model_verbs(bad, tune, tmp_path):
            assert failed(spiral(*line), 1, bad, reason)
        assert tree(tmp_path) == before
    for line in model_verbs(tmp_path / "nope", tune, tmp_path):
        assert failed(spiral(*line), 1, "nope", "No such file or directory")
    for line in model_verbs(tmp_path, tune, tmp_path):
        assert failed(spiral(*line), 1, tmp_path, "is a folder")


def test_model_cut_at_any_length_is_refused(model, tmp_path):
    whole, cut = model.read_bytes(), tmp_path / "cut.safetensors"
    header = 8 + int.from_bytes(whole[:8], "little")
    sizes = {0, 1, 7, 8, 9, header // 2, header - 1, header, header + 1, len(whole) - 1, len(whole) - 4}
    for size in sorted(sizes | set(range(0, len(whole), len(whole) // 25))):
        cut.write_bytes(whole[:size])
        assert failed(spiral("info", cut), 1, cut)
    cut.write_bytes(whole + b"\0")
    assert failed(spiral("info", cut), 1, cut)


def test_model_with_changed_bytes_is_refused_or_works(model, tmp_path):
    """Without a checksum, a changed weight gives a model and a changed header does not; no run ends by a signal."""
    choose, bad = random.Random(2), tmp_path / "bad.safetensors"
    write_model(bad, *read_model(model))
    assert spiral("info", bad).status == 0
    whole = bad.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for i in range(120):
        content = bytearray(whole)
        for _ in range(choose.randint(1, 3)):
            content[choose.randrange(header if i % 2 else len(content))] ^= 1 << choose.randrange(8)
        bad.write_bytes(content)
        done = spiral("sample", bad, "-o", tmp_path / "s", "--length", "1bar")
        assert done.status == 0 or failed(done, 1, bad)


@pytest.mark.parametrize("key, value", [("frames", 0), ("frames", 10**9), ("low", -1), ("high", 200), ("latent", 0),
                                        ("latent", 5), ("hidden", 17), ("layers", 99), ("planes", 3), ("planes", 1),
                                        ("kind", "gan"), ("grid", "none"), ("steps_per_quarter", 0), ("format", "x")])
def test_model_with_a_wrong_config_field_is_refused(key, value, model, tmp_path):
    header, tensors = read_model(model)
    config = json.loads(header["__metadata__"]["spiral"])
    assert key in config
    config[key] = value
    header["__metadata__"]["spiral"] = json.dumps(config)
    bad = tmp_path / "bad.safetensors"
    write_model(bad, header, tensors)
    assert failed(spiral("info", bad), 1, bad)


def test_model_with_nan_is_refused(model, tmp_path):
    header, tensors = read_model(model)
    tensors[-4:] = b"\x00\x00\xc0\x7f"
    bad = tmp_path / "bad.safetensors"
    write_model(bad, header, tensors)
    assert failed(spiral("info", bad), 1, bad, "not finite")


@pytest.mark.parametrize("preset", ["36x36", "bar", "phrase"])
@pytest.mark.parametrize("kind", ["ae", "vae"])
def test_model_of_every_preset_and_kind_opens_with_safetensors(preset, kind, music, tmp_path):
    path = trained(tmp_path, music, "--preset", preset, "--kind", kind)
    info = spiral("info", path, "--json").json
    assert info["config"]["kind"] == kind and info["sha256"] == digest(path)
    assert info["config"]["frames"] == {"36x36": 36, "bar": 16, "phrase": 64}[preset]
    assert info["training"]["finished"] is True and info["training"]["steps"] == 20
    assert info["data"]["files"] + info["data"]["files_held_out"] == 4
    with safe_open(path, framework="np") as tensors:
        assert sorted(tensors.keys()) == sorted(t["name"] for t in info["tensors"])
        for tensor in info["tensors"]:
            rows, columns = tensor["shape"]
            values = tensors.get_tensor(tensor["name"])
            assert values.size == rows * columns and values.dtype == "float32"
            assert (values == values).all()
