# SPDX-License-Identifier: MIT
"""Standard MIDI files <-> notes <-> piano rolls, without PyTorch.

The reader repairs what it can and counts the repairs in `warnings`; other bytes raise errors.BadFormat.
What is kept, and how: include/spiral/midi.h and roll.h.

Example:
    >>> song = from_notes({"start": [0.0, 0.5], "end": [0.5, 1.0], "pitch": [60, 64]})
    >>> again = read(song.to_bytes())  # or a path, or an open file
    >>> again.notes["pitch"].tolist()
    [60, 64]
    >>> roll = again.to_roll(frame_s=0.25)  # or steps_per_quarter=4
    >>> roll.sounding.shape, roll.sounding[12].tolist()  # (keys, frames); key 0 is MIDI number 48
    ((36, 4), [True, True, False, False])
    >>> from_roll(roll).notes["start"].tolist()
    [0.0, 0.5]
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
from collections.abc import Iterable
from typing import Any, BinaryIO, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _names, errors
from ._arguments import check_flag, check_number, check_whole, said
from ._library import Failure, call, declare
from ._midi_bytes import GZIP, compressed_file, decoded_text, decompressed
from ._midi_structs import GridStruct, MidiStruct, RollOptionsStruct, RollStruct

__all__ = ["DRUM_CHANNEL", "NOTE", "Midi", "Report", "Roll", "from_notes", "from_roll", "read", "write"]

DRUM_CHANNEL = 9
_DRUM_YES, _DRUM_NO = 1, 2  # spiral_drum, where a file says otherwise than General MIDI
KEYS = 128
# A note as users see it: seconds and ticks from the start; drum says percussion.
NOTE = np.dtype(
    [
        ("start", "f8"), ("end", "f8"), ("pitch", "u1"), ("velocity", "u1"), ("channel", "u1"), ("drum", "?"),
        ("track", "u2"), ("start_ticks", "i8"), ("end_ticks", "i8"), ("port", "u1"),
    ]
)  # fmt: skip
TEMPO = np.dtype([("at_ticks", "i8"), ("us_per_quarter", "i4"), ("at_s", "f8")], align=True)
METER = np.dtype([("at_ticks", "i8"), ("numerator", "i4"), ("denominator", "i4")], align=True)
PEDAL = np.dtype(
    [("at_ticks", "i8"), ("track", "u2"), ("channel", "u1"), ("down", "?"), ("port", "u1"), ("kind", "u1")],
    align=True,
)
# A program change, controller or pitch bend: status with the channel, and two data bytes, as in the file.
EVENT = np.dtype(
    [("at_ticks", "i8"), ("track", "u2"), ("port", "u1"), ("status", "u1"), ("data", "u1", (2,))], align=True
)
# spiral_note, byte for byte.
_NOTE_C = np.dtype(
    [
        ("on", "i8"),
        ("off", "i8"),
        ("track", "u2"),
        ("channel", "u1"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("port", "u1"),
        ("drum", "u1"),
    ],
    align=True,
)
Notes = npt.NDArray[np.void]
Bits = npt.NDArray[np.bool_]

_warning_name = declare("spiral_midi_warning_name", ctypes.c_char_p, ctypes.c_int)


def _words(name_of: Any) -> tuple[str, ...]:
    """All names of an enum of C, by its function that names them."""
    count, unknown = 0, name_of(-1)
    while name_of(count) != unknown:
        count += 1
    return tuple(name_of(i).decode() for i in range(count))


WARNINGS = _words(_warning_name)
NOT_KEPT = _words(declare("spiral_midi_not_kept_name", ctypes.c_char_p, ctypes.c_int))
OUT_OF_RANGE = _words(declare("spiral_out_of_range_name", ctypes.c_char_p, ctypes.c_int))


@dataclasses.dataclass(frozen=True)
class Report:
    """What was kept and left out on the way from notes to frames; counts are notes (spiral_roll_report in roll.h)."""

    notes: int
    notes_drums: int
    notes_kept: int
    notes_low: int
    notes_high: int
    notes_folded: int
    transposed_by: int
    notes_held: int
    notes_short: int
    onsets_merged: int
    notes_doubled: int
    stretches_cut: int
    frames_cut: int


_REPORT = [field.name for field in dataclasses.fields(Report)]
_REPORT_TYPES: dict[str, Any] = {"transposed_by": ctypes.c_int, "frames_cut": ctypes.c_uint64}  # others: size_t


class _Report(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        *((name, _REPORT_TYPES.get(name, ctypes.c_size_t)) for name in _REPORT),
    )


_midi, _roll, _error = ctypes.POINTER(MidiStruct), ctypes.POINTER(RollStruct), ctypes.POINTER(Failure)
_status, _void, _size = ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t
_read = declare("spiral_midi_read", _status, ctypes.c_char_p, _size, _midi, _error)
_load = declare("spiral_midi_load", _status, ctypes.c_char_p, _midi, _error)
_clear = declare("spiral_midi_clear", None, _midi)
_size_of = declare("spiral_midi_size", _status, _midi, ctypes.POINTER(_size), _error)
_write = declare("spiral_midi_write", _status, _midi, _void, _size, _error)
_save = declare("spiral_midi_save", _status, _midi, ctypes.c_char_p, _error)
_seconds = declare("spiral_midi_seconds", ctypes.c_double, _midi, ctypes.c_int64)
_to_roll = declare(
    "spiral_roll_from_midi",
    _status,
    _midi,
    ctypes.POINTER(RollOptionsStruct),
    _roll,
    ctypes.POINTER(_Report),
    _error,
)
_from_roll = declare("spiral_midi_from_roll", _status, _roll, _midi, _error)
_roll_clear = declare("spiral_roll_clear", None, _roll)


def _copy(address: Optional[int], count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array of our own from C's memory."""
    if not address or not count:
        return np.empty(0, dtype)
    return np.frombuffer(ctypes.string_at(address, count * dtype.itemsize), dtype).copy()


