# SPDX-License-Identifier: MIT
"""Data stored with each measurement (machine, compiler, flags, commit), and the file in which it is stored."""
import csv
import datetime
import json
import os
import platform
import re
import subprocess


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _flags(source="src/simd/loss_kernels_template.c"):
    """How the build compiled the loops of the loss for float: the flags of each instruction set."""
    with open("build/compile_commands.json") as file:
        commands = [entry["command"].split() for entry in json.load(file)
                    if entry["file"].endswith(source) and "-DSPIRAL_REAL_BITS=32" in entry["command"]]
    sets = [[w for w in words if re.match(r"-O|-m|-ff|-fno-(math|trapping)", w)] for words in commands]
    return " | ".join(" ".join(flags) for flags in sets)


def describe(**versions):
    """The last fields of each row of a result. A + after the commit: the tree had uncommitted changes."""
    cpu = platform.processor() or "unknown"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    return {"date": datetime.date.today().isoformat(), "cpu": cpu, "processors": os.cpu_count(),
            "compiler": _output(os.environ.get("CC", "cc"), "--version").split("\n")[0],
            "flags": _flags(),
            "commit": _output("git", "rev-parse", "--short", "HEAD") + ("+" if _output("git", "status", "--porcelain")
                                                                        else ""),
            **versions, "load": f"{os.getloadavg()[0]:.1f}"}


def keep(rows, machine, path=None, prefix=""):
    """Writes rows, dictionaries of the same keys, as CSV; to bench/results/<prefix><cpu>-<date>.csv without a path."""
    cpu = re.sub(r"[^a-z0-9]+", "-", machine["cpu"].lower().replace("(r)", "")).strip("-")
    path = path or f"bench/results/{prefix}{cpu}-{machine['date']}.csv"
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    print(f"\nkept as {path}")
