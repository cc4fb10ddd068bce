# SPDX-License-Identifier: MIT
"""Checks every #include "...": which module may include which (tools/modules.txt), and that includes within a module have no
cycle.

A .c file and the .h file of the same name count as one. The files of a cycle cannot be read, tested or removed one by one.
"""
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
        head, slash, rest = include[1].partition("/")
        if module in PUBLIC_ONLY:
            right = head == "spiral" or not slash
        elif head == "spiral":  # the header of the module of its name, or one of the whole library, like status.h
            public = rest.removesuffix(".h")
            right = public not in allowed or public in {name.removesuffix(".h") for name in may}
        else:
            right = head in may
        if not right:
            row = f"{module}: {' '.join(sorted(allowed[module]))}"
            wrong.append(f"{file.relative_to(root)}:{number}: includes {include[1]}, but tools/modules.txt says \"{row}\"")

for row in re.findall(r"^\| ([a-z]+) \| [^|]* \|([^|]*)\| [^|]*\|$", (root / "ARCHITECTURE.md").read_text(), re.M):
    if row[0] in allowed and row[0] not in PUBLIC_ONLY and set(row[1].split()) != allowed[row[0]]:
        wrong.append(f"ARCHITECTURE.md says \"{row[0]}: {row[1].strip()}\", tools/modules.txt another list")


def find_cycle(uses):
    """A list of names, each using the next and the last one the first; None if there is none. uses: name -> names."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name):]
        if name in done:
            return None
        path.append(name)
        for used in sorted(uses.get(name, ())):
            if cycle := visit(used):
                return cycle
        path.pop()
        done.add(name)
        return None

    return next(filter(None, map(visit, sorted(uses))), None)


for folder in sorted({file.parent for file in files}):
    uses = {}
    for file in folder.glob("*.[ch]"):
        for include in re.findall(r'^\s*#\s*include\s+"([^"]+)"', file.read_text(), re.M):
            beside = [path for path in (folder / include, root / "src" / include) if path.is_file() and path.parent == folder]
            uses.setdefault(file.stem, set()).update({path.stem for path in beside} - {file.stem})
    if cycle := find_cycle(uses):
        wrong.append(f"{folder.relative_to(root)}: cycle of includes: {' -> '.join([*cycle, cycle[0]])}")
print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(bool(wrong))
