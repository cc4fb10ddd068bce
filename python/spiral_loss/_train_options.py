# SPDX-License-Identifier: MIT
"""The command line of `spiral_loss.train`, and what follows from it: music, losses, options of the C library."""

from __future__ import annotations

import argparse
import ctypes
import re
from typing import Any, Optional

import torch

from . import _plan, _trainer, losses
from ._library import call
from ._midi_structs import RollOptionsStruct
from .helix import PRESETS, HelixStruct, as_helix
from .midi import OUT_OF_RANGE
from .model import Config

LOSSES = ("bce", "spiral", "energy", "gauss", "weighted_bce", "distance_mask", "distance_mask_circular", "channel")
ADDED = ("bce", "spiral", "energy", "gauss")  # cross-entropy counts unless --bce says otherwise


# ---- the command line ----------------------------------------------------------------------------------------------


def _seconds(text: str) -> float:
    units = {"ms": 1e-3, "s": 1, "min": 60, "h": 3600}
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|min|h)", text)
    if not match:
        raise argparse.ArgumentTypeError(f'"{text}": must be a time like 30s, 5min or 1h')
    return float(match[1]) * units[match[2]]


def _grid(text: str) -> tuple[int, int, int]:
    """Kind, microseconds, frames per quarter."""
    note = re.fullmatch(r"1/(\d+)", text)
    if note:
        denominator = int(note[1])
        if denominator % 4 or not 4 <= denominator <= 384:
            raise argparse.ArgumentTypeError(f'"{text}": must be 1/4 to 1/384, the denominator divisible by 4')
        return 1, 0, denominator // 4
    seconds = _seconds(text)
    if not 1e-3 <= seconds <= 1:
        raise argparse.ArgumentTypeError(f'"{text}": must be a time from 1ms to 1s, or a fraction like 1/16')
    return 0, round(seconds * 1e6), 0


def _channels(text: str) -> tuple[int, int]:
    """Whether drums are kept, and the mask of channels."""
    if text in ("drop", "keep"):
        return int(text == "keep"), 0
    if not re.fullmatch(r"\d+(,\d+)*", text) or not all(1 <= int(c) <= 16 for c in text.split(",")):
        raise argparse.ArgumentTypeError(f'"{text}": must be keep, drop, or channels from 1 to 16 like 10,11')
    return 0, sum(1 << (c - 1) for c in {int(c) for c in text.split(",")})


def _within(low: float, high: float, kind: Any = int) -> Any:
    def read(text: str) -> Any:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} must be {low:g} to {high:g}")
        return value

    return read


