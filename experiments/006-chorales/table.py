# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from the results of measure.py.

    table.py RESULTS.json
"""
import json
import pathlib
import sys

STATISTICS = ("clashes", "triads", "four_voices", "onsets_per_frame", "scale_consistency", "parallels", "polyphony",
              "pitch_class_entropy", "groove_consistency", "empty_beat_rate")


def row(name, values):
    print("| " + " | ".join([name, *(v if isinstance(v, str) else f"{v:.3f}" for v in values)]) + " |")


def head(*names):
    print("\n| " + " | ".join(names) + " |\n|" + " --- |" * len(names))


def print_tables(results):
    if "likelihood" in results:
        head("nats per frame", "the decoder", "Markov", "repeats a bar", "where keys change", "per note")
        for name, r in results["likelihood"].items():
            row(name, [r[k] for k in ("nats_per_frame", "markov_nats_per_frame", "repeat_bar_nats_per_frame",
                                      "nats_per_changing_frame", "nats_per_note")])
        head("nats per frame of the cells to write, test", "the decoder", "given only the past", "Markov", "repeats a bar")
        for name in ("continue", "fill", "harmonize"):
            row(name, [results["likelihood"]["test"][name][k] for k in (
                "nats_per_frame", "past_only_nats_per_frame", "markov_nats_per_frame", "repeat_bar_nats_per_frame")])
    if "samples" in results:
        head("", *(f"seed {s}" for s in results["samples"]), "test chorales")
        runs = list(results["samples"].values())
        for name in STATISTICS:
            scale = 100 if name == "clashes" else 1
            row(name + (", %" if scale > 1 else ""), [scale * r["statistics"][name] for r in runs]
                + [scale * runs[0]["test"][name]])
        row("median nearest passage", [r["nearest"][len(r["nearest"]) // 2] for r in runs] + [""])
        row("samples above the limit", [str(r["above_limit"]) for r in runs] + [""])
        row("samples with a fault", [str(r["faults"]) for r in runs] + [""])
        if "two_sample" in results:
            tests = [results["two_sample"][seed] for seed in results["samples"]]
            for name, k in (("two-sample AUC by piece", "auc_by_piece"), ("two-sample AUC by window", "auc_by_window")):
                row(name, [r[k] for r in tests] + [""])
            row("repetitions of that test", [str(r["seeds"]) for r in tests] + [""])
    if "habits" in results:
        head("share", *results["habits"])
        for name in next(iter(results["habits"].values())):
            row(name, [r[name] for r in results["habits"].values()])
    if "untouched" in results:
        r = results["untouched"]
        head("verb", "files", "files with a changed given note", "clashes, %", "triads", "four voices", "parallels")
        for verb, n in r["files_with_a_changed_note"].items():
            s = r["statistics"][verb]["statistics"]
            row(verb, [str(r["files"]), str(n), 100 * s["clashes"], s["triads"], s["four_voices"], s["parallels"]])
    if "first_bar" in results:
        r = results["first_bar"]
        head("first bar", "spiral error", "clashes, %", "triads", "four voices", "onsets per frame")
        for way, s in r["statistics"].items():
            row(way, [r["spiral_error"].get(way, 0.0), 100 * s["clashes"], s["triads"], s["four_voices"],
                      s["onsets_per_frame"]])
    if "reconstruction" in results:
        head("reconstruction", "frame F1", "note F1", "spiral error")
        for way, r in results["reconstruction"].items():
            row(way, r.values())
    if "prior" in results:
        head("from random latents", "clashes, %", "triads", "four voices", "onsets per frame", "scale consistency")
        for way, r in results["prior"].items():
            s = r["statistics"]
            row(way, [100 * s["clashes"], s["triads"], s["four_voices"], s["onsets_per_frame"], s["scale_consistency"]])


print_tables(json.loads(pathlib.Path(sys.argv[1]).read_text()))
