# SPDX-License-Identifier: MIT
"""The autoencoder of the C program as a torch.nn.Module, in the same model file.

    model = Autoencoder(Config(grid="beats", steps_per_quarter=4))  # or Autoencoder.load("model.safetensors")
    logits = model(windows)                                # (B, planes, T, P), as docs/formats.md orders cells
    model.measure(rolls); model.save("model.safetensors")  # then: spiral sample model.safetensors -o new/

`Autoencoder` has an example of a training, from notes to a model file.

Parameters have the names and shapes of the file (docs/formats.md). The arithmetic is that of src/model/autoencoder.c:
a network and a linear path beside it, on each side of the latent.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterable
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from . import _names, _safetensors
from .midi import Roll

__all__ = ["Autoencoder", "Config"]

FORMAT, NETWORK = "spiral-model-2", "autoencoder"
NOTES = "notes"  # the note-by-note decoder, and the prefix of its tensors; kept, but not run here
OLD_FORMAT = "spiral-autoencoder-1"  # of version 0.1, with other names:
OLD_FIELDS = {"frame_us": "column_us", "frames": "columns", "latent": "code"}
OLD_TENSORS = {"latent.": "code.", "latents.": "codes."}
NOT_FIELDS = ("format", "networks", "threshold")
LOG_VARIANCE_SHIFT = -4.0  # a new vae is nearly deterministic
LOGIT_SLOPE = 6.0  # of the linear path at its start, where the reconstruction crosses one half
NORM_EPSILON = 1e-5
MAX_PAIRS = 16384
Rolls = Iterable[Union[npt.NDArray[Any], Roll]]

WORDS = {"kind": ("ae", "vae"), "grid": ("seconds", "beats"), "out_of_range": ("drop", "fold", "fit")}


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}: must be {low} to {high}")


@dataclasses.dataclass(frozen=True)
class Config:
    """The shape of a model and the meaning of its cells; the fields of the file's metadata (docs/formats.md).

    Of the grid, keys and frames, the model itself only uses the numbers of keys and frames; the program needs all of
    them, so they must be those of the rolls: for `to_roll(steps_per_quarter=4)`, Config(grid="beats",
    steps_per_quarter=4). The default is `to_roll(frame_s=0.01)`. `Autoencoder.measure` compares them.

    Raises:
        ValueError: a field is outside its range.

    Example:
        >>> Config(low=21, high=108).keys
        88
    """

    low: int = 48
    high: int = 83
    frames: int = 36
    planes: int = 1
    kind: str = "ae"
    latent: int = 16
    hidden: int = 512
    layers: int = 1
    grid: str = "seconds"
    frame_us: int = 10000
    steps_per_quarter: int = 4
    drums: bool = False
    pedal: bool = False
    out_of_range: str = "drop"
    decoder: int = 0
    drum_channels: int = 0

    def __post_init__(self) -> None:
        _within("low", self.low, 0, 127)
        _within("high", self.high, self.low, 127)
        for name, limit in (("frames", 512), ("planes", 2), ("latent", 1024), ("hidden", 4096), ("layers", 8)):
            _within(name, getattr(self, name), 1, limit)
        _within("decoder", self.decoder, 0, 512)
        _within("drum_channels", self.drum_channels, 0, 0xFFFF)
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}: must be one of {', '.join(words)}")
        if self.grid == "seconds":
            _within("frame_us", self.frame_us, 1000, 1000000)
        else:
            _within("steps_per_quarter", self.steps_per_quarter, 1, 96)
        _within("planes * frames * keys", self.cells, 1, 65536)

    @property
    def keys(self) -> int:
        """P."""
        return self.high - self.low + 1

    @property
    def cells(self) -> int:
        """D."""
        return self.planes * self.frames * self.keys


class _Layer(torch.nn.Module):
    """A matrix (in, out), and layer normalisation before SiLU of its first `hidden` outputs."""

    weight: Tensor

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inputs, outputs) * (1.414 / math.sqrt(inputs)))
        self.norm = torch.nn.LayerNorm(hidden, eps=NORM_EPSILON)

    def activate(self, x: Tensor) -> Tensor:
        normal: Tensor = self.norm(x)
        return F.silu(normal)


class _Linear(torch.nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inputs, outputs) / math.sqrt(inputs))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class _Layers(torch.nn.ModuleList):
    """A side's layers, with their type."""

    def __init__(self, sizes: Iterable[tuple[int, int]], hidden: int) -> None:
        super().__init__(_Layer(inputs, outputs, hidden) for inputs, outputs in sizes)

    def all(self) -> list[_Layer]:
        return [layer for layer in self if isinstance(layer, _Layer)]