def _roll_flags(add: Any) -> None:
    add("--preset", choices=("36x36", "bar", "phrase"), default="bar")
    add("--grid", type=_grid, help="length of a frame: a time like 10ms, or 1/16 of a whole note")
    add("--low", type=_within(0, 127))
    add("--high", type=_within(0, 127))
    add("--frames", type=_within(1, 512), help="frames in a window")
    add("--planes", type=_within(1, 2))
    add("--drums", type=_channels, default=(0, 0))
    add("--pedal", action="store_true")
    add("--out-of-range", choices=OUT_OF_RANGE, default="drop")
    add("--longest-silence", default=None, metavar="LENGTH", help="8bars, 30s or none")
    add("--strict", action="store_true", help="leave out MIDI files that the reader has to repair")
    add("--keep-duplicates", action="store_true")


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="spiral_loss.train", description="Trains a model on MIDI files or a corpus pack, on one or more processes",
        epilog="torchrun --nproc-per-node=N -m spiral_loss.train PATH... -o MODEL shares every batch among N processes",
    )  # fmt: skip
    options, add = _trainer.train_options(), p.add_argument
    add("paths", nargs="+", metavar="PATH", help="MIDI files, folders, or one corpus pack")
    add("-o", dest="output", default="model.safetensors", metavar="MODEL")
    add("--valid", metavar="PATH", help="files to validate on (else every tenth of the files)")
    _roll_flags(add)
    add("--kind", choices=_trainer.KINDS, default="ae")
    add("--latent", type=_within(1, 1024), default=16)
    add("--hidden", type=_within(1, 4096), default=512)
    add("--layers", type=_within(1, 8), default=1)
    add("--decoder", type=_within(0, 512), default=96, help="units of the note-by-note decoder; 0: none")
    add("--decoder-steps", type=_within(1, 1e12), help="with --steps: steps of the decoder (default: the same number)")
    add("--decoder-share", type=_within(0.05, 0.95, float), default=0.8, help="share of the time for the decoder")
    add("--beta", type=float, default=options.beta)
    add("--free-bits", type=float, default=options.free_bits)
    add("--loss", choices=LOSSES, default="spiral")
    add("--lambda", dest="lambd", type=float, default=1.0)
    add("--bce", type=float)
    add("--eta", type=_within(0, 0.999, float), help="channel: share of the notes at a wrong key (default 0.3)")
    add("--helix", choices=tuple(PRESETS), default="chromatic")
    length = p.add_mutually_exclusive_group()
    length.add_argument("--time", type=_seconds, help="train for about this time (default 2min)")
    length.add_argument("--steps", type=_within(1, 1e12))
    length.add_argument("--epochs", type=_within(1e-6, 1e9, float))
    add("--batch", type=_within(1, 65536), default=options.batch, help="windows per step, of all processes together")
    add("--lr", type=float, default=options.learning_rate)
    add("--decay", type=float, default=options.weight_decay)
    add("--transpose", type=_within(0, 24), default=options.transpose)
    add("--seed", type=_within(0, 9e15), default=1)
    add("--resume", action="store_true", help="continue a training that was stopped")
    add("--save-every", type=_seconds, default=30.0, metavar="TIME")
    add("--log", metavar="FILE", help="write a JSON object for each validation, one per line")
    add("--threads", type=_within(0, 1024), default=0, help="of the C library; 0: one per processor")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    add("--bf16", action="store_true", help="matrix products in bfloat16")
    add("--compile", action="store_true", help="torch.compile the networks")
    add("--quiet", action="store_true")
    return p


# ---- music ---------------------------------------------------------------------------------------------------------


def _unchanged_frames_max(text: Optional[str], options: RollOptionsStruct) -> int:
    in_beats = options.grid.kind == 1
    if text == "none":
        return 0
    text = text or ("8bars" if in_beats else "30s")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)bars?", text)
    if in_beats != bool(match):
        raise SystemExit(f'--longest-silence "{text}": must be none, or {"bars like 8bars" if in_beats else "a time"}')
    if match:
        return int(float(match[1]) * 4 * options.grid.steps_per_quarter)
    return int(_seconds(text) * 1e6 / options.grid.frame_us)


def _roll_options(a: argparse.Namespace) -> tuple[RollOptionsStruct, int, tuple[bool, bool]]:
    """Options, frames of a window, and which ends of the key range the music chooses; as cli/roll_flags.c."""
    o = RollOptionsStruct(struct_size=ctypes.sizeof(RollOptionsStruct), low=48, high=83)
    small = a.preset == "36x36"
    o.grid.kind, o.grid.frame_us, o.grid.steps_per_quarter = a.grid or ((0, 10000, 0) if small else (1, 0, 4))
    o.onsets = int(not small) if a.planes is None else int(a.planes == 2)
    o.drums, o.drum_channels = a.drums
    o.pedal, o.out_of_range = int(a.pedal), OUT_OF_RANGE.index(a.out_of_range)
    o.unchanged_frames_max = _unchanged_frames_max(a.longest_silence, o)
    choose = (not small and a.low is None, not small and a.high is None)
    if not small:
        o.low, o.high = 0, 127
    o.low = o.low if a.low is None else a.low
    o.high = o.high if a.high is None else a.high
    return o, a.frames or {"36x36": 36, "bar": 16, "phrase": 64}[a.preset], choose


