# SPDX-License-Identifier: MIT
"""The torch autoencoder and the C one: the same file, the same logits, the same training."""

import ctypes
import dataclasses
import json
import math
import subprocess

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import SOURCE, built  # noqa: E402

from spiral_loss import SpiralLoss, _safetensors, midi  # noqa: E402
from spiral_loss.decoder import Decoder, features  # noqa: E402
from spiral_loss.metrics import MultiPitch  # noqa: E402
from spiral_loss.model import OLD_FIELDS, WORDS, Autoencoder, Config  # noqa: E402

STEPS, BATCH = 10, 96


class CModel:
    """A model in libspiral-net, through its public calls."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(str(built("libspiral-net.so")))
        for name in ("spiral_model_encode", "spiral_model_decode"):
            getattr(self.lib, name).restype = None
        self.lib.spiral_model_cells.restype = ctypes.c_size_t
        self.model, self.work = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.lib.spiral_model_load(str(path).encode(), ctypes.byref(self.model), None) == 0
        assert self.lib.spiral_model_work_create(self.model, ctypes.byref(self.work), None) == 0

    def forward(self, windows, low, code):
        """(latents, logits) of windows (B, planes, T, P)."""
        count, planes, columns, keys = windows.shape
        words = np.ascontiguousarray(midi.pack(windows.reshape(-1, keys), low))
        latents, logits = np.empty((count, code), np.float32), np.empty(windows.shape, np.float32)
        size = ctypes.c_size_t(count)
        kl = np.empty(count)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (words, latents, kl, logits)]
        self.lib.spiral_model_encode(self.model, size, pointers[0], pointers[1], pointers[2], self.work)
        self.lib.spiral_model_decode(self.model, size, pointers[1], pointers[3], self.work)
        return latents, logits, kl


CONFIGS = [
    Config(hidden=64, latent=8),
    Config(hidden=40, latent=5, layers=3, planes=2, low=40, high=79, frames=20),
    Config(hidden=32, latent=7, layers=2, kind="vae", grid="beats", frames=16),
]


@pytest.mark.parametrize("config", CONFIGS, ids=["ae", "two planes, three layers", "vae"])
def test_c_and_torch_give_the_same_codes_and_logits(config, tmp_path):
    torch.manual_seed(3)
    model = Autoencoder(config).eval()
    for p in model.parameters():  # including those whose first values are 1 or 0
        p.data += 0.1 * torch.randn_like(p)
    model.save(tmp_path / "m.safetensors")
    windows = torch.rand(70, config.planes, config.frames, config.keys) < 0.1
    latents, logits, kl = CModel(tmp_path / "m.safetensors").forward(windows.numpy(), config.low, config.latent)
    with torch.no_grad():
        mean, log_variance = model.posterior(windows)
        ours = model(windows).numpy()
    scale = np.abs(logits).max()
    assert np.abs(mean.numpy() - latents).max() < 1e-5 * max(1, np.abs(latents).max())
    assert np.abs(ours - logits).max() < 1e-5 * max(1, scale)
    if log_variance is not None:
        assert np.allclose(model.kl(mean, log_variance).sum(1).numpy(), kl, rtol=1e-5)


def read_batches(path, cells, code, vae):
    numbers = np.fromfile(path, np.float32).reshape(STEPS, BATCH * (cells + (code if vae else 0)))
    for row in numbers:
        targets = torch.from_numpy(row[: BATCH * cells].reshape(BATCH, cells))
        yield targets, torch.from_numpy(row[BATCH * cells :].reshape(BATCH, -1)) if vae else None


def torch_step(model, optimizer, targets, noise, rate):
    """One step as in src/train/objective.c and optimizer.c, the KL term with free bits. Returns the loss per window."""
    windows = targets.reshape(BATCH, *model._shape())
    mean, log_variance = model.posterior(windows)
    latents = mean if noise is None else mean + torch.exp(0.5 * log_variance) * noise
    loss = SpiralLoss(pitch_dim=-1, time_dim=-2, reduction="sum")
    shown = total = loss(model.decode(latents), windows) / BATCH
    if noise is not None:
        kl = model.kl(mean, log_variance)
        total = total + torch.where(kl > 0.1, kl, kl.detach()).sum() / BATCH
        shown = shown + kl.sum() / BATCH
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return float(shown.detach())


@pytest.mark.parametrize("kind", ["ae", "vae"])
def test_ten_steps_in_c_and_in_torch_give_the_same_losses(kind, songs, tmp_path):
    helper = built("tests", "train", "ten-steps")
    out = subprocess.run([helper, kind, tmp_path, *songs], capture_output=True, text=True, check=True).stdout
    rates, theirs = np.array([list(map(float, line.split())) for line in out.splitlines()]).T
    assert len(theirs) == STEPS
    model = Autoencoder.load(tmp_path / "start.safetensors")
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2]
    vectors = [p for n, p in model.named_parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}],
        betas=(0.9, 0.99),
    )
    batches = read_batches(tmp_path / "batches.f32", model.config.cells, model.config.latent, kind == "vae")
    ours = [torch_step(model, optimizer, t, n, r) for (t, n), r in zip(batches, rates)]
    assert theirs[-1] < 0.98 * theirs[0], "the steps must do something"
    assert np.abs(np.array(ours) / theirs - 1).max() < 1e-5
    end = Autoencoder.load(tmp_path / "end.safetensors")
    with torch.no_grad():
        logits, wanted = (
            model.eval()(t := torch.eye(model.config.cells).reshape(-1, *model._shape())),
            end.eval()(t),
        )
    assert (logits - wanted).abs().max() < 1e-2 * wanted.abs().max()
    measured = {name: getattr(end.latents, name).clone() for name in ("mean", "factor", "step", "noise", "density")}
    end.measure([midi.read(path).to_roll(steps_per_quarter=4).sounding.T for path in songs])
    for name, theirs in measured.items():
        ours = getattr(end.latents, name)
        assert theirs.abs().max() > 0
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max(), name


def read_streams(path, rows, keys, hidden):
    """The streams of each step, from a file of ten-steps."""
    numbers, at = np.fromfile(path, np.float32), 0

    def take(*shape):
        nonlocal at
        size = int(np.prod(shape))
        at += size
        return numbers[at - size : at].reshape(shape)

    for _ in range(STEPS):
        streams = []
        for _ in range(4):
            draw, done, frames, length, given, sketched = map(int, take(6))
            cells = [take(length, keys) for _ in range(3)]
            sketch = take(length, 2, keys)
            scale = [torch.from_numpy(take(n)) for n in rows]
            dropout = torch.from_numpy(take(3, 32, hidden)[:, :frames, None])
            streams.append(
                {
                    "draw": draw,
                    "part": slice(done, done + frames),
                    "cells": (*cells[:2], cells[2] if given else None, sketch if sketched else None),
                    "scale": scale,
                    "dropout": dropout,
                }
            )
        yield streams
    assert at == len(numbers)


def decoder_step(decoder, streams, states):
    """The nats per frame of a step of the decoder; states: the number of the draw and the state of each stream."""
    total, count = 0.0, sum(s["part"].stop - s["part"].start for s in streams)
    for i, s in enumerate(streams):
        sounding, onsets, known, _ = s["cells"]
        part, (draw, state) = s["part"], states[i]
        read = features(*s["cells"], low=decoder.config["low"], bar=decoder.bar)
        before = state if draw == s["draw"] else None
        logits, after = decoder(*(x[part] for x in read), before, s["scale"], s["dropout"])
        states[i] = s["draw"], after.detach()
        given = None if known is None else known[part]
        total = total + decoder.frame_nats(logits, sounding[part], onsets[part], given).sum() / count
    return total


def test_ten_steps_of_the_decoder_in_c_and_in_torch_give_the_same_nats(songs, tmp_path):
    helper = built("tests", "train", "ten-steps")
    out = subprocess.run([helper, "decoder", tmp_path, *songs], capture_output=True, text=True, check=True).stdout
    rates, theirs = np.array([list(map(float, line.split())) for line in out.splitlines()]).T
    decoder = Decoder.load(tmp_path / "start.safetensors")
    matrices = [p for p in decoder.parameters() if p.dim() == 2]
    vectors = [p for p in decoder.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    rows = decoder.recurrent_rows.shape[0], decoder.head_rows.shape[0]
    ours, states, kinds = [], [(None, None)] * 4, set()
    for rate, streams in zip(rates, read_streams(tmp_path / "batches.f32", rows, 36, 24)):
        kinds |= {(s["cells"][2] is not None, s["cells"][3] is not None) for s in streams}
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        nats = decoder_step(decoder, streams, states)
        nats.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        ours.append(float(nats.detach()))
        assert all({float(x) for x in s["dropout"].unique()} >= {0.0} for s in streams), "all have dropout"
    assert len(kinds) > 2, "streams with and without given cells, with and without a sketch"
    assert np.abs(np.array(ours) / theirs - 1).max() < 1e-5
    end = Decoder.load(tmp_path / "end.safetensors")
    for (name, p), q in zip(decoder.named_parameters(), end.parameters()):
        assert (p - q).abs().max() < 1e-3 * q.abs().max(), name


def test_the_decoders_likelihood_is_that_of_the_program(songs, program, tmp_path):
    model = tmp_path / "m.safetensors"
    length = ["--steps", "30", "--decoder-steps", "60"]
    program("train", *songs, "--valid", songs[0], "-o", model, "--preset", "bar", "--hidden", "16", *length)
    wanted = json.loads(program("eval", "--json", model, songs[0]))["likelihood"]["nats_per_frame"]
    decoder = Decoder.load(model)
    low, high = decoder.config["low"], decoder.config["high"]
    roll = midi.read(songs[0]).to_roll(steps_per_quarter=4, low=low, high=high, onsets=True)
    nats = decoder.nats(roll.frames.T, roll.onsets.T)
    assert abs(float(nats.double().mean()) / wanted - 1) < 1e-5


def chorale_rolls(songs):
    return [midi.read(path).to_roll(steps_per_quarter=4) for path in songs]


@pytest.fixture(scope="module")
def trained(songs, tmp_path_factory):
    """A model trained with PyTorch for a few seconds, and its file."""
    torch.manual_seed(1)
    rolls = chorale_rolls(songs)
    windows = torch.from_numpy(np.concatenate([r.windows(32, hop=4) for r in rolls]).swapaxes(1, 2)[:, None]).float()
    model = Autoencoder(Config(grid="beats", frames=32, latent=12, hidden=96))
    model.start_from(windows)
    loss = SpiralLoss(pitch_dim=-1, time_dim=-2)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss(model(windows), windows).backward()
        optimizer.step()
    model.measure([r.sounding.T for r in rolls], threshold=-0.25)
    path = tmp_path_factory.mktemp("model") / "torch.safetensors"
    model.save(path)
    return model.eval(), path, windows, rolls


def test_the_program_takes_a_model_trained_in_torch(trained, songs, program, tmp_path):
    model, path, windows, _ = trained
    info = json.loads(program("info", "--json", path))
    assert info["config"]["threshold"] == -0.25
    assert info["config"]["latent"] == 12
    program("sample", path, "-n", "2", "-o", tmp_path)
    made = [midi.read(p) for p in sorted(tmp_path.glob("*.mid"))]
    assert len(made) == 2
    assert all(len(m.notes) > 5 and not m.warnings for m in made)
    assert all(m.notes["pitch"].min() >= 48 and m.notes["pitch"].max() <= 83 for m in made)
    said = json.loads(program("eval", "--json", path, *songs))
    score = MultiPitch(threshold=-0.25, pitch_dim=-1, time_dim=-2)
    for roll in chorale_rolls(songs):  # the silence after the end of a piece, in its last window, is not scored
        inside = dataclasses.replace(roll, sounding=np.ones_like(roll.sounding)).windows(32)
        right, inside = (torch.from_numpy(w.swapaxes(1, 2))[:, None] for w in (roll.windows(32), inside))
        heard = right.flatten(1).any(1)
        with torch.no_grad():
            score.update(((model(right) > -0.25) & inside)[heard], right[heard])
    assert score.compute()["F1"] > 0.6
    assert math.isclose(score.compute()["F1"], said["frame"]["f1"], abs_tol=1e-6)
    assert math.isclose(score.compute()["Exact Windows"], said["exact_windows"], abs_tol=1e-6)


def test_the_program_says_that_a_model_was_not_measured(tmp_path):
    Autoencoder(Config(hidden=16)).save(tmp_path / "m.safetensors")
    run = [built("cli", "spiral"), "sample", tmp_path / "m.safetensors", "-o", tmp_path / "new"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Autoencoder.measure(rolls) before save" in done.stderr


def test_rolls_are_measured_as_their_arrays(trained):
    _, path, _, rolls = trained
    of_rolls, of_arrays = (Autoencoder.load(path) for _ in range(2))
    of_rolls.measure(rolls)
    of_arrays.measure([r.sounding.T for r in rolls])
    assert torch.equal(of_rolls.latents.factor, of_arrays.latents.factor)
    model = Autoencoder(Config(planes=2, hidden=16))
    cells = np.zeros((36, 50), bool)
    cells[3, 7] = True
    onsets = cells.copy()
    cells[3, 8:] = True
    model.measure([midi.Roll(cells, onsets, frame_s=0.01)])
    assert float(model.latents.density) == pytest.approx(43 / 50)


def roll_of(frames=50, keys=36, note=True, **grid):
    cells = np.zeros((keys, frames), bool)
    cells[3, 7] = note
    return midi.Roll(cells, **(grid or {"frame_s": 0.01}))


@pytest.mark.parametrize(
    ("rolls", "sentence"),
    [
        ([roll_of(steps_per_quarter=4)], "a roll has 4 frames a quarter: must have frames of 10000 us"),
        ([roll_of(frame_s=0.02)], "a roll has frames of 20000 us: must have frames of 10000 us"),
        ([roll_of(frame_s=0.01, low=40)], "a roll has keys 40 to 75: must have 48 to 83"),
        ([roll_of().sounding], r"a roll has shape \(1, 36, 50\): must be \(1, frames, 36\)"),
        ([roll_of(note=False)], "rolls are silent"),
        ([], "rolls is empty"),
    ],
)
def test_rolls_that_do_not_fit_are_not_measured(rolls, sentence):
    with pytest.raises(ValueError, match=sentence):
        Autoencoder(Config(hidden=16)).measure(rolls)


def test_planes_of_onsets_are_asked_for():
    with pytest.raises(ValueError, match=r"no onsets: .* to_roll\(onsets=True\)"):
        Autoencoder(Config(planes=2, hidden=16)).measure([roll_of()])
    with pytest.raises(TypeError, match=r"pass \[roll\]"):
        Autoencoder(Config(hidden=16)).measure(roll_of())


@pytest.mark.parametrize("call", ["forward", "encode", "start_from"])
@pytest.mark.parametrize("frames", [32, 36])
def test_windows_in_another_order_are_refused(call, frames):
    model = Autoencoder(Config(frames=frames, hidden=16))
    with pytest.raises(ValueError, match=rf"must be \(B, planes, .* \(B, 1, {frames}, 36\); .* windows.mT\[:, None\]"):
        getattr(model, call)(torch.zeros(20, 36, frames))
    with pytest.raises(ValueError, match=rf"\(B, 1, {frames}, 36\)$"):
        getattr(model, call)(torch.zeros(20, 1, frames, 40))


def test_file_returns_bit_for_bit(trained, tmp_path):
    model, path, windows, _ = trained
    again = Autoencoder.load(path).eval()
    assert again.config == model.config
    assert again.threshold == model.threshold
    for (name, a), (_, b) in zip(model.state_dict().items(), again.state_dict().items()):
        assert torch.equal(a, b), name
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_state_bears_the_names_of_the_list(trained):
    model, path, _, _ = trained
    names = set(_safetensors.load(path)[0])
    lib = CModel(path)

    class Tensor(ctypes.Structure):
        _fields_ = (
            ("name", ctypes.c_char_p),
            ("rows", ctypes.c_size_t),
            ("columns", ctypes.c_size_t),
            ("group", ctypes.c_int),
            ("data", ctypes.c_void_p),
        )

    lib.lib.spiral_model_get_tensor.restype = ctypes.POINTER(Tensor)
    lib.lib.spiral_model_tensor_count.restype = ctypes.c_size_t
    count = lib.lib.spiral_model_tensor_count(lib.model)
    theirs = {
        lib.lib.spiral_model_get_tensor(lib.model, ctypes.c_size_t(i)).contents.name.decode() for i in range(count)
    }
    assert names == theirs == set(model.state_dict())


class Field(ctypes.Structure):
    """spiral_model_field."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("old_name", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("least", ctypes.c_int),
        ("most", ctypes.c_int),
        ("initial", ctypes.c_int),
        ("optional", ctypes.c_int),
        ("grid", ctypes.c_int),
        ("words", ctypes.POINTER(ctypes.c_char_p)),
    )
    INT, FLAG, CHOICE = range(3)

    def values(self):
        """The Python values of its numbers."""
        if self.kind == Field.CHOICE:
            return [self.words[i].decode() for i in range(self.most + 1)]
        return [False, True] if self.kind == Field.FLAG else range(self.least, self.most + 1)


