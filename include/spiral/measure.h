/* SPDX-License-Identifier: MIT
 *
 * How good is it: scores of a predicted roll against the right one. Bits in, counts out; the ratios are
 * computed at the end, so scores of many rolls add up exactly.
 */
#ifndef SPIRAL_MEASURE_H
#define SPIRAL_MEASURE_H

#include "helix.h"
#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Running counts; zero-initialise. Frame counts are cells, E_* follow mir_eval.multipitch (Bay 2009). */
typedef struct spiral_measure_counts {
    uint64_t columns, target_notes, predicted_notes; /* sounding cells over all columns */
    uint64_t hits;                                   /* cells that sound in both */
    uint64_t chroma_hits;                            /* the same when only the pitch class must agree */
    uint64_t substitutions, misses, false_alarms;    /* per column: min, positive differences */
    uint64_t chroma_substitutions;
    uint64_t windows, windows_exact;        /* compared as a whole / equal in every cell */
    uint64_t notes_target, notes_predicted; /* notes (runs), when asked for */
    uint64_t notes_hit;                     /* matched one to one: same key, onset within the tolerance */
    double helix_distance;                  /* sum over columns of the optimal matching cost, missed notes */
    uint64_t helix_columns;
} spiral_measure_counts;

/* Adds one window: `columns` columns of target and predicted. */
SPIRAL_API void spiral_measure_add_frames(spiral_measure_counts *counts, const spiral_column *target,
                                          const spiral_column *predicted, size_t columns);
/* Adds the note scores of one pair of rolls of equal grid: mir_eval.transcription without offsets, onset
 * tolerance in seconds. NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_measure_add_notes(spiral_measure_counts *counts,
                                                                    const spiral_roll *target,
                                                                    const spiral_roll *predicted,
                                                                    double tolerance_s, spiral_error *err);
/* Adds the spiral error of each column: energy ½ dᵀK d, K = 2 exp(-D/2) (docs/math.md), in missed notes. */
SPIRAL_API void spiral_measure_add_helix(spiral_measure_counts *counts, const spiral_helix *helix,
                                         const spiral_column *target, const spiral_column *predicted,
                                         size_t columns);

typedef struct spiral_measures {
    double precision, recall, f1, accuracy;                             /* frames */
    double chroma_precision, chroma_recall, chroma_f1, chroma_accuracy; /* pitch classes */
    double substitution, miss, false_alarm, total_error;                /* E_sub, E_miss, E_fa, E_tot */
    double chroma_substitution, chroma_total_error;
    double octave_share; /* share of substitutions that only miss the octave; 0 if there are none */
    double exact_windows;
    double note_precision, note_recall, note_f1;
    double spiral_error; /* summed energy per sounding target cell */
} spiral_measures;

SPIRAL_API spiral_measures spiral_measures_from_counts(const spiral_measure_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