def corpora(a: argparse.Namespace, check: bool) -> tuple[_trainer.Corpus, _trainer.Corpus]:
    """Training and validation corpus; only one process checks a pack's bytes."""
    options, frames, choose = _roll_options(a)
    rules = {"strict": a.strict, "keep_duplicates": a.keep_duplicates, "threads": a.threads}
    packed = len(a.paths) == 1 and _trainer.is_pack(a.paths[0])
    if packed:
        train = _trainer.Corpus.open(a.paths[0], a.frames or 0, check, a.threads)
        options, frames, choose = train.options, train.frames, (False, False)
    elif any(choose) and a.valid:
        chosen = _trainer.Corpus.read(a.paths, options, frames, choose=choose, **rules)
        options, choose = chosen.options, (False, False)
    if a.valid:
        is_pack = _trainer.is_pack(a.valid)
        valid = (_trainer.Corpus.open(a.valid, frames, check, a.threads) if is_pack
                 else _trainer.Corpus.read([a.valid], options, frames, **rules))  # fmt: skip
        if packed:
            train.drop_duplicates_of(valid)
        else:
            train = _trainer.Corpus.read(a.paths, options, frames, of=valid, **rules)
        return train, valid
    if not packed:
        train = _trainer.Corpus.read(a.paths, options, frames, choose=choose, **rules)
    return train, train.split(10)


# ---- options of C and the same for PyTorch -------------------------------------------------------------------------


def _weights_of_loss(a: argparse.Namespace) -> tuple[float, float]:
    """Weight of the loss, and of the cross-entropy."""
    return a.lambd, a.bce if a.bce is not None else float(a.loss in ADDED)


def c_loss(a: argparse.Namespace) -> _plan.OptionsStruct:
    struct, kind = _plan.OptionsStruct(), ctypes.c_int()
    _plan._default(ctypes.byref(struct), ctypes.sizeof(struct))
    call(_plan._kind, a.loss.encode(), ctypes.byref(kind))
    geometry = as_helix(a.helix)
    struct.kind, struct.bce = kind.value, _weights_of_loss(a)[1]
    if a.eta is not None:
        struct.eta = a.eta
    setattr(struct, "lambda", _weights_of_loss(a)[0])
    struct.helix = HelixStruct((ctypes.c_double * 6)(*geometry.radii), geometry.octave)
    return struct


def torch_loss(a: argparse.Namespace) -> torch.nn.Module:
    """The loss of (B, T, P) logits, summed; its fastest form for the device is chosen by the package."""
    lambd, bce = _weights_of_loss(a)
    shared: dict[str, Any] = {"reduction": "sum", "pitch_dim": -1, "time_dim": -2, "check": False}
    if a.loss == "bce":
        return losses.SpiralLoss(0.0, bce, **shared)
    if a.loss.startswith("distance_mask"):
        return losses.DistanceMask(a.loss.endswith("circular"), lambd=lambd, bce=bce, **shared)
    if a.loss == "channel":
        eta = {} if a.eta is None else {"eta": a.eta}
        return losses.ChannelLoss(lambd=lambd, bce=bce, helix=a.helix, **eta, **shared)
    names = {"spiral": "SpiralLoss", "energy": "SpiralEnergy", "gauss": "HelixGaussian", "weighted_bce": "WeightedBCE"}
    made: torch.nn.Module = getattr(losses, names[a.loss])(lambd, bce, helix=a.helix, **shared)
    return made


def c_options(a: argparse.Namespace, loss: _plan.OptionsStruct) -> _trainer.TrainOptions:
    o = _trainer.train_options()
    o.loss = ctypes.pointer(loss)
    o.beta, o.free_bits, o.learning_rate, o.weight_decay = a.beta, a.free_bits, a.lr, a.decay
    o.batch, o.transpose, o.seed, o.threads = a.batch, a.transpose, a.seed, a.threads
    return o


def c_config(a: argparse.Namespace, train: _trainer.Corpus) -> _trainer.ModelConfig:
    c, o = _trainer.model_config(), train.options
    c.grid, c.low, c.high, c.planes = o.grid, o.low, o.high, 2 if o.onsets else 1
    c.drums, c.pedal, c.out_of_range, c.drum_channels = o.drums, o.pedal, o.out_of_range, o.drum_channels
    c.frames, c.kind, c.latent, c.hidden = train.frames, _trainer.KINDS.index(a.kind), a.latent, a.hidden
    c.layers, c.decoder = a.layers, a.decoder
    return c


def config(c: _trainer.ModelConfig) -> Config:
    grid = {"frame_us": c.grid.frame_us} if c.grid.kind == 0 else {"steps_per_quarter": c.grid.steps_per_quarter}
    return Config(
        c.low, c.high, c.frames, c.planes, _trainer.KINDS[c.kind], c.latent, c.hidden, c.layers,
        _trainer.GRIDS[c.grid.kind], **grid,
    )  # fmt: skip