@pytest.fixture(scope="module")
def fields():
    """The table of the C library."""
    lib = ctypes.CDLL(str(built("libspiral-net.so")))
    lib.spiral_model_field_count.restype = ctypes.c_size_t
    lib.spiral_model_get_field.restype = ctypes.POINTER(Field)
    return [lib.spiral_model_get_field(ctypes.c_size_t(i)).contents for i in range(lib.spiral_model_field_count())]


def test_config_has_the_fields_of_the_c_table(fields):
    ours = {f.name: f.default for f in dataclasses.fields(Config)}
    assert {*ours, "decoder"} == {f.name.decode() for f in fields}
    for f in fields:
        name = f.name.decode()
        values = f.values()
        first = 0 if f.kind != Field.INT else f.least
        assert ours[name] == values[f.initial - first], name
        assert OLD_FIELDS.get(name) == (f.old_name.decode() if f.old_name else None)
        grid = {"grid": WORDS["grid"][f.grid]} if f.grid >= 0 else {}
        small = {"frames": 1} if name == "planes" else {}
        for end in values[0], values[-1]:  # both limits are accepted, values beyond them are refused
            low_high = {"low": 0, "high": 127} if name in ("low", "high") else {}
            dataclasses.replace(Config(), **{**grid, **small, **low_high, "frames": 1, name: end})
        if f.kind == Field.INT:
            for beyond in f.least - 1, f.most + 1:
                with pytest.raises(ValueError, match=f"{name} is {beyond}"):
                    dataclasses.replace(Config(), **{**grid, name: beyond})
        if f.kind == Field.CHOICE:
            with pytest.raises(ValueError, match=f"{name} is 'other'"):
                dataclasses.replace(Config(), **{name: "other"})