class _Measured(torch.nn.Module):
    """What is measured on the training data and not trained: buffers by name."""

    mean: Tensor
    basis: Tensor

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))


class Autoencoder(torch.nn.Module):
    """A window of a roll -> a latent of a few numbers -> a window of logits.

    Args:
        config: shape and meaning; the default is the program's: 36 x 36 cells, 16 latent numbers, 512 hidden units,
            frames of 10 ms.

    Attributes:
        metadata: the texts of the model file by name, "data" and "training" among them.
        note_decoder: tensors of the note-by-note decoder of a loaded file, by name; they are saved again.
        unknown: fields of a loaded config that this version does not know; they are saved again.

    Shape:
        - input: windows, (B, planes, frames, keys), ones and zeros; `Roll.windows` gives (N, keys, frames): see the
          example. Another shape is refused, but with as many frames as keys the wrong order cannot be noticed.
        - latents: (B, latent).
        - output: logits, as the input.

    Example:
        >>> model = Autoencoder(Config(hidden=32, latent=4))
        >>> windows = torch.zeros(2, 1, 36, 36)
        >>> model.encode(windows).shape, model(windows).shape
        (torch.Size([2, 4]), torch.Size([2, 1, 36, 36]))

        A training; more music and more steps give a better model.

        >>> from spiral_loss import SpiralLoss, midi
        >>> song = midi.from_notes({"start": [0, 1, 2], "end": [1, 2, 4], "pitch": [60, 64, 67]})  # or midi.read(path)
        >>> rolls = [song.to_roll(steps_per_quarter=4)]
        >>> windows = np.concatenate([roll.windows(36, hop=4) for roll in rolls])  # (N, keys, frames)
        >>> windows = torch.from_numpy(windows).mT[:, None]  # (N, 1, frames, keys)
        >>> model = Autoencoder(Config(grid="beats", steps_per_quarter=4, frames=36, low=48, high=83, hidden=32))
        >>> loss = SpiralLoss(pitch_dim=-1, time_dim=-2)
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        >>> for step in range(3):
        ...     optimizer.zero_grad()
        ...     loss(model(windows), windows).backward()
        ...     optimizer.step()
        >>> model.measure(rolls)  # without it `spiral sample` refuses the model
        >>> model.save("model.safetensors")  # doctest: +SKIP
    """

    def __init__(self, config: Config = Config()) -> None:
        super().__init__()
        c, D, H, Z = config, config.cells, config.hidden, config.latent
        self.config, self.threshold = config, 0.0
        self.metadata: dict[str, str] = {"data": "", "training": ""}
        self.note_decoder: dict[str, npt.NDArray[np.float32]] = {}
        self.unknown: dict[str, Any] = {}
        inner = [(H, H)] * (c.layers - 1)
        self.encoder = _Layers([(D, H + Z), *inner], H)
        self.latent = _Linear(H, 2 * Z if c.kind == "vae" else Z)
        self.decoder = _Layers([(Z, H), *inner], H)
        self.out = _Linear(H + Z, D)
        self.pca = _Measured(mean=(D,), basis=(Z, D))
        self.latents = _Measured(mean=(Z,), factor=(Z, Z), step=(Z, Z), noise=(Z, Z), density=(1,))

    @property
    def notes(self) -> dict[str, str]:
        """The old name of `metadata`."""
        _names.warn("Autoencoder.notes", "Autoencoder.metadata")
        return self.metadata

    def _shape(self) -> tuple[int, int, int]:
        return self.config.planes, self.config.frames, self.config.keys

    def _check(self, windows: Tensor) -> None:
        planes, T, P = self._shape()
        if tuple(windows.shape[1:]) == (planes, T, P):
            return
        hint = ""
        if planes == 1 and tuple(windows.shape[-2:]) == (P, T):
            hint = "; of what Roll.windows gives, (N, keys, frames), pass windows.mT[:, None]"
        raise ValueError(
            f"windows has shape {tuple(windows.shape)}: must be (B, planes, frames, keys), (B, {planes}, {T}, {P})"
            f"{hint}"
        )

    def posterior(self, windows: Tensor) -> tuple[Tensor, Optional[Tensor]]:
        """Windows (B, planes, T, P) of ones and zeros -> mean (B, Z) of the latent and, for a vae, its log variance."""
        self._check(windows)
        H, Z = self.config.hidden, self.config.latent
        outer, *inner = self.encoder.all()
        first = windows.flatten(1).to(self.out.bias.dtype) @ outer.weight
        x = outer.activate(first[:, :H])
        for layer in inner:
            x = layer.activate(x @ layer.weight)
        latent = self.latent(x)
        mean = latent[:, :Z] + first[:, H:]
        return mean, latent[:, Z:] + LOG_VARIANCE_SHIFT if self.config.kind == "vae" else None

    def encode(self, windows: Tensor) -> Tensor:
        """Windows (B, planes, T, P) -> latents (B, Z); for a vae the mean of the posterior."""
        return self.posterior(windows)[0]

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, Z) -> logits (B, planes, T, P)."""
        x = latents
        for layer in self.decoder.all():
            x = layer.activate(x @ layer.weight)
        logits: Tensor = self.out(torch.cat([x, latents], dim=1))
        return logits.reshape(-1, *self._shape())

    def forward(self, windows: Tensor) -> Tensor:
        """Windows -> logits, both (B, planes, T, P); a vae in training mode draws its latents from the posterior."""
        mean, log_variance = self.posterior(windows)
        if self.training and log_variance is not None:
            mean = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decode(mean)

    @staticmethod
    def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
        """Divergence of posteriors from the standard normal for each latent number, (B, Z), in nats."""
        return 0.5 * (mean * mean + torch.exp(log_variance) - 1 - log_variance)

    # ---- what is measured on the training data -----------------------------------------------------------------

    @torch.no_grad()
    def start_from(self, windows: Tensor) -> None:
        """Starts as the principal components of windows (N, planes, T, P): a linear autoencoder; the network adds 0.

        N should be some thousands, above the number of latent numbers.
        """
        self._check(windows)
        Z, H = self.config.latent, self.config.hidden
        x = windows.flatten(1).double()
        if x.shape[0] <= Z:
            raise ValueError(f"windows has {x.shape[0]} windows: must be more than the latent numbers, {Z}")
        mean = x.mean(0)
        _, spread, axes = torch.linalg.svd(x - mean, full_matrices=False)
        deviation, basis = spread[:Z] / math.sqrt(x.shape[0]), axes[:Z]
        whiten = torch.where(deviation > 0, 1 / deviation, 0.0)
        self.pca.mean.copy_(mean)
        self.pca.basis.copy_(basis)
        self.latent.weight.zero_()
        self.out.weight[:H] = 0
        self.latent.bias[:Z] = (-whiten * (basis @ mean)).to(self.latent.bias)
        self.encoder.all()[0].weight[:, H:] = (basis.T * whiten).to(self.out.weight)
        self.out.weight[H:] = (LOGIT_SLOPE * deviation[:, None] * basis).to(self.out.weight)
        self.out.bias.copy_(LOGIT_SLOPE * (mean - 0.5))

    def _pairs(self, rolls: list[npt.NDArray[Any]], limit: int) -> tuple[Tensor, Tensor]:
        """Windows evenly spread over the rolls, and those half a window later."""
        T = self.config.frames
        hop = (T + 1) // 2
        padded = [np.pad(r, ((0, 0), (0, T + hop), (0, 0))) for r in rolls]
        starts = np.cumsum([0] + [max(r.shape[1] - T + 1, 1) for r in rolls])
        count = min(int(starts[-1]), limit)
        now, later = [], []
        for i in range(count):
            position = i * int(starts[-1]) // count
            roll = int(np.searchsorted(starts, position, side="right")) - 1
            begin = position - int(starts[roll])
            now.append(padded[roll][:, begin : begin + T])
            later.append(padded[roll][:, begin + hop : begin + hop + T])
        return torch.from_numpy(np.stack(now)), torch.from_numpy(np.stack(later))

    def _piece(self, given: Union[npt.NDArray[Any], Roll]) -> npt.NDArray[Any]:
        """A piece of music as an array (planes, frames, keys)."""
        c = self.config
        if not isinstance(given, Roll):
            array = np.asarray(given)
            return array[None] if array.ndim == 2 else array
        own = _grid(c.frame_us if c.grid == "seconds" else None, c.steps_per_quarter)
        found = _grid(None if given.frame_s is None else round(given.frame_s * 1e6), given.steps_per_quarter)
        sounding = np.asarray(given.sounding)
        high = given.low + sounding.shape[0] - 1
        if found != own:
            raise ValueError(f"a roll has {found}: must have {own}, as the config of the model")
        if (given.low, high) != (c.low, c.high):
            raise ValueError(f"a roll has keys {given.low} to {high}: must have {c.low} to {c.high}, as the config")
        if c.planes == 1:
            return sounding.T[None]
        if given.onsets is None:
            raise ValueError("a roll has no onsets: must have them, as the config has 2 planes; to_roll(onsets=True)")
        return np.stack([sounding.T, np.asarray(given.onsets).T])

    @torch.no_grad()
    def measure(self, rolls: Rolls, threshold: Optional[float] = None, pairs: int = MAX_PAIRS) -> None:
        """Measures what sampling needs: mean, spread and motion of the latents of the music.

        Call it after the training and before `save`: `spiral sample` refuses a model that was not measured.

        Args:
            rolls: whole pieces: `midi.Roll`, whose grid and keys must be those of the config; or arrays of ones and
                zeros, (planes, frames, keys) or, for one plane, (frames, keys).
            threshold: the logit above which a cell sounds; None leaves it as it is.
            pairs: at most this many pairs of windows are encoded.

        Raises:
            ValueError: no rolls, no note in them, or one of another shape, grid or range of keys.
        """
        c = self.config
        if isinstance(rolls, Roll):
            raise TypeError("rolls is a Roll: must be several; for one, pass [roll]")
        pieces = [self._piece(r) for r in rolls]
        for r in pieces:
            if r.ndim != 3 or (r.shape[0], r.shape[2]) != (c.planes, c.keys) or not r.shape[1]:
                raise ValueError(f"a roll has shape {r.shape}: must be ({c.planes}, frames, {c.keys})")
        if not pieces:
            raise ValueError("rolls is empty: must hold a piece of music")
        if not any(r[0].any() for r in pieces):
            raise ValueError("rolls are silent: must hold a note")
        device = self.out.bias.device
        now, later = (
            torch.cat([self.encode(w[i : i + 512].to(device)) for i in range(0, len(w), 512)]).double().cpu()
            for w in self._pairs(pieces, pairs)
        )
        mean, n = (now.mean(0) + later.mean(0)) / 2, len(now)
        x, y = now - mean, later - mean
        spread = (x.T @ x + y.T @ y) / (2 * n)
        floor = 1e-6 * float(spread.trace()) / c.latent + 1e-12
        factor = _cholesky(spread.numpy(), floor)
        step = np.linalg.solve(factor @ factor.T, (x.T @ y).numpy() / n).T
        noise = _cholesky(spread.numpy() - step @ spread.numpy() @ step.T, 0.0)
        density = sum(float(r[0].sum()) for r in pieces) / sum(r.shape[1] for r in pieces)
        measured = {"mean": mean, "factor": factor, "step": step, "noise": noise, "density": [density]}
        for name, value in measured.items():
            getattr(self.latents, name).copy_(torch.as_tensor(np.asarray(value)))
        if threshold is not None:
            self.threshold = float(threshold)

    # ---- files ---------------------------------------------------------------------------------------------------

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the model file.

        ValueError: a number is not finite, which the program would refuse; the config has a note-by-note decoder, but
        the model was not loaded from a file with one.
        """
        arrays = {n: t.detach().cpu().to(torch.float32).numpy() for n, t in self.state_dict().items()}
        if (self.config.decoder > 0) != bool(self.note_decoder):
            raise ValueError(
                f"decoder is {self.config.decoder}, and the model holds {len(self.note_decoder)} tensors of a note "
                "decoder: only the program makes one"
            )
        arrays.update(self.note_decoder)
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"tensor {name} holds a number that is not finite")
        fields = dataclasses.asdict(self.config)
        config = {**self.unknown, "format": FORMAT, **fields, "threshold": float(self.threshold)}
        config["networks"] = [NETWORK, NOTES] if self.note_decoder else [NETWORK]
        metadata = {"spiral": json.dumps(config, sort_keys=True, separators=(",", ":")), **self.metadata}
        _safetensors.save(path, arrays, metadata)

    @classmethod
    def load(cls, path: Union[str, os.PathLike[str]]) -> Autoencoder:
        """A model that the C program or `save` wrote. ValueError: it is damaged, or not a model."""
        arrays, metadata = _safetensors.load(path)
        where = os.fspath(path)
        try:
            said = json.loads(metadata.pop("spiral"))
            form, threshold, networks = said["format"], float(said["threshold"]), said.get("networks", [NETWORK])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{where}: a safetensors file, but not a Spiral model: no config in it") from None
        if form not in (FORMAT, OLD_FORMAT):
            raise ValueError(f"{where}: model format {form!r} is not {FORMAT}")
        if not isinstance(networks, list) or NETWORK not in networks or not set(networks) <= {NETWORK, NOTES}:
            raise ValueError(f"{where}: the model has networks {networks}: must be {NETWORK}, or that and {NOTES}")
        model = cls(_config_from(said, where))
        wanted = model.state_dict()
        found = {name: arrays.get(name, arrays.get(_old_tensor(name))) for name in wanted}
        for name, tensor in wanted.items():
            array = found[name]
            if array is None or array.shape not in (tuple(tensor.shape), (1, *tensor.shape)[-2:]):
                what = "missing" if array is None else f"shape {array.shape}"
                raise ValueError(f"{where}: tensor {name} is {what}: must be of shape {tuple(tensor.shape)}")
        model.load_state_dict({n: torch.from_numpy(found[n]).reshape(t.shape) for n, t in wanted.items()})
        model.threshold = threshold
        model.note_decoder = {n: a for n, a in arrays.items() if n.startswith(NOTES + ".")}
        model.metadata.update(metadata)
        known = {*NOT_FIELDS, *OLD_FIELDS.values(), *(f.name for f in dataclasses.fields(Config))}
        model.unknown = {name: value for name, value in said.items() if name not in known}
        return model


