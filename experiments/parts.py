# SPDX-License-Identifier: MIT
"""For experiments that are measured in parts: a part that is finished is kept and not measured again."""
import json
import sys


def run_parts(out, parts, wanted):
    """parts: name -> (what is said before it, function without arguments that returns its result, for JSON).

    Measures those that are wanted, all if none is named, unless out/NAME.json is there; then writes out/results.json,
    a dictionary of all parts that are finished.
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
