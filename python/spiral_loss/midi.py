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
import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _names, errors
from ._library import Failure, call, declare

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
_OPEN_1252 = b"\x81\x8d\x8f\x90\x9d"
_GZIP = b"\x1f\x8b"
_DECOMPRESSED_LIMIT = 1 << 28  # as in src/data/gzip.c
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


class _Midi(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.c_int),
        ("ticks_per_quarter", ctypes.c_int),
        ("ticks_per_s", ctypes.c_double),
        ("tracks", ctypes.c_int),
        ("end_ticks", ctypes.c_int64),
        ("note_count", ctypes.c_size_t),
        ("notes", ctypes.c_void_p),
        ("tempo_count", ctypes.c_size_t),
        ("tempos", ctypes.c_void_p),
        ("meter_count", ctypes.c_size_t),
        ("meters", ctypes.c_void_p),
        ("pedal_count", ctypes.c_size_t),
        ("pedals", ctypes.c_void_p),
        ("event_count", ctypes.c_size_t),
        ("events", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("text", ctypes.c_char_p),
        ("warnings", ctypes.c_uint32 * 32),  # SPIRAL_MIDI_WARNING_CAPACITY
        ("not_kept", ctypes.c_uint32 * 16),  # SPIRAL_MIDI_NOT_KEPT_CAPACITY
    )


class _Grid(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("frame_us", ctypes.c_int32), ("steps_per_quarter", ctypes.c_int32))


class _Roll(ctypes.Structure):
    _fields_ = (
        ("grid", _Grid),
        ("quarters_per_min", ctypes.c_double),
        ("frames", ctypes.c_size_t),
        ("sounding", ctypes.c_void_p),
        ("onsets", ctypes.c_void_p),
    )


class _RollOptions(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t), ("grid", _Grid), ("low", ctypes.c_int), ("high", ctypes.c_int),
        ("onsets", ctypes.c_int),         ("drums", ctypes.c_int),
        ("pedal", ctypes.c_int),
        ("out_of_range", ctypes.c_int),
        ("drum_channels", ctypes.c_uint32),
        ("unchanged_frames_max", ctypes.c_int),
    )  # fmt: skip


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


