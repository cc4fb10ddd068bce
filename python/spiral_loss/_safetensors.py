# SPDX-License-Identifier: MIT
"""Reading and writing safetensors files of F32 arrays: eight bytes of length, a JSON header, the arrays.

What docs/formats.md asks of a file: every byte of the data belongs to exactly one array. Read next: `model`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
from collections.abc import Mapping
from typing import Any, Union

import numpy as np
import numpy.typing as npt

__all__ = ["load", "save"]

Arrays = dict[str, npt.NDArray[np.float32]]
Path = Union[str, "os.PathLike[str]"]
LENGTH = 8
HEADER_LIMIT = 100 << 20
METHOD = "SHA-256 of the file with the digits of the checksum as zeros"


def _header(path: Path, data: bytes) -> tuple[dict[str, Any], memoryview]:
    length = struct.unpack("<Q", data[:LENGTH])[0] if len(data) >= LENGTH else 0
    if not 2 <= length <= min(HEADER_LIMIT, len(data) - LENGTH):
        raise ValueError(f"{os.fspath(path)}: not a safetensors file, or cut short")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a name occurs twice")
        return dict(pairs)

    try:
        header = json.loads(data[LENGTH : LENGTH + length].decode(), object_pairs_hook=once)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise ValueError(f"{os.fspath(path)}: header is not an object")
    return header, memoryview(data)[LENGTH + length :]


def _entry(path: Path, name: str, entry: Any, limit: int) -> tuple[int, int, list[int]]:
    try:
        kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        whole = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
    except (KeyError, TypeError, ValueError):
        whole, kind, shape, begin, end = False, None, [], 0, 0
    if not whole:
        raise ValueError(f'{os.fspath(path)}: tensor "{name}": dtype, shape or data_offsets is missing or wrong')
    if kind != "F32":
        raise ValueError(f'{os.fspath(path)}: tensor "{name}" is {kind}: must be F32')
    size = 4
    for n in shape:
        size *= n
    if not begin <= end <= limit or end - begin != size:
        raise ValueError(f'{os.fspath(path)}: tensor "{name}": bytes {begin} to {end} do not hold shape {shape}')
    return begin, end, shape


def _check(path: Path, data: bytes, metadata: dict[str, str]) -> None:
    """Compares the file with its checksum, which files of version 0.1 and of other programs lack, and removes it."""
    saved, method = metadata.pop("checksum", None), metadata.pop("checksum_method", None)
    if saved is None and method is None:
        return
    digits = (saved or "").encode()
    if len(digits) != 64 or hashlib.sha256(data.replace(digits, b"0" * 64, 1)).hexdigest() != saved:
        raise ValueError(f"{os.fspath(path)}: the file is damaged: its checksum is not that of its bytes")


def load(path: Path) -> tuple[Arrays, dict[str, str]]:
    """The arrays of a file, and the texts of its metadata. ValueError: it is damaged, or not of F32 arrays."""
    with open(path, "rb") as file:
        data = file.read()
    header, body = _header(path, data)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError(f"{os.fspath(path)}: metadata is not an object of texts")
    _check(path, data, metadata)
    spans, arrays = [], {}
    for name, entry in header.items():
        begin, end, shape = _entry(path, name, entry, len(body))
        spans.append((begin, end))
        arrays[name] = np.frombuffer(body[begin:end], "<f4").reshape(shape).astype(np.float32)
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise ValueError(f"{os.fspath(path)}: tensors overlap or leave a gap at byte {at}")
        at = end
    if at != len(body):
        raise ValueError(f"{os.fspath(path)}: tensors end at byte {at} of {len(body)}")
    return arrays, metadata


def save(path: Path, arrays: Mapping[str, npt.NDArray[np.float32]], metadata: Mapping[str, str]) -> None:
    """Writes arrays in their order, under a temporary name in the same folder, then renames it."""
    header: dict[str, Any] = {"__metadata__": {**metadata, "checksum": "0" * 64, "checksum_method": METHOD}}
    at = 0
    for name, array in arrays.items():
        size = 4 * array.size
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    numbers = (np.ascontiguousarray(a, "<f4").tobytes() for a in arrays.values())
    data = struct.pack("<Q", len(text)) + text + b"".join(numbers)
    entry = b'"checksum":"'  # within another text its quotes are escaped
    data = data.replace(entry + b"0" * 64, entry + hashlib.sha256(data).hexdigest().encode(), 1)
    # Created with the permissions of any new file: the process's umask applies, and need not be known.
    temporary = os.path.join(os.path.dirname(os.path.abspath(path)), f".spiral-{secrets.token_hex(8)}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        try:
            file.write(data)
            file.close()
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
