#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the losses and the metrics on purpose, one break at a time, and says which test fails.

    tools/mutants.py [--list] [WORD ...]    only the breaks whose name contains one of the words

--list prints them and checks that the sources contain what they replace; it breaks nothing.

Each break is applied to a copy of the sources in build/mutants. The tests of base, simd, helix, loss and metrics are
built and run, fastest first, until one fails. A break without a failing test shows that a test is missing; the exit
status is then 1.
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
TESTS = ("helix-helix helix-kernel base-sized loss-options loss-call loss-batch loss-threads loss-argmax_kinds "
         "metrics-frames metrics-helix_energy metrics-notes metrics-counts loss-definition loss-gradient metrics-pairing loss-costs "
         "loss-properties loss-random_options loss-descent simd-vmath loss-single_precision").split()
LIMIT_S = 240  # a test that takes longer counts as failed

HELIX, KERNEL, SIZED = "src/helix/helix.c", "src/helix/kernel.c", "src/base/sized.c"
REF, PLAN, CALL, TEMPLATE, COSTS = ("src/loss/" + f for f in
                                    "ref.c plan.c call.c loss_template.c interval_costs.c".split())
KERNELS, VMATH = "src/simd/loss_kernels_template.c", "src/simd/vmath.h"
FRAMES, PAIRING, NOTES, COUNTS = ("src/metrics/" + f for f in "frames.c pairing.c notes.c counts.c".split())

