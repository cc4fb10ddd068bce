/* SPDX-License-Identifier: MIT
 *
 * Metrics of a predicted roll against a target. Rolls are counted first; the ratios are computed from the
 * counts at the end, so the counts of many rolls can be added exactly.
 *
 *     spiral_metrics_counts counts = {.struct_size = sizeof counts};
 *     spiral_metrics metrics = {.struct_size = sizeof metrics};
 *     ... spiral_metrics_add_frames(&counts, target, predicted, T, &err) for each window ...
 *     ... spiral_metrics_from_counts(&counts, &metrics, &err);
 */
#ifndef SPIRAL_METRICS_H
#define SPIRAL_METRICS_H

#include "helix.h"
#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A cell is one key in one frame; "cells" below are sounding cells. The counts of frames follow
 * mir_eval.multipitch (Bay, Ehmann, Downie 2009): in each frame, min(target cells, predicted cells) are
 * paired, equal keys first. Pairs of different keys are substitutions, the rest is missed or a false alarm.
 * X(type, name) */
#define SPIRAL_METRICS_COUNTS_LIST(X)                                                                     \
    X(uint64_t, frames)                                                                                   \
    X(uint64_t, target_cells)                                                                             \
    X(uint64_t, predicted_cells)                                                                          \
    X(uint64_t, true_positives)        /* cells that sound in both */                                     \
    X(uint64_t, chroma_true_positives) /* pairs of equal pitch class */                                   \
    X(uint64_t, substitutions)                                                                            \
    X(uint64_t, misses)                                                                                   \
    X(uint64_t, false_alarms)                                                                             \
    X(uint64_t, chroma_substitutions) /* substitutions of another pitch class */                          \
    X(uint64_t, windows)              /* calls of spiral_metrics_add_frames */                            \
    X(uint64_t, windows_exact)        /* of these, the ones without a false positive or false negative */ \
    X(uint64_t, target_notes)         /* notes: see spiral_metrics_add_notes */                           \
    X(uint64_t, predicted_notes)                                                                          \
    X(uint64_t, matched_notes)                                                                            \
    X(double, helix_energy)   /* sum over frames, in missed notes: see spiral_metrics_add_helix */        \
    X(uint64_t, helix_cells)  /* target cells of the frames in helix_energy, helix_distance */            \
    X(double, helix_distance) /* sum over frames, in missed notes */

/* Running counts. Set struct_size to sizeof(spiral_metrics_counts) and all else to 0. */
typedef struct spiral_metrics_counts {
    size_t struct_size;
#define SPIRAL_X(type, name) type name;
    SPIRAL_METRICS_COUNTS_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_metrics_counts;

/* The calls below return BAD_ARG if a struct_size has no known value, and then change nothing. */

/* Adds the counts of *more to *counts: the counts of parts give those of the whole. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_metrics_counts_add(spiral_metrics_counts *counts,
                                                                     const spiral_metrics_counts *more,
                                                                     spiral_error *err);

/* Adds one window of T frames; target, predicted: (T). */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_metrics_add_frames(spiral_metrics_counts *counts,
                                                                     const spiral_keys *target,
                                                                     const spiral_keys *predicted, size_t T,
                                                                     spiral_error *err);

/* Adds the notes of two rolls, as mir_eval.transcription counts them without offsets. A note begins where
 * spiral_keys_starts (roll.h) says so, as in the MIDI that spiral_midi_from_roll writes. Two notes match if
 * their keys are equal and their onsets at most tolerance_s apart (the difference is rounded to 0.1 ms first,
 * as mir_eval does, so that five frames of 10 ms are within 50 ms); each note is in at most one pair, and
 * there are as many pairs as possible. On a grid of beats a frame is as long as in the target. The rolls may
 * differ in length. BAD_ARG: the grids differ, or tolerance_s is negative or not finite. NO_MEMORY. On
 * failure *counts is unchanged. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_metrics_add_notes(spiral_metrics_counts *counts,
                                                                    const spiral_roll *target,
                                                                    const spiral_roll *predicted,
                                                                    double tolerance_s, spiral_error *err);

/* Adds two costs of T frames; target, predicted: (T). Both are in missed notes: a cell that is missing or
 * added alone costs 1 (docs/math.md, sections 5 and 11).
 *
 * helix_energy is 1/2 d^T K d with d = target - predicted and K = 2 exp(-D/2), where D is the distance on the
 * helix. A cell at distance D from the right one costs 2 (1 - exp(-D/2)); all pairs of wrong cells count.
 *
 * For helix_distance, false negatives and false positives are paired such that the sum of costs is smallest.
 * A pair at distance D costs min(D, 2), a cell without a partner 1.
 *
 * BAD_ARG: spiral_helix_check refuses the helix. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_metrics_add_helix(spiral_metrics_counts *counts,
                                                                    const spiral_helix *helix,
                                                                    const spiral_keys *target,
                                                                    const spiral_keys *predicted, size_t T,
                                                                    spiral_error *err);

/* Ratios, all doubles. One whose denominator is 0 is 0, as in mir_eval. Misses and false alarms are the same
 * numbers for pitch classes, so they are listed once. X(name) */
#define SPIRAL_METRICS_LIST(X)                                                                              \
    X(precision) /* of cells: true positives per predicted cell */                                          \
    X(recall)    /* true positives per target cell */                                                       \
    X(f1)                                                                                                   \
    X(accuracy)         /* true positives per cell that sounds in either */                                 \
    X(chroma_precision) /* the same four for pitch classes */                                               \
    X(chroma_recall)                                                                                        \
    X(chroma_f1)                                                                                            \
    X(chroma_accuracy)                                                                                      \
    X(substitution) /* per target cell: E_sub, E_miss, E_fa and their sum E_tot (Poliner and Ellis 2007) */ \
    X(miss)                                                                                                 \
    X(false_alarm)                                                                                          \
    X(total_error)                                                                                          \
    X(chroma_substitution)                                                                                  \
    X(chroma_total_error)                                                                                   \
    X(octave_share)   /* substitutions of the right pitch class, per substitution */                        \
    X(exact_windows)  /* windows_exact per window */                                                        \
    X(note_precision) /* matched notes per predicted note */                                                \
    X(note_recall)    /* matched notes per target note */                                                   \
    X(note_f1)                                                                                              \
    X(spiral_error)   /* helix_energy per target cell */                                                    \
    X(helix_distance) /* helix_distance per target cell */

typedef struct spiral_metrics {
    size_t struct_size; /* sizeof(spiral_metrics), set by the caller */
#define SPIRAL_X(name) double name;
    SPIRAL_METRICS_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_metrics;

/* Fills *metrics, whose struct_size must be set. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_metrics_from_counts(const spiral_metrics_counts *counts,
                                                                      spiral_metrics *metrics,
                                                                      spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