_midi, _roll, _error = ctypes.POINTER(_Midi), ctypes.POINTER(_Roll), ctypes.POINTER(Failure)
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
    ctypes.POINTER(_RollOptions),
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
        if frames < 1 or hop < 1:
            raise ValueError(f"frames is {frames} and hop {hop}: must be 1 or more")
        length = self.sounding.shape[1]
        count = max(-(-max(length - frames, 0) // hop) + 1, 1)
        padded = np.pad(self.sounding, ((0, 0), (0, max((count - 1) * hop + frames - length, 0))))
        return np.stack([padded[:, i * hop : i * hop + frames] for i in range(count)])


Roll.__init__ = _names.renamed(frames="sounding", column_s="frame_s")(Roll.__init__)  # type: ignore[method-assign]


def _channel_bits(channels: Optional[Iterable[int]]) -> int:
    """A bit for each channel; 0 for None: what the file says."""
    if channels is None:
        return 0
    bits = 0
    for channel in channels:
        if not 0 <= channel <= 15:
            raise ValueError(f"drum_channels has {channel}: must be 0 to 15")
        bits |= 1 << channel
    if not bits:
        raise ValueError("drum_channels is empty: give None for what the file says, or drums=True to keep all")
    return bits


def _grid(frame_s: Optional[float], steps_per_quarter: Optional[int]) -> _Grid:
    if (frame_s is None) == (steps_per_quarter is None):
        raise ValueError(
            f"frame_s is {frame_s} and steps_per_quarter {steps_per_quarter}: must be one of the two, not both"
        )
    if frame_s is not None:
        return _Grid(0, round(frame_s * 1e6), 0)
    return _Grid(1, 0, int(steps_per_quarter or 0))


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

    def _struct(self) -> tuple[_Midi, list[Any]]:
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
        struct = _Midi(
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
        if not 0 <= low <= high <= 127:
            raise ValueError(f"low is {low} and high {high}: must be 0 <= low <= high <= 127")
        if out_of_range not in OUT_OF_RANGE:
            raise ValueError(f"out_of_range is {out_of_range!r}: must be one of {', '.join(OUT_OF_RANGE)}")
        what = OUT_OF_RANGE.index(out_of_range)
        grid = _grid(frame_s, steps_per_quarter)
        channels = _channel_bits(drum_channels)
        size = ctypes.sizeof(_RollOptions)
        options = _RollOptions(size, grid, low, high, onsets, drums, pedal, what, channels)
        struct, _keep = self._struct()
        roll, report = _Roll(), _Report(ctypes.sizeof(_Report))
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
            return Roll(sounding, planes[1], low, seconds, steps_per_quarter, roll.quarters_per_min, counts)
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


def _seconds_of(ticks: npt.NDArray[np.int64], midi: _Midi, tempos: Notes) -> npt.NDArray[np.float64]:
    """spiral_midi_seconds of many ticks: the same operations in the same order."""
    if midi.ticks_per_quarter == 0:
        return ticks / midi.ticks_per_s if midi.ticks_per_s > 0 else np.zeros(len(ticks))
    at = np.concatenate([[0], tempos["at_ticks"]])
    at_s = np.concatenate([[0.0], tempos["at_s"]])
    rate = midi.ticks_per_quarter * 1e6 / np.concatenate([[500000], tempos["us_per_quarter"]])
    k = np.searchsorted(tempos["at_ticks"], ticks, side="right")
    seconds: npt.NDArray[np.float64] = at_s[k] + (ticks - at[k]) / rate[k]
    return seconds


def _decoded(text: bytes) -> str:
    """A text of a file, which does not name its encoding, by the rule of spiral_midi_text_utf8 (midi.h).

    UTF-8 if it is valid, else Shift-JIS if that gives more two-byte Japanese characters than Latin letters, else
    Windows-1252.
    """
    for encoding in ("utf-8", "cp932"):
        try:
            found = text.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp932" and any("\uf8f0" <= c <= "\uf8f3" or c == "\x80" for c in found):
            continue  # single bytes that Python alone takes
        japanese = sum("\u3000" <= c <= "\uffff" and not "\uff61" <= c <= "\uff9f" for c in found)
        latin = sum("A" <= c.upper() <= "Z" for c in found)
        if encoding == "utf-8" or japanese > latin:
            return found
    # the five bytes that Windows-1252 leaves open are control characters
    return "".join(bytes([b]).decode("cp1252") if b not in _OPEN_1252 else chr(b) for b in text)


def _adopt(struct: _Midi) -> Midi:
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
        texts = [None if t is None else _decoded(t) for t in (struct.name, struct.text)]
        warnings = {WARNINGS[i]: n for i, n in enumerate(struct.warnings) if n}
        not_kept = {NOT_KEPT[i]: n for i, n in enumerate(struct.not_kept) if n}
        return Midi(
            notes, tempos, meters, pedals, struct.ticks_per_quarter, struct.ticks_per_s, struct.format, struct.tracks,
            struct.end_ticks, texts[0], texts[1], warnings, not_kept, events,
        )  # fmt: skip
    finally:
        _clear(ctypes.byref(struct))


def _compressed(path: Union[str, os.PathLike[str]]) -> Optional[bytes]:
    """The bytes of a regular file that begins as gzip; None for any other, which C reads or refuses."""
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return _GZIP + file.read() if file.read(len(_GZIP)) == _GZIP else None
    except (OSError, ValueError):
        return None


def _decompressed(data: bytes) -> bytes:
    """All members of a gzip file; bytes after them that are not a member are ignored."""
    parts: list[bytes] = []
    size = 0
    while data.startswith(_GZIP) or not parts:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            parts.append(member.decompress(data, _DECOMPRESSED_LIMIT + 1 - size))
        except zlib.error:
            raise errors.BadFormat("its gzip data are damaged") from None
        size += len(parts[-1])
        if size > _DECOMPRESSED_LIMIT:
            raise errors.TooBig(f"larger than {_DECOMPRESSED_LIMIT} bytes, the limit, when decompressed")
        if not member.eof:
            raise errors.BadFormat("its gzip data end too early")
        data = member.unused_data
    return b"".join(parts)


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
    struct = _Midi()
    if isinstance(source, (str, os.PathLike)):
        compressed = _compressed(source)
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
    if data.startswith(_GZIP):
        data = _decompressed(data)
    call(_read, data, len(data), ctypes.byref(struct))
    return _adopt(struct)


def write(midi: Midi, path: Union[str, os.PathLike[str]]) -> None:
    """`midi.save(path)`."""
    midi.save(path)


def from_notes(notes: Any, *, quarters_per_min: float = 120.0, ticks_per_quarter: int = 480) -> Midi:
    """A file from notes in seconds, at one tempo.

    Args:
        notes: a structured array, or a mapping of arrays: start and end in seconds and pitch; velocity (80), channel
            (0) and track (0) if they are there.
        quarters_per_min: the tempo, 3.58 and above.
        ticks_per_quarter: 1 to 32767; times are rounded to ticks.

    Shape:
        notes: (N,), or arrays (N,) by name.
    """
    us = round(6e7 / quarters_per_min) if quarters_per_min > 0 else 0
    if not 1 <= us <= 0xFFFFFF:
        raise ValueError(f"quarters_per_min is {quarters_per_min}: must be 3.58 to 60000000")
    if not 1 <= ticks_per_quarter <= 32767:
        raise ValueError(f"ticks_per_quarter is {ticks_per_quarter}: must be 1 to 32767")
    names = notes.dtype.names if isinstance(notes, np.ndarray) else tuple(notes)
    made = np.zeros(len(notes["start"]), NOTE)
    made["velocity"] = 80
    for name in ("velocity", "channel", "track", "pitch"):
        if name in names:
            values = np.asarray(notes[name])
            limit = 127 if name in ("pitch", "velocity") else 15 if name == "channel" else 65534
            if len(values) and not (values.min() >= 0 and values.max() <= limit):
                raise ValueError(f"{name} is {values.min()} to {values.max()}: must be 0 to {limit}")
            made[name] = values
    rate = ticks_per_quarter * 1e6 / us
    for name in ("start", "end"):
        made[name] = notes[name]
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


def from_roll(roll: Roll) -> Midi:
    """A roll's notes, velocity 80; `to_roll` with the same grid gives the same roll.

    Shape:
        `roll.sounding`: (keys, frames).
    """
    sounding = np.asarray(roll.sounding)
    if sounding.ndim != 2 or not 1 <= sounding.shape[0] <= KEYS - roll.low:
        raise ValueError(f"sounding has shape {sounding.shape}: must be (keys, frames), low + keys at most 128")
    planes = [None if p is None else pack(np.asarray(p, bool).T, roll.low) for p in (sounding, roll.onsets)]
    if planes[0] is not None and planes[1] is not None and planes[0].shape != planes[1].shape:
        raise ValueError(f"onsets has {planes[1].shape[0]} frames: must be those of sounding, {planes[0].shape[0]}")
    struct = _Roll(
        _grid(roll.frame_s, roll.steps_per_quarter), roll.quarters_per_min, sounding.shape[1],
        *(None if p is None else p.ctypes.data for p in planes),
    )  # fmt: skip
    midi = _Midi()
    call(_from_roll, ctypes.byref(struct), ctypes.byref(midi))
    return _adopt(midi)
