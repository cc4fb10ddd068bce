# SPDX-License-Identifier: MIT
"""Corpora and trainers of libspiral-net: reading music, drawing windows, validating, saving and resuming are C's.

What each call means is written in include/spiral/data.h and train.h. Read next: `train`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from ._library import Failure, call, library_path, version
from ._midi_structs import GridStruct, RollOptionsStruct
from ._plan import OptionsStruct

__all__ = ["Corpus", "ModelConfig", "TrainOptions", "Trainer", "is_pack"]

STREAMS = 4
GRIDS, KINDS = ("seconds", "beats"), ("ae", "vae")


def _net() -> ctypes.CDLL:
    """libspiral-net: beside libspiral in a build folder, or as `make install` puts it on the system."""
    folder = library_path().resolve().parent
    beside = [folder / name for name in ("libspiral-net.so", "libspiral-net.so.0", "libspiral-net.dylib")]
    found = next((str(path) for path in beside if path.exists()), None) or ctypes.util.find_library("spiral-net")
    if not found:
        raise ImportError(
            "libspiral-net is not installed: training reads music and writes models with it; build and install the "
            "program (make install), or set SPIRAL_LOSS_LIBRARY to build/libspiral.so of its build"
        )
    try:
        library = ctypes.CDLL(found)
    except OSError as error:
        raise ImportError(f"libspiral-net cannot be loaded: {error}") from None
    library.spiral_version.restype = ctypes.c_char_p
    if library.spiral_version().decode() != version():
        raise ImportError(f"{found} is version {library.spiral_version().decode()}: must be {version()}")
    return library


NET = _net()
_void, _size, _int, _error = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.POINTER(Failure)
_paths = ctypes.POINTER(ctypes.c_char_p)


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(NET, name)
    function.restype, function.argtypes = result, arguments
    return function


class ModelConfig(ctypes.Structure):
    """spiral_model_config."""

    _fields_ = (
        ("struct_size", _size),
        ("grid", GridStruct),
        *((n, _int) for n in ("low", "high", "planes", "drums", "pedal", "out_of_range")),
        *((n, _int) for n in ("frames", "kind", "latent", "hidden", "layers", "decoder", "drum_channels")),
    )


class TrainOptions(ctypes.Structure):
    """spiral_train_options."""

    _fields_ = (
        ("struct_size", _size),
        ("loss", ctypes.POINTER(OptionsStruct)),
        *((n, ctypes.c_double) for n in ("beta", "free_bits", "learning_rate", "weight_decay")),
        ("batch", _int),
        ("transpose", _int),
        ("seed", ctypes.c_uint64),
        ("threads", _int),
    )


class State(ctypes.Structure):
    """spiral_trainer_state."""

    _fields_ = (
        ("struct_size", _size),
        *((n, ctypes.c_int64) for n in ("step", "steps", "best_step")),
        *((n, ctypes.c_double) for n in ("best_loss", "best_f1", "best_exact", "train_loss", "train_kl")),
        *((n, ctypes.c_double) for n in ("learning_rate", "windows_per_epoch", "frames_per_epoch")),
        *((n, ctypes.c_double) for n in ("best_nats_per_frame", "train_nats_per_frame")),
        ("network", _int),
        ("part_end", ctypes.c_int64),
        ("parts", _int),
        ("validations", _int),
    )


class Validation(ctypes.Structure):
    """spiral_validation."""

    _fields_ = (("struct_size", _size), *(
        (n, ctypes.c_double)
        for n in ("loss", "f1", "exact", "train_loss", "train_kl", "nats_per_frame", "train_nats_per_frame")
    ))  # fmt: skip


class _Arrays(ctypes.Structure):
    _fields_ = (("struct_size", _size), ("count", _size), *((n, _void) for n in ("weights", "moment1", "moment2")))


class _Tensor(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("rows", _size), ("columns", _size), ("group", _int), ("data", _void))


class Part(ctypes.Structure):
    """spiral_stream_part."""

    _fields_ = (
        ("frames", _size),
        ("begins", _int),
        ("sounding", _void),
        ("onsets", _void),
        ("known", _void),
        ("begin", _void * 3 * 2),
        ("features", _void * 3 * 2),
        ("classes", _size),
        ("state", _void),
        ("dropout", _void * 3),
    )


FEATURE = np.dtype([("row", np.uint32), ("value", np.float32)])
_files_load = _declare("spiral_files_load", _int, _paths, _size, _int, _void, _error)
_files_destroy = _declare("spiral_files_destroy", None, _void)
_roll_options = ctypes.POINTER(RollOptionsStruct)
_corpus_create = _declare("spiral_corpus_create", _int, _void, _roll_options, _int, _int, _void, _error)
_corpus_destroy = _declare("spiral_corpus_destroy", None, _void)
_corpus_options = _declare("spiral_corpus_get_options", _roll_options, _void)
_corpus_frames = _declare("spiral_corpus_get_frames", _int, _void)
_drop_repaired = _declare("spiral_corpus_drop_repaired", _int, _void, _void, _error)
_drop_duplicates = _declare("spiral_corpus_drop_duplicates", _int, _void, _void, _void, _error)
_choose_range = _declare("spiral_corpus_choose_range", None, _void, _void, _void)
_split = _declare("spiral_corpus_split", _int, _void, _size, _void, _error)
_is_pack = _declare("spiral_corpus_is_pack", _int, ctypes.c_char_p)
_pack_open = _declare("spiral_corpus_pack_open", _int, ctypes.c_char_p, _int, _int, _int, _void, _error)
_options_default = _declare("spiral_train_options_default", None, _void, _size)
_config_default = _declare("spiral_model_config_default", None, _void, _size)
_model_create = _declare("spiral_model_create", _int, _void, ctypes.c_uint64, _void, _error)
_model_destroy = _declare("spiral_model_destroy", None, _void)
_model_update = _declare("spiral_model_update", None, _void)
_tensor_count = _declare("spiral_model_tensor_count", _size, _void)
_get_tensor = _declare("spiral_model_get_tensor", ctypes.POINTER(_Tensor), _void, _size)
_choose_threshold = _declare("spiral_model_choose_threshold", _int, _void, _void, _int, _void, _error)
_set_threshold = _declare("spiral_model_set_threshold", _int, _void, ctypes.c_float, _error)
_create = _declare("spiral_trainer_create", _int, _void, _void, _void, _void, _void, _error)
_destroy = _declare("spiral_trainer_destroy", None, _void)
_start = _declare("spiral_trainer_start", _int, _void, ctypes.c_int64, _error)
_start_decoder = _declare("spiral_trainer_start_decoder", _int, _void, ctypes.c_int64, _error)
_validate = _declare("spiral_trainer_validate", _int, _void, _void, _error)
_finish = _declare("spiral_trainer_finish", _int, _void, _error)
_save = _declare("spiral_trainer_save", _int, _void, ctypes.c_char_p, _error)
_load = _declare("spiral_trainer_load", _int, _void, ctypes.c_char_p, _error)
_get_state = _declare("spiral_trainer_get_state", None, _void, _void)
_get_arrays = _declare("spiral_trainer_get_arrays", _int, _void, _void, _error)
_get_mean = _declare("spiral_trainer_get_decoder_mean", _int, _void, _void, _error)
_set_mean = _declare("spiral_trainer_set_decoder_mean", _int, _void, _void, _error)
_draw_windows = _declare("spiral_trainer_draw_windows", _int, _void, _size, _size, _void, _void, _error)
_draw_parts = _declare("spiral_trainer_draw_parts", _int, _void, ctypes.c_uint, _void, _void, _error)
_count_step = _declare("spiral_trainer_count_step", _int, _void, ctypes.c_double, ctypes.c_double, _error)


def is_pack(path: str) -> bool:
    """Whether a file is a corpus pack."""
    return bool(_is_pack(os.fsencode(path)))


class Corpus:
    """Rolls of files, or of a corpus pack."""

    def __init__(self, handle: _void) -> None:  # type: ignore[valid-type]
        self.handle = handle

    @classmethod
    def read(
        cls, paths: Sequence[str], options: RollOptionsStruct, frames: int, strict: bool = False,
        keep_duplicates: bool = False, of: Optional[Corpus] = None, choose: tuple[bool, bool] = (False, False),
        threads: int = 0,
    ) -> Corpus:  # fmt: skip
        """Reads files and folders; choose: whether the lowest and the highest key are chosen from the music."""
        files, names = _void(), [os.fsencode(p) for p in paths]
        call(_files_load, (ctypes.c_char_p * len(names))(*names), len(names), threads, ctypes.byref(files))

        def make(of: Optional[Corpus]) -> Corpus:
            handle = _void()
            call(_corpus_create, files, ctypes.byref(options), frames, threads, ctypes.byref(handle))
            made = cls(handle)
            if strict:
                call(_drop_repaired, handle, None)
            if not keep_duplicates:
                call(_drop_duplicates, handle, of.handle if of else None, None)
            return made

        try:
            if any(choose):
                given = options.low, options.high
                options.low, options.high = 0, 127
                low, high = _int(), _int()
                whole = make(None)
                _choose_range(whole.handle, ctypes.byref(low), ctypes.byref(high))
                options.low = low.value if choose[0] else given[0]
                options.high = high.value if choose[1] else given[1]
            return make(of)
        finally:
            _files_destroy(files)

    @classmethod
    def open(cls, path: str, frames: int = 0, check: bool = True, threads: int = 0) -> Corpus:
        """Maps a corpus pack; frames of a window, 0: as it was written."""
        handle = _void()
        call(_pack_open, os.fsencode(path), frames, int(check), threads, ctypes.byref(handle))
        return cls(handle)

    @property
    def options(self) -> RollOptionsStruct:
        """The options of its rolls."""
        value: RollOptionsStruct = _corpus_options(self.handle).contents
        return value

    @property
    def frames(self) -> int:
        """The number of frames of a window."""
        return int(_corpus_frames(self.handle))

    def drop_duplicates_of(self, other: Corpus) -> None:
        """Leaves out files with the same notes as one of another corpus."""
        call(_drop_duplicates, self.handle, other.handle, None)

    def split(self, every: int = 10) -> Corpus:
        """Moves every n-th file to a new corpus."""
        handle = _void()
        call(_split, self.handle, every, ctypes.byref(handle))
        return Corpus(handle)

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            _corpus_destroy(self.handle)


def model_config() -> ModelConfig:
    """The default config of a model."""
    config = ModelConfig()
    _config_default(ctypes.byref(config), ctypes.sizeof(config))
    return config


def train_options() -> TrainOptions:
    """The default options of a training."""
    options = TrainOptions()
    _options_default(ctypes.byref(options), ctypes.sizeof(options))
    return options


class Trainer:
    """A spiral_trainer with its model; its arrays are views of C's memory."""

    def __init__(self, options: TrainOptions, config: ModelConfig, train: Corpus, valid: Corpus) -> None:
        self.options, self.config, self.train, self.valid = options, config, train, valid
        self.model, self.handle = _void(), _void()
        call(_model_create, ctypes.byref(config), options.seed, ctypes.byref(self.model))
        call(_create, ctypes.byref(options), self.model, train.handle, valid.handle, ctypes.byref(self.handle))

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            _destroy(self.handle)
        if getattr(self, "model", None):
            _model_destroy(self.model)

    def start(self, steps: int) -> None:
        """Plans the autoencoder's steps; new weights."""
        call(_start, self.handle, steps)

    def start_decoder(self, steps: int) -> None:
        """Completes the autoencoder and plans the decoder's steps."""
        call(_start_decoder, self.handle, steps)

    def load(self, path: str) -> None:
        """Continues from a file."""
        call(_load, self.handle, os.fsencode(path))

    def save(self, path: str) -> None:
        """Saves model and state."""
        call(_save, self.handle, os.fsencode(path))

    def validate(self) -> Validation:
        """Scores the weights and keeps the best."""
        result = Validation(struct_size=ctypes.sizeof(Validation))
        call(_validate, self.handle, ctypes.byref(result))
        return result

    def finish(self) -> None:
        """The best weights, what is measured with them, and the threshold."""
        threshold = ctypes.c_float()
        call(_finish, self.handle)
        call(_choose_threshold, self.model, self.valid.handle, self.options.threads, ctypes.byref(threshold))
        call(_set_threshold, self.model, threshold)

    def state(self) -> State:
        """The state of the training: steps, best validation, learning rate."""
        state = State(struct_size=ctypes.sizeof(State))
        _get_state(self.handle, ctypes.byref(state))
        return state

    def update(self) -> None:
        """Must be called after writing weights."""
        _model_update(self.model)

    def arrays(self) -> tuple[npt.NDArray[np.float32], ...]:
        """Weights and the two moments."""
        a = _Arrays(struct_size=ctypes.sizeof(_Arrays))
        call(_get_arrays, self.handle, ctypes.byref(a))
        return tuple(_view(p, a.count, np.float32) for p in (a.weights, a.moment1, a.moment2))

    def places(self) -> dict[str, tuple[int, int, int, bool]]:
        """The place of each trained tensor in the arrays: begin, rows, columns, whether it is a matrix."""
        a = _Arrays(struct_size=ctypes.sizeof(_Arrays))
        call(_get_arrays, self.handle, ctypes.byref(a))
        found = {}
        for i in range(_tensor_count(self.model)):
            t = _get_tensor(self.model, i).contents
            if t.group < 2:
                found[t.name.decode()] = ((t.data - a.weights) // 4, t.rows, t.columns, t.group == 0)
        return found

    def decoder_mean(self) -> npt.NDArray[np.float32]:
        """The mean of the decoder's weights, at the places of the weights."""
        mean = np.zeros(len(self.arrays()[0]), np.float32)
        call(_get_mean, self.handle, mean.ctypes.data)
        return mean

    def set_decoder_mean(self, mean: npt.NDArray[np.float32]) -> None:
        """Sets the mean of the decoder's weights."""
        call(_set_mean, self.handle, np.ascontiguousarray(mean, np.float32).ctypes.data)

    def draw_windows(self, first: int, rows: int) -> tuple[npt.NDArray[np.uint64], Optional[npt.NDArray[np.float32]]]:
        """Rows of the next step's batch: (rows, planes, frames, 2) words, and noise (rows, latent) of a vae."""
        c = self.config
        windows = np.empty((rows, c.planes, c.frames, 2), np.uint64)
        noise = np.empty((rows, c.latent), np.float32) if c.kind else None
        call(_draw_windows, self.handle, first, rows, windows.ctypes.data, None if noise is None else noise.ctypes.data)
        return windows, noise

    def draw_parts(self, streams: Sequence[int]) -> tuple[list[Part], int]:
        """The next step of the decoder: its streams, features of those named, and the frames of all."""
        parts, frames = (Part * STREAMS)(), _size()
        call(_draw_parts, self.handle, sum(1 << s for s in streams), parts, ctypes.byref(frames))
        return list(parts), int(frames.value)

    def count_step(self, loss: float, kl: float) -> None:
        """Counts a completed step, with its mean loss and KL term."""
        call(_count_step, self.handle, loss, kl)


def _view(address: int, count: int, dtype: Any) -> npt.NDArray[Any]:
    """C's memory as an array, which does not own it."""
    if not count:
        return np.empty(0, dtype)
    buffer = (ctypes.c_char * (count * np.dtype(dtype).itemsize)).from_address(address)
    return np.frombuffer(buffer, dtype)


def features_of(part: Part, keys: int, reader: int, scope: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Where the features of each unit begin, (units + 1), and the features."""
    units = part.frames * (1, part.classes, keys)[scope]
    begin = _view(part.begin[reader][scope], units + 1, np.uintp).astype(np.int64)
    return begin, _view(part.features[reader][scope], int(begin[-1]), FEATURE)


def keys_of(address: Optional[int], frames: int) -> Optional[npt.NDArray[np.uint64]]:
    """Key sets (frames, 2)."""
    return _view(address, 2 * frames, np.uint64).reshape(frames, 2) if address else None
