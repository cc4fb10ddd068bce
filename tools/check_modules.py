# SPDX-License-Identifier: MIT
"""Checks every #include "..." against tools/modules.txt: who may include whom."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
allowed = {}
for line in (root / "tools/modules.txt").read_text().splitlines():
    if line.strip() and not line.startswith("#"):
        module, _, others = line.partition(":")
        allowed[module] = set(others.split())

# These may include the public headers only.
PUBLIC_ONLY = {"cli", "examples"}
wrong = []
files = [f for top in ("src", "cli", "examples") for f in (root / top).rglob("*.[ch]")]
for file in files:
    parts = file.relative_to(root).parts
    module = parts[1] if parts[0] == "src" else parts[0]
    if module not in allowed:
        wrong.append(f"{file.relative_to(root)}: the module {module} is not in tools/modules.txt")
        continue
    may = allowed[module] | {module, "base"}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not include or include[1] == "spiral_config.h":
            continue
        head, slash, _ = include[1].partition("/")
        if head == "spiral" or (module in PUBLIC_ONLY and not slash):
            continue
        if module in PUBLIC_ONLY or head not in may:
            row = f"{module}: {' '.join(sorted(allowed[module]))}"
            wrong.append(f"{file.relative_to(root)}:{number}: includes {include[1]}, but tools/modules.txt says \"{row}\"")
print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(bool(wrong))