# name, meaning, then (file, text, text that replaces it) for each place that changes
MUTANTS = [
    ("non-circular chroma", "B is eleven semitones from C",
     (HELIX, "sin(PI / 12 * ((m * (delta_st % 12)) % 12))", "(PI / 12 * m * (delta_st % 12))")),
    ("rounded octave", "the height rises in steps of an octave",
     (HELIX, "helix->octave * delta_st / 12", "helix->octave * (delta_st / 12)")),
    ("swapped axes", "time is read as pitch",
     (TEMPLATE, "load(s, first, n, call->pred, call->pred_at, s->pred);",
      "load(s, first, n, call->pred, (spiral_strides){call->pred_at.b, call->pred_at.p, call->pred_at.t}, s->pred);")),
    ("missing transposed blur", "the gradient of the blurred roll is taken for that of the roll",
     (TEMPLATE,
      "    s->kernels->toeplitz(s->P, s->bins, s->u, s->coefficients, (ptrdiff_t)length - 1, length, s->dkind);",
      "    memcpy(s->dkind, s->u + (size_t)s->options->blur_radius * TILE, s->P * SPIRAL__TILE_BYTES);")),
    ("dropped kl_offset", "b is 0: a missed note costs infinitely much",
     (TEMPLATE, "(real)s->options->kl_offset", "0")),
    ("sign of the gradient", "it points uphill",
     (KERNELS, "if (row % SUM_ROWS == SUM_ROWS - 1 || row + 1 == n_rows) add_to_sums(part, factor, sums);",
      "if (row % SUM_ROWS == SUM_ROWS - 1 || row + 1 == n_rows) add_to_sums(part, factor, sums);\n"
      "            for (size_t c = 0; c < TILE; c++) u[row * TILE + c] *= -1;")),
    ("unpadded blur", "what is blurred past the ends of the keyboard is lost",
     (PLAN, "plan.bins = P + 2 * plan.options.blur_radius", "plan.bins = P"),
     (TEMPLATE, "s->t, s->coefficients, 0,", "s->t, s->coefficients, s->options->blur_radius,"),
     (TEMPLATE, "s->y, s->coefficients, 0,", "s->y, s->coefficients, s->options->blur_radius,"),
     (TEMPLATE, "s->coefficients, (ptrdiff_t)length - 1, length, s->dkind",
      "s->coefficients, s->options->blur_radius, length, s->dkind")),
    ("mean without silence", "silent frames are not counted",
     (TEMPLATE, "any |= weight > 0;", "any |= weight * (double)t[(ptrdiff_t)p * call->target_at.p] > 0;")),
    ("mean over padding", "frames of weight 0 are counted",
     (TEMPLATE, "counted += (size_t)any;", "counted += 1;")),

    ("energy's half", "a missed note costs 2",
     (TEMPLATE, "0.5 * factor, sums", "factor, sums")),
    ("energy's scale", "exp(-D) instead of exp(-D/2)",
     (KERNEL, "2 * exp(-spiral_helix_distance(helix, delta_st) / 2)", "2 * exp(-spiral_helix_distance(helix, delta_st))")),
    ("gauss's width", "sigma instead of sigma squared",
     (KERNEL, "spiral_helix_distance(helix, delta_st) / sigma;", "spiral_helix_distance(helix, delta_st) / sqrt(sigma);")),
    ("blur not normalised", "the profile does not sum to 1",
     (KERNEL, "s[i] /= sum;", "s[i] /= 1;")),
    ("blur cut short", "the profile ends before W",
     (KERNEL, "for (int i = 0; i <= 2 * radius; i++) s[i] /= sum;",
      "for (int i = 0; i <= 2 * radius; i++) s[i] /= sum;\n    if (radius) s[0] = s[2 * radius] = 0;")),
    ("divergence reversed", "of the target from the prediction",
     (TEMPLATE, "s->t, s->coefficients, 0, length, s->u);", "s->t, s->coefficients, 0, length, s->v);"),
     (TEMPLATE, "s->y, s->coefficients, 0, length, s->v);", "s->y, s->coefficients, 0, length, s->u);")),
    ("missed note not 1", "the spiral is not in missed notes",
     (TEMPLATE, "const double factor = s->options->lambda / s->loss->missed_note;",
      "const double factor = s->options->lambda;")),
    ("missed note without time", "the cost of a missed note ignores the time blur",
     (REF, "long M = (long)spiral__ref_pad(o);\n    spiral__helix_blur_profile",
      "long M = 0;\n    spiral__helix_blur_profile")),
    ("gradient without lambda", "the factor of the kind is left out of the gradient",
     (TEMPLATE, "s->scale * o->lambda / s->loss->missed_note", "s->scale / s->loss->missed_note")),
    ("gradient in y", "the derivative of the sigmoid is left out",
     (KERNELS, "out[i] = cross_factor * dcost[i] + kind_factor * (slope[i] * dkind[i]);",
      "out[i] = cross_factor * dcost[i] + kind_factor * dkind[i];")),
    ("target not weighted", "a target of weight 0 counts",
     (KERNELS, "if (weighted) t_out[i] = w * t;", "if (weighted) t_out[i] = t;")),
    ("weights not in cross-entropy", "a cell of weight 0 is scored",
     (KERNELS, "part[c] += weighted ? w * cost : cost;", "part[c] += cost;")),
    ("log of 0", "probabilities of 0 are not raised",
     (KERNELS, "real on = z > epsilon ? z : epsilon,", "real on = z,")),
    ("probabilities above 1 accepted", "they have the limit of logits",
     (KERNELS, "spiral__bits(z * limit + 0)", "spiral__bits(z + 0)")),
    ("targets above 1 accepted", "they have the limit of weights",
     (KERNELS, "spiral__bits(t * limit + 0)", "spiral__bits(t * weight_scale + 0)")),
    ("any weight accepted", "NaN and infinity too",
     (KERNELS, "largest = max_bits(largest, spiral__bits(w * weight_scale + 0));", "largest = largest;")),
    ("any logit accepted", "NaN and infinity too",
     (KERNELS, "largest = max_bits(largest, spiral__bits(size));", "largest = largest;")),
    ("minus 0 refused", "-0 is out of range", (KERNELS, "(t * limit + 0)", "(t * limit)")),
    ("last rows not summed", "the cost of the rows after the last four is lost",
     (KERNELS, "(p % SUM_ROWS == SUM_ROWS - 1 || p + 1 == P)", "(p % SUM_ROWS == SUM_ROWS - 1)")),
    ("sure right answers inexact", "the rounding error of the logit is left in the cost",
     (KERNELS, ": (on - t) * z + both;", ": off + both - t * z;")),
    ("weight of the farthest note", "the largest instead of the smallest",
     (KERNELS, "least[c] = cost < least[c] ? cost : least[c];", "least[c] = cost > least[c] ? cost : least[c];")),
    ("extra notes free", "an extra note on a sounding one costs nothing",
     (TEMPLATE, "(real)(o->bce + o->lambda * SPIRAL__REF_LEAST_WEIGHT)", "(real)o->bce")),
    ("rows missed", "the last frames of a tile do not make a row count",
     (KERNELS, "for (size_t j = 0; j < VECTORS; j++) any |= any_bit", "for (size_t j = 0; j < VECTORS - 1; j++) any |= any_bit")),
    ("triangle too small", "the first rows of a block lack a coefficient each",
     (KERNELS, "add_row(&sum, x + r * VECTORS, c - r, 0, e);", "add_row(&sum, x + r * VECTORS, c - r, 0, e - 1);")),
    ("shard too short", "the last shard lacks its last frame",
     (TEMPLATE, "shard + 1 == d->shards ? d->common->frames", "shard + 1 == d->shards ? d->common->frames - 1")),
    ("any failure named", "the last shard that failed is named, not the first",
     (TEMPLATE, "if (shard < atomic_load(&d->failed)) {", "{"),
     (TEMPLATE, "if (atomic_load_explicit(&d->failed, memory_order_relaxed) < shard) return;", "")),
    ("mode of the caller ignored", "threads treat denormal numbers as they were started to",
     (TEMPLATE, "    if (worker) fesetenv(&d->caller);\n    spiral_error err;", "    spiral_error err;")),
    ("child waits", "a child after fork() waits for threads that it does not have",
     ("src/base/par.c", "if (pool->process == getpid()) stop_workers(pool);", "stop_workers(pool);")),
    ("time gain", "the blur along time does not sum to 1",
     (KERNELS, "x[i] *= gain / tail;", "x[i] *= gain;")),
    ("time one-sided", "a note is blurred into later frames only",
     (KERNELS, "for (size_t p = 0; p < width; p++) at[p] += a * after[p];", "(void)at, (void)after;")),
    ("time padding", "the silent frames around a roll are too few",
     (REF, "ceil(8 * o->time_blur)", "ceil(o->time_blur)")),
    ("gradient not blurred", "the gradient is not blurred along time",
     (TEMPLATE, "    if (s->call->grad && !is_quadratic) blur_roll(s, s->roll_y);\n", "")),
    ("value not reduced", "the reduction is applied to the gradient alone",
     (TEMPLATE, "*call->value = s.scale * total;", "*call->value = total;")),
    ("per note of nothing", "without notes the sum is divided by 0",
     (TEMPLATE, "return 1 / (notes > 1 ? notes : 1);", "return 1 / notes;")),
    ("last of the loudest", "of equal keys the last, not the first",
     (TEMPLATE, "rows[p * TILE + c] > rows[best * TILE + c]", "rows[p * TILE + c] >= rows[best * TILE + c]")),
    ("mask made circular", "the mask is not the answer's formula",
     (REF, "o->kind == SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR ? circular(steps) : steps % 12", "circular(steps)")),
    ("table of another interval", "the table's note is a semitone off",
     (COSTS, "y[d] = 1;", "y[d ? d - 1 : 0] = 1;")),
    ("NaN radius accepted", "a comparison that is false for NaN",
     (HELIX, "if (!(r >= 0 && r <= LARGEST))", "if (r < 0 || r > LARGEST)")),
    ("costs swapped", "the octave's cost for the semitone's",
     (HELIX, "double octave = -2 * log1p(-octave_cost / 2), semitone = -2 * log1p(-semitone_cost / 2);",
      "double octave = -2 * log1p(-semitone_cost / 2), semitone = -2 * log1p(-octave_cost / 2);")),
    ("costs without the rise", "the semitone's chord has the whole of its distance",
     (HELIX, "square = (semitone - rise) * (semitone + rise)", "square = semitone * semitone")),
    ("entropy's series", "the first term of x - log(1 + x) alone",
     (REF, "for (int n = 16; n >= 2; n--)", "for (int n = 2; n >= 2; n--)")),
    ("entropy cancels", "(1 + e) log(1 + e) - e computed as it is written",
     (VMATH, "return (1.0f + e) * low + (e * f - (e - f));", "return (1.0f + e) * (f + low) - e;")),
    ("exp cut early", "a sure right answer costs 1e-17",
     (VMATH, "spiral__bits_f32(69.0f)", "spiral__bits_f32(39.0f)")),
    ("a coefficient", "one hexadecimal digit of a polynomial",
     (VMATH, "q = q * r + 0x1.111111110ec3fp-7;", "q = q * r + 0x1.111111190ec3fp-7;")),
    ("an allocation", "a strided call allocates",
     (TEMPLATE, "#include <string.h>", "#include <stdlib.h>\n#include <string.h>"),
     (TEMPLATE, "divide(&d, &s);", "void *volatile more = malloc(64);\n    free(more);\n    divide(&d, &s);")),
    ("memory of a call", "a call changes the loss it is made with",
     (TEMPLATE, "divide(&d, &s);",
      "((spiral_loss *)(uintptr_t)loss)->options.kl_offset *= 1.0000001;\n    divide(&d, &s);")),
    ("place in the tile", "the last frame of a tile is computed a little differently",
     (TEMPLATE, "kind_terms(s, n, sums);", "kind_terms(s, n, sums);\n        sums[TILE - 1] *= 1 + 1e-14;")),
    ("stale padding", "the padding of a roll holds the blur of the one before",
     (TEMPLATE, "    memset(s->roll_y, 0, roll_bytes);\n", "")),
    ("tail of the time blur", "what is blurred in from after the last frame is left out",
     (PLAN, "loss->tail = -1 / expm1(-2 / tau);", "loss->tail = 1;")),
    ("notes of weight 0 count", "an extra note beside a note of weight 0 is cheap",
     (KERNELS, "if (weight) t *= weight[p * TILE + c] < 1 ? weight[p * TILE + c] : 1;", "(void)weight;")),
    ("keys of weight 0 are loudest", "the argmax includes keys of weight 0",
     (TEMPLATE, "if (s->weight && !(s->weight[p * TILE + c] > 0)) continue;", "")),
    ("gradient without bce", "the factor of cross-entropy is left out of the gradient",
     (TEMPLATE, "s->scale : s->scale * o->bce;", "s->scale : s->scale;")),
    ("preset out of scale", "the tonnetz costs more than the others",
     (HELIX, "#define R_TONNETZ (1.3 / 1.5)", "#define R_TONNETZ 1.3")),
    ("circle not closed", "an octave has a distance of 1e-16 on the circle",
     (HELIX, "((m * (delta_st % 12)) % 12)", "(m * delta_st)")),
    ("smaller struct read whole", "what is behind a caller's options is taken for options",
     (SIZED, "size - sizeof size);", "current - sizeof size);")),
    ("contiguous call transposed", "the contiguous arrays are read as (B, P, T)",
     (CALL, "{(ptrdiff_t)(call->T * (size_t)P), P, 1};", "{(ptrdiff_t)(call->T * (size_t)P), 1, (ptrdiff_t)call->T};")),

    ("pitch classes of the upper keys", "the high word is taken to begin with C",
     (FRAMES, "EVERY_12TH(((c) + 8) % 12)", "EVERY_12TH((c) % 12)")),
    ("chroma without octaves", "an octave error misses the pitch class",
     (FRAMES, "counts->chroma_true_positives += both + octaves;", "counts->chroma_true_positives += both;")),
    ("every error a substitution", "a miss is one half of a pair",
     (FRAMES, "unsigned substituted = smaller(n, p),", "unsigned substituted = n > p ? n : p,")),
    ("energy's cross terms", "an extra note does not offset a missed one beside it",
     (FRAMES, "(i < negatives) == (j < negatives) ? kernel[interval] : -kernel[interval]", "kernel[interval]")),
    ("pairs at any distance", "two notes far apart are one mistake of any size",
     (PAIRING, "distance[i] < 2 ? distance[i] : 2", "distance[i]")),
    ("greedy pairs", "no exchange of partners is looked for",
     (PAIRING, "a->right_dual[r] -= total - s.total[r];", "")),
    ("left-over notes are free", "unequal numbers cost nothing",
     (PAIRING, "double sum = x.m - x.n;", "double sum = 0;")),
    ("tolerance excluded", "a note exactly at the tolerance is late",
     (NOTES, "if (apart <= tolerance) {", "if (apart < tolerance) {")),
    ("octave share of all", "the share of errors that are not octaves",
     (COUNTS, "ratio(c->substitutions - c->chroma_substitutions, c->substitutions)",
      "ratio(c->chroma_substitutions, c->substitutions)")),
    ("notes of nothing", "0 of 0 is not a number",
     (COUNTS, "return whole ? (double)part / (double)whole : 0;", "return (double)part / (double)whole;")),
    ("greedy onsets", "an onset beyond the tolerance is paired",
     (NOTES, "} else if (a[i] < b[j]) {", "} else if (a[i] > b[j]) {")),
    ("recall for precision", "true positives over the wrong total",
     (COUNTS, ".precision = ratio(c->true_positives, p)", ".precision = ratio(c->true_positives, t)")),
    ("counts lost in a sum", "the first field is not added",
     (COUNTS, "#define SPIRAL_X(type, name) sum.name += part.name;",
      "#define SPIRAL_X(type, name) if (&sum.name != (void *)&sum.frames) sum.name += part.name;")),
    ("onset on a silent key", "an onset bit counts on a key that does not sound",
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


def program(test):
    return ("tests/simd/test-" if test == "simd-vmath" else "tests/test-") + test


def build():
    return run("ninja", "-C", BUILD, *map(program, TESTS))


def failures():
    """The first test program that fails and the tests it names; None if all pass."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", SPIRAL_SOURCE=str(COPY), SPIRAL_BUILD=str(BUILD))
    for test in TESTS:
        try:
            done = run(BUILD / program(test), env=environment, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"{test} hangs"
        if done.returncode:
            named = re.findall(r"^not ok \d+ - (\S+)", done.stdout, re.M)
            return f"{test}: {', '.join(named)}" if named else f"{test} dies"
    return None


def missing(edits, sources):
    """Those of the texts to be replaced that the sources do not contain."""
    return [f"{file}: {old[:60]!r} is not there" for file, old, _ in edits if old not in (sources / file).read_text()]


def apply(edits):
    for file, old, new in edits:
        text = (COPY / file).read_text()
        (COPY / file).write_text(text.replace(old, new))


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    chosen = [m for m in MUTANTS if not words or any(w in m[0] for w in words)]
    if "--list" in sys.argv:
        wrong = []
        for name, why, *edits in chosen:
            print(f"{name:36} {why}")
            wrong += [f"{name}: {text}" for text in missing(edits, ROOT)]
        print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
        return 1 if wrong else 0
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
        wrong = missing(edits, COPY)
        if not wrong:
            apply(edits)
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
