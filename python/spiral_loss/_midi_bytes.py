# SPDX-License-Identifier: MIT
"""Bytes of MIDI files before and after they are parsed: gzip, and texts whose encoding no file names."""

from __future__ import annotations

import os
import zlib
from typing import Optional, Union

from . import errors

__all__ = ["GZIP", "compressed_file", "decoded_text", "decompressed"]

_OPEN_1252 = b"\x81\x8d\x8f\x90\x9d"
GZIP = b"\x1f\x8b"
_DECOMPRESSED_LIMIT = 1 << 28  # as in src/data/gzip.c


def compressed_file(path: Union[str, os.PathLike[str]]) -> Optional[bytes]:
    """The bytes of a regular file that begins as gzip; None for any other, which C reads or refuses."""
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return GZIP + file.read() if file.read(len(GZIP)) == GZIP else None
    except (OSError, ValueError):
        return None


def decompressed(data: bytes) -> bytes:
    """All members of a gzip file; bytes after them that are not a member are ignored."""
    parts: list[bytes] = []
    size = 0
    while data.startswith(GZIP) or not parts:
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


def decoded_text(text: bytes) -> str:
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
