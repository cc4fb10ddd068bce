# SPDX-License-Identifier: MIT
"""Checks every #include "..." against tools/rooms.txt: who may include whom."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
allowed = {}
for line in (root / "tools/rooms.txt").read_text().splitlines():
    if line.strip() and not line.startswith("#"):
        room, _, others = line.partition(":")
        allowed[room] = set(others.split())

# These live in the shop window and see nothing else.
PUBLIC_ONLY = {"cli", "examples"}
wrong = []
files = [f for top in ("src", "cli", "examples") for f in (root / top).rglob("*.[ch]")]
for file in files:
    parts = file.relative_to(root).parts
    room = parts[1] if parts[0] == "src" else parts[0]
    if room not in allowed:
        wrong.append(f"{file.relative_to(root)}: the room {room} is not in tools/rooms.txt")
        continue
    may = allowed[room] | {room, "base"}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not include or include[1] == "spiral_config.h":
            continue
        head, slash, _ = include[1].partition("/")
        if head == "spiral" or (room in PUBLIC_ONLY and not slash):
            continue
        if room in PUBLIC_ONLY or head not in may:
            row = f"{room}: {' '.join(sorted(allowed[room]))}"
            wrong.append(f"{file.relative_to(root)}:{number}: includes {include[1]}, but tools/rooms.txt says \"{row}\"")
print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(bool(wrong))