def config_of(path):
    return json.loads(_safetensors.load(path)[1]["spiral"])


@pytest.mark.parametrize("name", ["version-0.1.safetensors", "before-pedal.safetensors"])
def test_old_files_open_and_are_saved_under_new_names(name, tmp_path):
    path = SOURCE / "tests" / "model" / name
    model = Autoencoder.load(path)
    said = config_of(path)
    assert (model.config.latent, model.config.frames) == (said["code"], said["columns"])
    assert model.config.pedal == said.get("pedal", False)
    assert model.config.out_of_range == said.get("out_of_range", "drop")
    model.save(tmp_path / "new.safetensors")
    new = config_of(tmp_path / "new.safetensors")
    assert (new["format"], new["networks"], new["latent"]) == ("spiral-model-2", ["autoencoder"], said["code"])
    assert not set(OLD_FIELDS.values()) & set(new)
    CModel(tmp_path / "new.safetensors")
    arrays, old = _safetensors.load(tmp_path / "new.safetensors")[0], _safetensors.load(path)[0]
    assert np.array_equal(arrays["latent.weight"], old["code.weight"])
    assert np.array_equal(arrays["latents.step"], old["codes.step"])


def test_a_model_of_the_program_returns_in_every_field(songs, program, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    program("train", songs[0], songs[1], "-o", first, "--pedal", "--out-of-range", "fold", "--kind", "vae", "--low", 50,
            "--high", 75, "--grid", "1/12", "--steps", 2, "--batch", 8, "--quiet")  # fmt: skip
    arrays, metadata = _safetensors.load(first)
    said = {**json.loads(metadata["spiral"]), "of 2030": {"a": [1, None]}}
    _safetensors.save(first, arrays, {**metadata, "spiral": json.dumps(said), "card": "of another program"})
    Autoencoder.load(first).save(second)
    assert config_of(second) == said
    assert (said["pedal"], said["out_of_range"], said["kind"]) == (True, "fold", "vae")
    assert said["decoder"] > 0
    CModel(second)  # the program's library opens it
    again, texts = _safetensors.load(second)
    assert {k: v for k, v in texts.items() if k != "spiral"} == {
        k: v for k, v in {**metadata, "card": "of another program"}.items() if k != "spiral"
    }
    assert set(again) == set(arrays)
    for name in arrays:
        assert np.array_equal(again[name], arrays[name]), name


def spoil(path, out, change):
    arrays, metadata = _safetensors.load(path)
    change(arrays, metadata)
    _safetensors.save(out, arrays, metadata)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a, m: a.pop("out.bias"), "out.bias is missing"),
        (lambda a, m: a.update({"out.bias": np.zeros(3, np.float32)}), r"shape \(3,\)"),
        (lambda a, m: m.pop("spiral"), "no config"),
        (lambda a, m: m.update(spiral=m["spiral"].replace("spiral-model-2", "spiral-model-9")), "format"),
        (lambda a, m: m.update(spiral=m["spiral"].replace('"hidden":96', '"hidden":0')), "hidden is 0"),
    ],
)
def test_damaged_models_are_refused(trained, tmp_path, change, sentence):
    spoil(trained[1], tmp_path / "bad.safetensors", change)
    with pytest.raises(ValueError, match=sentence):
        Autoencoder.load(tmp_path / "bad.safetensors")


