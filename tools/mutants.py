#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the losses and the scores on purpose, one way at a time, and says which test notices.

    tools/mutants.py [--list] [WORD ...]    only the breaks whose name contains one of the words

Each break is applied to a copy of the sources in build/mutants, the tests of kern, loss and measure are built and
run, fastest first, until one fails. A break that no test notices is a hole in the tests, and the exit status is 1.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY, BUILD = ROOT / "build/mutants/source", ROOT / "build/mutants/build"
TESTS = ("loss-call loss-batch loss-seed metrics-frames metrics-helix_energy metrics-notes metrics-counts loss-value "
         "loss-slopes metrics-pairing loss-music loss-shape "
         "loss-options loss-descent simd-vmath loss-single").split()
LIMIT_S = 240  # a test that takes longer hangs, and that is noticed too

HELIX, REF, PLAN = "src/helix/helix.c", "src/loss/ref.c", "src/loss/plan.c"
BATCH, KERN, VMATH = "src/loss/batch_body.h", "src/simd/loss_body.h", "src/simd/vmath.h"
FRAMES, PAIRING, NOTES, COUNTS = ("src/metrics/" + f for f in "frames.c pairing.c notes.c counts.c".split())

# name, what it means, then (file, what is there, what is put there) for every place that changes
MUTANTS = [
    ("non-circular chroma", "B is eleven semitones from C",
     (HELIX, "sin(PI / 12 * ((m * (delta_st % 12)) % 12))", "(PI / 12 * m * (delta_st % 12))")),
    ("floor octave", "height rises by steps of an octave",
     (HELIX, "helix->octave * delta_st / 12", "helix->octave * (delta_st / 12)")),
    ("swapped axes", "time is read as pitch",
     (BATCH, ".pred_at = pred_strides", ".pred_at = {pred_strides.b, pred_strides.p, pred_strides.t}")),
    ("missing transposed blur", "the gradient of the blurred roll is taken for that of the roll",
     (BATCH, """    k->ops->toeplitz(k->P, k->rows_u, k->every, k->bins, k->band, (ptrdiff_t)band->length - 1, band->length,
                     k->rows_dgeo);""",
      """    memcpy(k->rows_dgeo, k->rows_u + (size_t)k->loss->options.blur_radius * NAME(TILE), k->P * SPIRAL__TILE_BYTES);""")),
    ("dropped floor", "b is 0: silence is infinitely far",
     (BATCH, "(REAL)k->loss->options.kl_offset", "0")),
    ("sign of the gradient", "uphill",
     (KERN, "u[r * TILE + c] = e;", "u[r * TILE + c] = -e;")),
    ("unpadded blur", "what blurs past the ends of the keyboard is lost",
     (PLAN, "plan.bins = P + 2 * options->blur_radius", "plan.bins = P"),
     (BATCH, "k->rows_t, index, n, k->band, 0,", "k->rows_t, index, n, k->band, k->loss->options.blur_radius,"),
     (BATCH, "k->rows_y, k->every, k->P, k->band, 0,", "k->rows_y, k->every, k->P, k->band, k->loss->options.blur_radius,"),
     (BATCH, "k->band, (ptrdiff_t)band->length - 1, band->length,\n                     k->rows_dgeo",
      "k->band, k->loss->options.blur_radius, band->length,\n                     k->rows_dgeo")),
    ("mean without silence", "silent columns are not counted",
     (BATCH, "any |= weight > 0;", "any |= weight * (double)t[(ptrdiff_t)p * k->target_at.p] > 0;")),
    ("mean over padding", "columns of weight 0 are counted",
     (BATCH, "counted += (size_t)any;", "counted += 1;")),

    ("energy's half", "a missed note costs 2",
     (BATCH, "0.5 * factor, sums", "factor, sums")),
    ("energy's scale", "exp(-D) for exp(-D/2)",
     (REF, "2 * exp(-D / 2)", "2 * exp(-D)")),
    ("gauss's width", "sigma for sigma squared",
     (REF, "double x = D / o->sigma;", "double x = D / sqrt(o->sigma);")),
    ("blur not normalised", "the profile does not sum to 1",
     (REF, "/ o->blur_length) / sum;", "/ o->blur_length);")),
    ("blur cut short", "the profile ends before W",
     (REF, "if (abs(delta_st) > o->blur_radius) return 0;", "if (abs(delta_st) >= o->blur_radius) return 0;")),
    ("divergence reversed", "of the target from the output",
     (BATCH, "index, n, k->band, 0, band->length, k->rows_u);", "index, n, k->band, 0, band->length, k->rows_v);"),
     (BATCH, "k->every, k->P, k->band, 0, band->length, k->rows_v);",
      "k->every, k->P, k->band, 0, band->length, k->rows_u);")),
    ("no unit", "the spiral is not in missed notes",
     (BATCH, "const double factor = k->loss->options.lambda / k->loss->unit;",
      "const double factor = k->loss->options.lambda;")),
    ("unit of another time", "the unit forgets the time blur",
     (REF, "long M = (long)spiral__ref_pad(o);\n    for (int k = -o->blur_radius", "long M = 0;\n    for (int k = -o->blur_radius")),
    ("gradient without lambda", "the weight of the kind is left out of the slope",
     (BATCH, "k->scale * o->lambda / k->loss->unit", "k->scale / k->loss->unit")),
    ("gradient in y", "the logistic's slope is forgotten",
     (KERN, "out[i] = cell * dcost[i] + geo * (slope[i] * dgeo[i]);", "out[i] = cell * dcost[i] + geo * dgeo[i];")),
    ("half a mask", "a masked target still sounds",
     (KERN, "if (weighted) t_out[i] = w * t;", "if (weighted) t_out[i] = t;")),
    ("weights not in cross-entropy", "a masked cell is still scored",
     (KERN, "part[c] += weighted ? w * cost : cost;", "part[c] += cost;")),
    ("log of nothing", "probabilities of 0 are not raised",
     (KERN, "REAL on = z > epsilon ? z : epsilon,", "REAL on = z,")),
    ("probabilities above 1 let through", "they are held to the limit of logits",
     (KERN, "logits ? top_logit : top_one;", "top_logit;")),
    ("targets above 1 let through", "they are held to the limit of logits",
     (KERN, "most_target[c] > top_one", "most_target[c] > top_logit")),
    ("any weight let through", "NaN and infinity too",
     (KERN, "most_weight[c] > top_weight", "0")),
    ("any logit let through", "NaN and infinity too",
     (KERN, "logits ? top_logit : top_one;", "logits ? (BITS)-1 : top_one;")),
    ("no minus nothing", "-0 is refused", (KERN, "(t + 0)", "(t)")),
    ("last rows not summed", "the cost of the rows after the last four is lost",
     (KERN, "(p % NAME(SUM_ROWS) == NAME(SUM_ROWS) - 1 || p + 1 == P)", "(p % NAME(SUM_ROWS) == NAME(SUM_ROWS) - 1)")),
    ("right and sure is not free", "the rounding of the logit is left in the cost",
     (KERN, ": t * on + (one - t) * off + both;", ": off + both - t * z;")),
    ("stray factor of the farthest note", "the greatest for the least",
     (KERN, "least[c] = cost < least[c] ? cost : least[c];", "least[c] = cost > least[c] ? cost : least[c];")),
    ("free strays", "beside a sounding note a stray costs nothing",
     (BATCH, "(REAL)(o->bce + o->lambda * SPIRAL__REF_FLOOR)", "(REAL)o->bce")),
    ("rows missed", "the last columns of a tile do not count as sounding",
     (KERN, "for (int i = 1; i < WORDS; i++) any |= row[i];", "for (int i = 1; i < WORDS - 1; i++) any |= row[i];")),
    ("time gain", "the blur along time does not sum to 1",
     (KERN, "x[i] *= gain / tail;", "x[i] *= gain;")),
    ("time one-sided", "a note blurs only into later columns",
     (KERN, "for (size_t p = 0; p < width; p++) at[p] += a * after[p];", "(void)at, (void)after;")),
    ("time padding", "a few columns of silence are too few",
     (REF, "ceil(8 * o->time_blur)", "ceil(o->time_blur)")),
    ("time forgotten backwards", "the gradient is not blurred along time",
     (BATCH, "    if (k->grad && !quadratic)\n        k->ops->smooth(padded, k->width, (REAL)loss->decay, (REAL)loss->tail, "
             "(REAL)loss->gain, k->roll_y);", "")),
    ("reduction of the gradient alone", "the value is not reduced",
     (BATCH, "*value = k.scale * k.total;", "*value = k.total;")),
    ("per note of nothing", "silence is divided by its notes",
     (BATCH, "return 1 / (notes > 1 ? notes : 1);", "return 1 / notes;")),
    ("last of the loudest", "of equals the last, not the first",
     (BATCH, "rows[p * NAME(TILE) + c] > rows[best * NAME(TILE) + c]", "rows[p * NAME(TILE) + c] >= rows[best * NAME(TILE) + c]")),
    ("mask made circular", "the answer's mask is not as written",
     (REF, "o->kind == SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR ? circular(steps) : steps % 12", "circular(steps)")),
    ("table of another interval", "the table's note is a semitone off",
     (PLAN, "y[d] = 1;", "y[d ? d - 1 : 0] = 1;")),
    ("NaN radius accepted", "a comparison that NaN passes",
     (HELIX, "if (!(r >= 0 && r <= LIMIT))", "if (r < 0 || r > LIMIT)")),
    ("costs swapped", "the octave's cost for the semitone's",
     (HELIX, "double octave = -2 * log1p(-octave_cost / 2), semitone = -2 * log1p(-semitone_cost / 2);",
      "double octave = -2 * log1p(-semitone_cost / 2), semitone = -2 * log1p(-octave_cost / 2);")),
    ("costs without the rise", "the semitone's chord takes the whole of its distance",
     (HELIX, "square = (semitone - rise) * (semitone + rise)", "square = semitone * semitone")),
    ("entropy's series", "the first term of x - log(1 + x) alone",
     (REF, "for (int n = 16; n >= 2; n--)", "for (int n = 2; n >= 2; n--)")),
    ("entropy cancels", "(1 + e) log(1 + e) - e as it is written",
     (VMATH, "float low = (f * f) * (spiral__log_series_f32(f) * f - 0.5f) + k * 0x1.62e43p-1f;\n"
      "    return r * low + (e * f - (e - f));",
      "float low = (f * f) * (spiral__log_series_f32(f) * f - 0.5f) + k * 0x1.62e43p-1f;\n    return r * (f + low) - e;")),
    ("exp cut early", "a sure right answer costs 1e-17",
     (VMATH, "x = x < -69.0f ? -69.0f : x;", "x = x < -39.0f ? -39.0f : x;")),
    ("a coefficient", "one hexadecimal digit of a polynomial",
     (VMATH, "q = q * r + 0x1.111111110ec3fp-7;", "q = q * r + 0x1.111111190ec3fp-7;")),
    ("an allocation", "a call asks for memory",
     ("src/loss/batch.c", "#include <string.h>", "#include <stdlib.h>\n#include <string.h>"),
     (BATCH, "NAME(lay_out)(&k, work);", "void *volatile more = malloc(64);\n    free(more);\n    NAME(lay_out)(&k, work);")),
    ("memory of a call", "the plan's floor is what the last call made of it",
     (BATCH, "NAME(lay_out)(&k, work);",
      "((spiral_loss *)(uintptr_t)loss)->options.kl_offset *= 1.0000001;\n    NAME(lay_out)(&k, work);")),
    ("place in the tile", "the last column of a tile is treated a little differently",
     (BATCH, "NAME(kind)(k, n, sums);", "NAME(kind)(k, n, sums);\n        sums[NAME(TILE) - 1] *= 1 + 1e-14;")),
    ("stale padding", "the next roll hears the echo of the last",
     (BATCH, "    memset(k->roll_y, 0, padded * k->width * sizeof(REAL));\n", "")),
    ("tail of the time blur", "what comes after the last column is taken for silence",
     (PLAN, "loss->tail = -1 / expm1(-2 / tau);", "loss->tail = 1;")),
    ("masked notes forgive", "a stray beside a masked note is cheap",
     (KERN, "if (weight) t *= weight[p * TILE + c] < 1 ? weight[p * TILE + c] : 1;", "(void)weight;")),
    ("masked keys are loudest", "the seed's mask looks at keys of weight 0",
     (BATCH, "if (k->rows_weight && !(k->rows_weight[p * NAME(TILE) + c] > 0)) continue;", "")),
    ("gradient without bce", "the factor of cross-entropy is left out of the slope",
     (BATCH, "k->scale * o->bce)", "k->scale)")),
    ("preset out of scale", "the tonnetz costs more than the others",
     (HELIX, "#define R_TONNETZ (1.3 / 1.5)", "#define R_TONNETZ 1.3")),
    ("circle not closed", "an octave's turn leaves 1e-16",
     (HELIX, "((m * (delta_st % 12)) % 12)", "(m * delta_st)")),

    ("pitch classes of the upper keys", "the high word is taken to begin with C",
     (FRAMES, "EVERY_12TH(((c) + 8) % 12)", "EVERY_12TH((c) % 12)")),
    ("chroma without octaves", "an octave error misses the pitch class",
     (FRAMES, "counts->chroma_true_positives += both + octaves;", "counts->chroma_true_positives += both;")),
    ("every error a substitution", "a miss is one half of a pair",
     (FRAMES, "unsigned substituted = smaller(n, p),", "unsigned substituted = n > p ? n : p,")),
    ("energy's cross terms", "a stray does not make up for a miss beside it",
     (FRAMES, "(i < negatives) == (j < negatives) ? kernel[interval] : -kernel[interval]", "kernel[interval]")),
    ("pairs at any distance", "two notes far apart are one mistake of any size",
     (PAIRING, "distance[i] < 2 ? distance[i] : 2", "distance[i]")),
    ("greedy pairs", "no exchange of partners is looked for",
     (PAIRING, "a->right_dual[r] -= total - s.total[r];", "")),
    ("left-over notes are free", "unequal numbers cost nothing",
     (PAIRING, "double sum = x.m - x.n;", "double sum = 0;")),
    ("tolerance excluded", "a note exactly at the tolerance is late",
     (NOTES, "if (apart <= tolerance) {", "if (apart < tolerance) {")),
    ("octave share of all", "the share of what is no octave error",
     (COUNTS, "ratio(c->substitutions - c->chroma_substitutions, c->substitutions)",
      "ratio(c->chroma_substitutions, c->substitutions)")),
    ("notes of nothing", "0 of 0 is no number",
     (COUNTS, "return whole ? (double)part / (double)whole : 0;", "return (double)part / (double)whole;")),
    ("greedy onsets", "an onset out of reach is paired all the same",
     (NOTES, "} else if (a[i] < b[j]) {", "} else if (a[i] > b[j]) {")),
    ("recall for precision", "hits over the wrong total",
     (COUNTS, ".precision = ratio(c->true_positives, p)", ".precision = ratio(c->true_positives, t)")),
    ("counts lost in a sum", "the first field is not added",
     (COUNTS, "#define SPIRAL_X(type, name) sum.name += part.name;",
      "#define SPIRAL_X(type, name) if (&sum.name != (void *)&sum.frames) sum.name += part.name;")),
    ("onset on a silent key", "an onset bit is a note whatever sounds",
     (NOTES, "for (uint64_t bits = starts.word[w];", "for (uint64_t bits = starts.word[w] | (roll->onsets ? roll->onsets[t].word[w] : 0);")),
]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def copy_sources():
    """Brings the copy up to date. Files that are right are left alone, so that only what changed is built."""
    wanted = {name for name in run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).stdout.split()
              if (ROOT / name).is_file()}
    for path in [p for p in COPY.rglob("*") if p.is_file()]:
        if str(path.relative_to(COPY)) not in wanted:
            path.unlink()
    for name in wanted:
        source, copy = ROOT / name, COPY / name
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)


