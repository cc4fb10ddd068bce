# SPDX-License-Identifier: MIT
"""The structs of include/spiral/midi.h and roll.h. Read next: `midi`, which calls C with them."""

from __future__ import annotations

import ctypes

__all__ = ["GridStruct", "MidiStruct", "RollOptionsStruct", "RollStruct"]


class MidiStruct(ctypes.Structure):
    """spiral_midi."""

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


class GridStruct(ctypes.Structure):
    """spiral_grid."""

    _fields_ = (("kind", ctypes.c_int), ("frame_us", ctypes.c_int32), ("steps_per_quarter", ctypes.c_int32))


class RollStruct(ctypes.Structure):
    """spiral_roll."""

    _fields_ = (
        ("grid", GridStruct),
        ("quarters_per_min", ctypes.c_double),
        ("frames", ctypes.c_size_t),
        ("sounding", ctypes.c_void_p),
        ("onsets", ctypes.c_void_p),
    )


class RollOptionsStruct(ctypes.Structure):
    """spiral_roll_options."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t), ("grid", GridStruct), ("low", ctypes.c_int), ("high", ctypes.c_int),
        ("onsets", ctypes.c_int), ("drums", ctypes.c_int), ("pedal", ctypes.c_int), ("out_of_range", ctypes.c_int),
        ("drum_channels", ctypes.c_uint32),
        ("unchanged_frames_max", ctypes.c_int),
    )  # fmt: skip
