/* SPDX-License-Identifier: MIT
 *
 * How good is it: scores of a predicted roll against the right one. Bits in, counts out; the ratios are
 * computed at the end, so scores of many rolls add up exactly.
 */
#ifndef SPIRAL_METRICS_H
#define SPIRAL_METRICS_H

#include "helix.h"
#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Running counts; zero-initialise. A note is a sounding cell unless it says "runs". Counts follow
 * mir_eval.multipitch (Bay, Ehmann, Downie 2009): per column, min(target, predicted) notes are paired off, as
 * many as possible with their like, and the rest of the larger side is missed or false. */
typedef struct spiral_metrics_counts {
    uint64_t frames, target_notes, predicted_notes;
    uint64_t true_positives;        /* cells that sound in both */
    uint64_t chroma_true_positives; /* pairs when only the pitch class must agree */
    uint64_t substitutions, misses, false_alarms;
    uint64_t chroma_substitutions;
    uint64_t windows, windows_exact;        /* calls of _add_frames / those equal in every cell */
    uint64_t notes_target, notes_predicted; /* runs */
    uint64_t notes_matched;                 /* runs matched one to one: same key, onset within tolerance */
    double helix_energy;                    /* summed spiral energy, in missed notes */
    uint64_t helix_notes;                   /* target notes of the columns behind helix_energy */
    double helix_distance;                  /* summed hard helix distance, in missed notes */
} spiral_metrics_counts;

/* Adds the counts of *more: scores of parts make the score of the whole. */
SPIRAL_API void spiral_metrics_counts_add(spiral_metrics_counts *counts, const spiral_metrics_counts *more);

/* Adds one window: `columns` columns of target and predicted. */
SPIRAL_API void spiral_metrics_add_frames(spiral_metrics_counts *counts, const spiral_keys *target,
                                          const spiral_keys *predicted, size_t columns);
/* Adds the note scores of one pair of rolls: mir_eval.transcription without offsets. A note begins where
 * spiral_keys_starts says so (roll.h), as in the MIDI that spiral_midi_from_roll writes; two notes match if
 * their keys are equal and their onsets at most tolerance_s apart (rounded to 0.1 ms first, as mir_eval does, so that five
 * columns of 10 ms are within 50 ms); as many pairs as possible are matched. Column lengths of a beat grid
 * are those of the target. The rolls may differ in length. BAD_ARG: the grids differ, or tolerance_s is
 * negative or not finite. NO_MEMORY. On failure *counts is untouched. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_metrics_add_notes(spiral_metrics_counts *counts,
                                                                    const spiral_roll *target,
                                                                    const spiral_roll *predicted,
                                                                    double tolerance_s, spiral_error *err);
/* Adds, for each column, two answers to how far off it is on the helix, both in missed notes: a note left out
 * or added alone costs 1 (docs/math.md, sections 5 and 11).
 * helix_energy: the spiral energy, 1/2 d^T K d with d = target - predicted and K = 2 exp(-D/2). A note played
 * at distance D from the right one costs 2 (1 - exp(-D/2)); every pair of wrong notes has a say.
 * helix_distance: missed and stray notes are paired off so that the sum of their distances is least; a pair
 * costs min(D, 2), a note left over 1. It is what a listener would count with the score in hand. */
SPIRAL_API void spiral_metrics_add_helix(spiral_metrics_counts *counts, const spiral_helix *helix,
                                         const spiral_keys *target, const spiral_keys *predicted,
                                         size_t columns);

/* Ratios; one whose denominator is 0 is 0 (mir_eval's rule). Missed and false alarms are the same numbers
 * with pitch classes, so they have no chroma twin. */
typedef struct spiral_metrics {
    double precision, recall, f1, accuracy;                             /* frames */
    double chroma_precision, chroma_recall, chroma_f1, chroma_accuracy; /* pitch classes */
    double substitution, miss, false_alarm, total_error;                /* E_sub, E_miss, E_fa, E_tot */
    double chroma_substitution, chroma_total_error;
    double octave_share; /* share of substitutions that only miss the octave; 0 if there are none */
    double exact_windows;
    double note_precision, note_recall, note_f1;
    double spiral_error;   /* spiral energy per target note */
    double helix_distance; /* hard helix distance per target note */
} spiral_metrics;

SPIRAL_API spiral_metrics spiral_metrics_from_counts(const spiral_metrics_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
