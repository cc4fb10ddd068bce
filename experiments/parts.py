# SPDX-License-Identifier: MIT
"""For experiments that are measured in parts: the result of a finished part is kept, and the part is not measured again."""
import json
import sys


def run_parts(out, parts, wanted):
    """parts: name -> (message printed before it, function without arguments that returns its result, for JSON).

    Measures the wanted parts, all if none is named, except those for which out/NAME.json exists. Then writes
    out/results.json, a dictionary of all finished parts.
    """
    out.mkdir(parents=True, exist_ok=True)
    unknown = [name for name in wanted if name not in parts]
    if unknown:
        sys.exit(f"measure.py: {unknown[0]}: no such part; there are {', '.join(parts)}")
    for name in wanted or parts:
        path, (what, measure) = out / f"{name}.json", parts[name]
        if not path.exists():
            print(f"{name}: {what}", file=sys.stderr)
            path.write_text(json.dumps(measure(), indent=1) + "\n")
    results = {name: json.loads((out / f"{name}.json").read_text()) for name in parts if (out / f"{name}.json").exists()}
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