def test_damaged_bytes_are_refused(trained, tmp_path):
    whole = trained[1].read_bytes()
    for n in (0, 7, 8, 100, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r"cut\.safetensors"):
            Autoencoder.load(tmp_path / "cut.safetensors")
    for longer, reason in (
        (whole + b"\0", "its checksum is not that of its bytes"),
        (whole.replace(b'"checksum', b'"no_check') + b"\0", "tensors end at byte"),
    ):
        (tmp_path / "cut.safetensors").write_bytes(longer)
        with pytest.raises(ValueError, match=reason):
            Autoencoder.load(tmp_path / "cut.safetensors")


def test_saved_files_have_the_permissions_of_new_files(tmp_path):
    Autoencoder(Config(hidden=8, latent=2)).save(tmp_path / "m.safetensors")
    (tmp_path / "new").write_bytes(b"")
    assert (tmp_path / "m.safetensors").stat().st_mode == (tmp_path / "new").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2


def test_a_note_decoder_is_not_invented(tmp_path):
    with pytest.raises(ValueError, match="decoder is 64, and the model holds 0 tensors"):
        Autoencoder(Config(hidden=8, latent=2, decoder=64)).save(tmp_path / "m.safetensors")


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    model = Autoencoder(Config(hidden=8, latent=2))
    model.out.bias.data[3] = math.nan
    with pytest.raises(ValueError, match="out.bias"):
        model.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())