@dataclasses.dataclass
class Roll:
    """Notes on a grid: `sounding[p, t]` says that key `low + p` sounds in frame t, `onsets` where a note begins.

    A frame lasts `frame_s` seconds, or a quarter / `steps_per_quarter`; the other is None. `quarters_per_min` is the
    tempo of a grid in quarters. `onsets` may be None.

    Shape:
        sounding, onsets: (keys, frames), bool.

    Example:
        >>> roll = Roll(np.zeros((36, 100), bool), frame_s=0.01)
        >>> roll.windows(36).shape
        (3, 36, 36)
    """

    sounding: Bits
    onsets: Optional[Bits] = None
    low: int = 48
    frame_s: Optional[float] = None
    steps_per_quarter: Optional[int] = None
    quarters_per_min: float = 120.0
    report: Optional[Report] = None

    @property
    def frames(self) -> Bits:
        """The old name of `sounding`."""
        _names.warn("Roll.frames", "Roll.sounding")
        return self.sounding

    @property
    def column_s(self) -> Optional[float]:
        """The old name of `frame_s`."""
        _names.warn("Roll.column_s", "Roll.frame_s")
        return self.frame_s

    @_names.renamed(columns="frames")
    def windows(self, frames: int = 36, hop: Optional[int] = None) -> Bits:
        """Consecutive windows, or one every `hop` frames; the last one is padded with silence.

        Shape:
            (N, keys, frames).
        """
        hop = frames if hop is None else hop
        check_whole("frames", frames)
        check_whole("hop", hop)
        if frames < 1 or hop < 1:
            raise ValueError(f"frames is {frames} and hop {hop}: must be 1 or more")
        sounding = np.asarray(self.sounding)
        if sounding.ndim != 2:
            raise ValueError(f"sounding has shape {sounding.shape}: must be (keys, frames)")
        length = sounding.shape[1]
        count = max(-(-max(length - frames, 0) // hop) + 1, 1)
        padded = np.pad(sounding, ((0, 0), (0, max((count - 1) * hop + frames - length, 0))))
        return np.stack([padded[:, i * hop : i * hop + frames] for i in range(count)])


Roll.__init__ = _names.renamed(frames="sounding", column_s="frame_s")(Roll.__init__)  # type: ignore[method-assign]


def _channel_bits(channels: Optional[Iterable[int]]) -> int:
    """A bit for each channel; 0 for None: what the file says."""
    if channels is None:
        return 0
    bits = 0
    if not isinstance(channels, Iterable):
        raise TypeError(f"drum_channels is {said(channels)}: must be several whole numbers, or None")
    for channel in channels:
        check_whole("a number of drum_channels", channel)
        if not 0 <= channel <= 15:
            raise ValueError(f"drum_channels has {channel}: must be 0 to 15")
        bits |= 1 << channel
    if not bits:
        raise ValueError("drum_channels is empty: give None for what the file says, or drums=True to keep all")
    return bits


def _grid(frame_s: Optional[float], steps_per_quarter: Optional[int]) -> GridStruct:
    if (frame_s is None) == (steps_per_quarter is None):
        raise ValueError(
            f"frame_s is {frame_s} and steps_per_quarter {steps_per_quarter}: must be one of the two, not both"
        )
    if steps_per_quarter is not None:
        check_whole("steps_per_quarter", steps_per_quarter)
        if not 1 <= steps_per_quarter <= 96:
            raise ValueError(f"steps_per_quarter is {steps_per_quarter}: must be 1 to 96")
        return GridStruct(1, 0, int(steps_per_quarter))
    assert frame_s is not None
    check_number("frame_s", frame_s)
    if not 0.001 <= frame_s <= 1:
        raise ValueError(f"frame_s is {frame_s}: must be 0.001 to 1")
    return GridStruct(0, round(frame_s * 1e6), 0)


@dataclasses.dataclass(eq=False)
class Midi:
    """A file's notes, tempos and metres.

    Attributes:
        notes: structured array of `NOTE`: start and end in seconds, pitch, velocity, channel, drum, track, port, and
            start_ticks and end_ticks, which are what is written; sorted by start, then pitch.
        tempos: structured array: at_ticks, us_per_quarter, at_s; empty means 120 quarters a minute.
        meters: structured array: at_ticks, numerator, denominator; empty means 4/4.
        pedals: structured array of the changes of the pedals: at_ticks, track, channel, down, port, kind (0: sustain,
            1: sostenuto).
        ticks_per_quarter: 0 when the file counts SMPTE time; then `ticks_per_s` is above 0.
        name, text: the first track name and the first text, or None. A file does not say how they are encoded: UTF-8,
            Shift-JIS and Windows-1252 are tried. They are written as UTF-8.
        warnings: what the reader repaired, and how often; empty for a file without faults.
        not_kept: what else the file contains, such as lyrics and markers, and how often; it is not written.
        events: structured array of programs, controllers other than pedals, and pitch bends, in the order of the file:
            at_ticks, track, port, status (176 controller, 192 program, 224 pitch bend, plus the channel), data (two
            numbers, as in the file; the second of a program is 0).
    """

    notes: Notes
    tempos: Notes = dataclasses.field(default_factory=lambda: np.empty(0, TEMPO))
    meters: Notes = dataclasses.field(default_factory=lambda: np.empty(0, METER))
    pedals: Notes = dataclasses.field(default_factory=lambda: np.empty(0, PEDAL))
    ticks_per_quarter: int = 480
    ticks_per_s: float = 0.0
    format: int = 1
    tracks: int = 1
    end_ticks: int = 0
    name: Optional[str] = None
    text: Optional[str] = None
    warnings: dict[str, int] = dataclasses.field(default_factory=dict)
    not_kept: dict[str, int] = dataclasses.field(default_factory=dict)
    events: Notes = dataclasses.field(default_factory=lambda: np.empty(0, EVENT))

    @property
    def quarters_per_min(self) -> float:
        """The first tempo."""
        return 6e7 / float(self.tempos["us_per_quarter"][0]) if len(self.tempos) else 120.0

    @property
    def end(self) -> float:
        """Seconds to the last event."""
        return self.seconds(self.end_ticks)

    def seconds(self, ticks: int) -> float:
        """Seconds from the start to a tick, through the tempo map."""
        return float(_seconds(ctypes.byref(self._struct()[0]), int(ticks)))

    def _struct(self) -> tuple[MidiStruct, list[Any]]:
        """The file for a C call, and what must outlive the call."""
        notes = np.empty(len(self.notes), _NOTE_C)
        for ours, theirs in (("start_ticks", "on"), ("end_ticks", "off"), ("track", "track"), ("channel", "channel"),
                             ("pitch", "pitch"), ("velocity", "velocity"), ("port", "port")):  # fmt: skip
            notes[theirs] = self.notes[ours]
        differs = self.notes["drum"] != (self.notes["channel"] == DRUM_CHANNEL)
        notes["drum"] = np.where(differs, np.where(self.notes["drum"], _DRUM_YES, _DRUM_NO), 0)
        tables = [notes]
        for given, dtype in (
            (self.tempos, TEMPO), (self.meters, METER), (self.pedals, PEDAL), (self.events, EVENT),
        ):  # fmt: skip
            tables.append(np.ascontiguousarray(given, dtype))
        texts = [None if t is None else t.encode("utf-8", "replace") for t in (self.name, self.text)]
        struct = MidiStruct(
            self.format, self.ticks_per_quarter, self.ticks_per_s, self.tracks, self.end_ticks,
            *(part for t in tables for part in (len(t), t.ctypes.data)), *texts,
        )  # fmt: skip
        return struct, [tables, texts]

    def to_bytes(self) -> bytes:
        """The file; reading it gives the same notes. ValueError: a field is out of its range (midi.h)."""
        struct, _keep = self._struct()
        size = _size()
        call(_size_of, ctypes.byref(struct), ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        call(_write, ctypes.byref(struct), buffer, size)
        return buffer.raw

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the file under a temporary name, then renames it."""
        struct, _keep = self._struct()
        call(_save, ctypes.byref(struct), os.fsencode(path))

    @_names.renamed(column_s="frame_s")
    def to_roll(
        self,
        frame_s: Optional[float] = None,
        *,
        steps_per_quarter: Optional[int] = None,
        low: int = 48,
        high: int = 83,
        onsets: bool = False,
        drums: bool = False,
        pedal: bool = False,
        out_of_range: str = "drop",
        drum_channels: Optional[Iterable[int]] = None,
    ) -> Roll:
        """The notes on a grid.

        Args:
            frame_s: seconds of a frame, 0.001 to 1 in whole microseconds; or
            steps_per_quarter: frames of a quarter, 1 to 96.
            low: lowest key kept.
            high: highest key kept.
            onsets: whether to mark where notes begin.
            drums: whether to keep percussion.
            pedal: whether the sustain and sostenuto pedals hold notes.
            out_of_range: notes outside low..high are left out ("drop"), each moved by octaves ("fold"), or all notes
                are moved so that most fit ("fit"). `report` counts what happened to them.
            drum_channels: the channels, 0 to 15, that are percussion, on all ports; default: as the file says.

        Shape:
            sounding and onsets of the result: (high - low + 1, frames).
        """
        check_whole("low", low)
        check_whole("high", high)
        for name, flag in (("onsets", onsets), ("drums", drums), ("pedal", pedal)):
            check_flag(name, flag)
        if not 0 <= low <= high <= 127:
            raise ValueError(f"low is {low} and high {high}: must be 0 <= low <= high <= 127")
        if out_of_range not in OUT_OF_RANGE:
            raise ValueError(f"out_of_range is {out_of_range!r}: must be one of {', '.join(OUT_OF_RANGE)}")
        what = OUT_OF_RANGE.index(out_of_range)
        grid = _grid(frame_s, steps_per_quarter)
        channels = _channel_bits(drum_channels)
        size = ctypes.sizeof(RollOptionsStruct)
        options = RollOptionsStruct(size, grid, low, high, onsets, drums, pedal, what, channels)
        struct, _keep = self._struct()
        roll, report = RollStruct(), _Report(ctypes.sizeof(_Report))
        call(_to_roll, ctypes.byref(struct), ctypes.byref(options), ctypes.byref(roll), ctypes.byref(report))
        try:
            planes = [
                _unpack(_copy(p, roll.frames * 2, np.dtype("<u8")))[low : high + 1] if p is not None else None
                for p in (roll.sounding or 0, (roll.onsets or 0) if onsets else None)
            ]
            counts = Report(**{name: getattr(report, name) for name in _REPORT})
            sounding = planes[0]
            assert sounding is not None
            seconds = None if frame_s is None else roll.grid.frame_us / 1e6
            steps = None if steps_per_quarter is None else grid.steps_per_quarter
            return Roll(sounding, planes[1], low, seconds, steps, roll.quarters_per_min, counts)
        finally:
            _roll_clear(ctypes.byref(roll))


def _unpack(words: npt.NDArray[np.uint64]) -> Bits:
    """spiral_keys of frames, two words each, as bools (128, frames)."""
    bits = np.unpackbits(words.view(np.uint8).reshape(-1, 16), axis=1, bitorder="little")
    return np.ascontiguousarray(bits.T).astype(bool)


def pack(bits: Bits, low: int) -> npt.NDArray[np.uint64]:
    """Bools (frames, keys) from key `low` on as spiral_keys, (frames, 2)."""
    full = np.zeros((bits.shape[0], KEYS), np.uint8)
    full[:, low : low + bits.shape[1]] = bits
    return np.packbits(full, axis=1, bitorder="little").view("<u8")


def _seconds_of(ticks: npt.NDArray[np.int64], midi: MidiStruct, tempos: Notes) -> npt.NDArray[np.float64]:
    """spiral_midi_seconds of many ticks: the same operations in the same order."""
    if midi.ticks_per_quarter == 0:
        return ticks / midi.ticks_per_s if midi.ticks_per_s > 0 else np.zeros(len(ticks))
    at = np.concatenate([[0], tempos["at_ticks"]])
    at_s = np.concatenate([[0.0], tempos["at_s"]])
    rate = midi.ticks_per_quarter * 1e6 / np.concatenate([[500000], tempos["us_per_quarter"]])
    k = np.searchsorted(tempos["at_ticks"], ticks, side="right")
    seconds: npt.NDArray[np.float64] = at_s[k] + (ticks - at[k]) / rate[k]
    return seconds


def _adopt(struct: MidiStruct) -> Midi:
    """C's file as ours; C's memory is freed."""
    try:
        c = _copy(struct.notes, struct.note_count, _NOTE_C)
        tempos = _copy(struct.tempos, struct.tempo_count, TEMPO)
        meters = _copy(struct.meters, struct.meter_count, METER)
        pedals = _copy(struct.pedals, struct.pedal_count, PEDAL)
        events = _copy(struct.events, struct.event_count, EVENT)
        notes = np.empty(len(c), NOTE)
        for ours, theirs in (("start_ticks", "on"), ("end_ticks", "off")):
            notes[ours] = c[theirs]
        for name in ("pitch", "velocity", "channel", "track", "port"):
            notes[name] = c[name]
        notes["drum"] = np.where(c["drum"], c["drum"] == _DRUM_YES, c["channel"] == DRUM_CHANNEL)
        notes["start"], notes["end"] = (_seconds_of(c[f], struct, tempos) for f in ("on", "off"))
        texts = [None if t is None else decoded_text(t) for t in (struct.name, struct.text)]
        warnings = {WARNINGS[i]: n for i, n in enumerate(struct.warnings) if n}
        not_kept = {NOT_KEPT[i]: n for i, n in enumerate(struct.not_kept) if n}
        return Midi(
            notes, tempos, meters, pedals, struct.ticks_per_quarter, struct.ticks_per_s, struct.format, struct.tracks,
            struct.end_ticks, texts[0], texts[1], warnings, not_kept, events,
        )  # fmt: skip
    finally:
        _clear(ctypes.byref(struct))


def read(source: Union[str, os.PathLike[str], bytes, bytearray, memoryview, BinaryIO]) -> Midi:
    """A MIDI file.

    Args:
        source: a path, the bytes of a file, or a binary file object, which is read to its end. What begins as gzip is
            decompressed, to at most 256 MiB.

    Raises:
        errors.BadFormat: it is not a MIDI file; errors.TooBig; errors.InputOutputError: it cannot be read.
        TypeError: the file object gives text: open it with "rb".

    Example:
        >>> import io
        >>> file = io.BytesIO(from_notes({"start": [0], "end": [1], "pitch": [60]}).to_bytes())
        >>> len(read(file).notes)
        1
    """
    struct = MidiStruct()
    if isinstance(source, (str, os.PathLike)):
        compressed = compressed_file(source)
        if compressed is None:
            call(_load, os.fsencode(source), ctypes.byref(struct))
            return _adopt(struct)
        try:
            return read(compressed)
        except errors.Error as error:
            named = type(error)(f"{os.fsdecode(source)}: {error}")
            named.offset = error.offset
            raise named from None
    given = source.read() if hasattr(source, "read") else source
    if not isinstance(given, (bytes, bytearray, memoryview)):
        if isinstance(given, str):
            raise TypeError("source is a file of text: open it with mode 'rb'")
        raise TypeError(f"source is a {type(given).__name__}: must be a path, bytes or a binary file")
    data = bytes(given)
    if data.startswith(GZIP):
        data = decompressed(data)
    call(_read, data, len(data), ctypes.byref(struct))
    return _adopt(struct)


def write(midi: Midi, path: Union[str, os.PathLike[str]]) -> None:
    """`midi.save(path)`."""
    if not isinstance(midi, Midi):
        raise TypeError(f"midi is {said(midi)}: must be a Midi, which read, from_notes and from_roll give")
    midi.save(path)


def _arrays_of(notes: Any) -> dict[str, npt.NDArray[Any]]:
    """The arrays (N,) of notes that are a structured array or a mapping."""
    try:
        names = notes.dtype.names if isinstance(notes, np.ndarray) else tuple(notes.keys())
        arrays = {n: np.asarray(notes[n]) for n in NOTE.names or () if n in names}
    except (AttributeError, TypeError):
        raise TypeError(
            f"notes is {said(notes)}: must be a structured array, or a mapping with start, end and pitch"
        ) from None
    for name in ("start", "end", "pitch"):
        if name not in arrays:
            raise ValueError(f"notes has no {name}: must have start, end and pitch")
    for name, array in arrays.items():
        if array.ndim != 1 or array.shape != arrays["start"].shape:
            wanted = "(N,)" if name == "start" else f"{arrays['start'].shape}, that of start"
            raise ValueError(f"{name} has shape {array.shape}: must be {wanted}")
        if array.dtype.kind not in "buif":
            raise TypeError(f"{name} is of {array.dtype}: must be numbers")
    return arrays


def from_notes(notes: Any, *, quarters_per_min: float = 120.0, ticks_per_quarter: int = 480) -> Midi:
    """A file from notes in seconds, at one tempo.

    Args:
        notes: a structured array, or a mapping of arrays: start and end in seconds and pitch; velocity (80), channel
            (0) and track (0) if they are there.
        quarters_per_min: the tempo, 3.58 and above.
        ticks_per_quarter: 1 to 32767; times are rounded to ticks.

    Raises:
        TypeError: an argument, or an array, is not of numbers.
        ValueError: an array is missing or has another shape, or a number is out of its range.

    Shape:
        notes: (N,), or arrays (N,) by name.
    """
    check_number("quarters_per_min", quarters_per_min)
    check_whole("ticks_per_quarter", ticks_per_quarter)
    us = round(6e7 / quarters_per_min) if quarters_per_min > 0 else 0
    if not 1 <= us <= 0xFFFFFF:
        raise ValueError(f"quarters_per_min is {quarters_per_min}: must be 3.58 to 60000000")
    if not 1 <= ticks_per_quarter <= 32767:
        raise ValueError(f"ticks_per_quarter is {ticks_per_quarter}: must be 1 to 32767")
    arrays = _arrays_of(notes)
    made = np.zeros(len(arrays["start"]), NOTE)
    made["velocity"] = 80
    for name in ("velocity", "channel", "track", "pitch"):
        if name in arrays:
            values = arrays[name]
            limit = 127 if name in ("pitch", "velocity") else 15 if name == "channel" else 65534
            if len(values) and not (values.min() >= 0 and values.max() <= limit):
                raise ValueError(f"{name} is {values.min()} to {values.max()}: must be 0 to {limit}")
            made[name] = values
    rate = ticks_per_quarter * 1e6 / us
    for name in ("start", "end"):
        made[name] = arrays[name]
        if not np.all(np.isfinite(made[name]) & (made[name] >= 0)):
            raise ValueError(f"{name} is {made[name].min()} at least: must be a finite number, 0 or more")
        made[f"{name}_ticks"] = np.rint(made[name] * rate)
        made[name] = made[f"{name}_ticks"] / rate
    made["drum"] = made["channel"] == DRUM_CHANNEL
    made = made[np.lexsort([made[f] for f in ("velocity", "end_ticks", "track", "channel", "pitch", "start_ticks")])]
    tempo = np.array([(0, us, 0.0)], TEMPO)
    tracks = int(made["track"].max()) + 1 if len(made) else 1
    end = int(made["end_ticks"].max()) if len(made) else 0
    return Midi(made, tempo, ticks_per_quarter=ticks_per_quarter, tracks=tracks, end_ticks=end)


def _cells(name: str, given: Any) -> Bits:
    """A plane of a roll as bools; other whole numbers than 0 sound, as velocities."""
    cells = np.asarray(given)
    if cells.dtype.kind not in "buif":
        raise TypeError(f"{name} is of {cells.dtype}: must be of bools")
    if cells.dtype.kind == "f" and not np.all((cells == 0) | (cells == 1)):
        raise ValueError(f"{name} holds numbers that are neither 0 nor 1: must be of bools, as logits > 0")
    return cells.astype(bool)


def from_roll(roll: Roll) -> Midi:
    """A roll's notes, velocity 80; `to_roll` with the same grid gives the same roll.

    Raises:
        TypeError: it is not a `Roll`, as a tensor or an array: name its grid, Roll(sounding, steps_per_quarter=4).
        ValueError: a field is out of its range, or sounding or onsets hold numbers that are neither 0 nor 1.

    Shape:
        `roll.sounding`: (keys, frames).

    Example:
        >>> logits = np.full((2, 36, 16), -3.0)  # what a network gives: (B, keys, frames)
        >>> logits[0, 12, :4] = 3.0
        >>> from_roll(Roll(logits[0] > 0, steps_per_quarter=4)).notes["pitch"].tolist()
        [60]
    """
    if not isinstance(roll, Roll):
        raise TypeError(f"roll is {said(roll)}: must be a midi.Roll, such as Roll(logits[0] > 0, steps_per_quarter=4)")
    check_whole("low", roll.low)
    check_number("quarters_per_min", roll.quarters_per_min)
    if roll.low < 0:
        raise ValueError(f"low is {roll.low}: must be 0 to 127")
    sounding = _cells("sounding", roll.sounding)
    onsets = None if roll.onsets is None else _cells("onsets", roll.onsets)
    if sounding.ndim != 2 or not 1 <= sounding.shape[0] <= KEYS - roll.low:
        raise ValueError(f"sounding has shape {sounding.shape}: must be (keys, frames), low + keys at most 128")
    if onsets is not None and onsets.shape != sounding.shape:
        raise ValueError(f"onsets has shape {onsets.shape}: must be that of sounding, {sounding.shape}")
    planes = [None if p is None else pack(p.T, roll.low) for p in (sounding, onsets)]
    struct = RollStruct(
        _grid(roll.frame_s, roll.steps_per_quarter), roll.quarters_per_min, sounding.shape[1],
        *(None if p is None else p.ctypes.data for p in planes),
    )  # fmt: skip
    midi = MidiStruct()
    call(_from_roll, ctypes.byref(struct), ctypes.byref(midi))
    return _adopt(midi)