def build():
    return run("ninja", "-C", BUILD, *(f"tests/test-{t}" for t in TESTS))


def failures():
    """The first test program that fails and the tests it names; None if all pass."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", SPIRAL_SOURCE=str(COPY), SPIRAL_BUILD=str(BUILD))
    for test in TESTS:
        try:
            done = run(BUILD / f"tests/test-{test}", env=environment, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"{test} hangs"
        if done.returncode:
            named = re.findall(r"^not ok \d+ - (\S+)", done.stdout, re.M)
            return f"{test}: {', '.join(named)}" if named else f"{test} dies"
    return None


def apply(edits):
    """Applies the edits; what could not be found."""
    wrong = []
    for file, old, new in edits:
        text = (COPY / file).read_text()
        if old not in text:
            wrong.append(f"{file}: {old[:60]!r} is not there")
        (COPY / file).write_text(text.replace(old, new))
    return wrong


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    chosen = [m for m in MUTANTS if not words or any(w in m[0] for w in words)]
    if "--list" in sys.argv:
        for name, why, *_ in chosen:
            print(f"{name:36} {why}")
        return 0
    copy_sources()
    if not (BUILD / "meson-private").is_dir():
        done = run("meson", "setup", BUILD, COPY, "-Dprogram=disabled", "-Doptimization=2")
        if done.returncode:
            print(done.stdout[-2000:])
            return 1
    done = build()
    if done.returncode:
        print(done.stdout[-2000:])
        return 1
    if (found := failures()):
        print(f"the tests fail before anything is broken: {found}")
        return 1
    survived = []
    for number, (name, why, *edits) in enumerate(chosen, 1):
        begin, before = time.time(), {file: (COPY / file).read_text() for file, _, _ in edits}
        wrong = apply(edits)
        if wrong:
            verdict = "DOES NOT APPLY: " + "; ".join(wrong)
        elif (done := build()).returncode:
            verdict = "DOES NOT COMPILE: " + (re.findall(r"error: .*", done.stdout) or ["?"])[0]
        else:
            found = failures()
            verdict = f"killed by {found}" if found else "SURVIVED"
        if not verdict.startswith("killed"):
            survived.append(name)
        print(f"{number:2}/{len(chosen)} {name:36} {verdict} ({time.time() - begin:.0f} s)", flush=True)
        for file, text in before.items():
            (COPY / file).write_text(text)
    print(f"{len(chosen) - len(survived)} killed, {len(survived)} survived" +
          (": " + ", ".join(survived) if survived else ""))
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