def _grid(frame_us: Optional[int], steps_per_quarter: Optional[int]) -> str:
    return f"{steps_per_quarter} frames a quarter" if frame_us is None else f"frames of {frame_us} us"


OPTIONAL_FIELDS = {"drums", "pedal", "out_of_range", "frame_us", "steps_per_quarter", "decoder", "drum_channels"}


def _config_from(said: dict[str, Any], where: str) -> Config:
    """The config in a file, its fields under new or old names; fields that files may lack have their default."""
    own = {}
    for field in dataclasses.fields(Config):
        names = [n for n in (field.name, OLD_FIELDS.get(field.name)) if n in said]
        if names:
            own[field.name] = said[names[0]]
        elif field.name not in OPTIONAL_FIELDS:
            raise ValueError(f"{where}: the config has no {field.name}")
    return Config(**own)


def _old_tensor(name: str) -> str:
    for new, old in OLD_TENSORS.items():
        if name.startswith(new):
            return old + name[len(new) :]
    return name


def _cholesky(matrix: npt.NDArray[np.float64], floor: float) -> npt.NDArray[np.float64]:
    """Lower triangular F with F F' = matrix; pivots below `floor` count as it, and 0 gives a column of zeros."""
    C = matrix.copy()
    for j in range(len(C)):
        root = math.sqrt(max(C[j, j] - C[j, :j] @ C[j, :j], floor))
        column = C[j + 1 :, j] - C[j + 1 :, :j] @ C[j, :j]
        C[j, j], C[j + 1 :, j], C[j, j + 1 :] = root, column / root if root > 0 else 0, 0
    return C
