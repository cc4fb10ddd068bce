/* SPDX-License-Identifier: MIT
 *
 * Statistics of music: properties of a piece, and the similarity of two sets of pieces. For comparing two
 * pieces cell by cell, see metrics.h.
 *
 *     spiral_statistics_counts counts = {.struct_size = sizeof counts};
 *     spiral_statistics statistics = {.struct_size = sizeof statistics};
 *     ... spiral_statistics_add_roll(&counts, &roll, 0, 0, &err) ...
 *     ... spiral_statistics_from_counts(&counts, &statistics, &err) ...
 *
 * A note begins where spiral_keys_starts (roll.h) says so and ends before the next frame in which its key is
 * silent or begins again. Two voices that sing the same key are one note: a roll does not distinguish them.
 * For the statistics of a MIDI file make a roll of it first (spiral_roll_from_midi).
 */
#ifndef SPIRAL_STATISTICS_H
#define SPIRAL_STATISTICS_H

#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A cell is one sounding key in one frame. X(type, name) */
#define SPIRAL_STATISTICS_COUNTS_LIST(X)                                                                     \
    X(uint64_t, pieces)            /* calls of spiral_statistics_add_roll */                                 \
    X(uint64_t, frames)            /* of the rolls */                                                        \
    X(uint64_t, length)            /* frames up to the end of the last note */                               \
    X(uint64_t, cells)             /* sounding keys, summed over frames */                                   \
    X(uint64_t, sounding_frames)   /* with one key or more */                                                \
    X(uint64_t, polyphonic_frames) /* with three keys or more */                                             \
    X(uint64_t, four_frames)       /* with exactly four keys */                                              \
    X(uint64_t, triad_frames)      /* whose pitch classes are those of a major or minor triad, no others */  \
    X(uint64_t, pairs)             /* of keys that sound together, summed over frames */                     \
    X(uint64_t, clashes)           /* of these, the pairs one semitone apart */                              \
    X(uint64_t, similar_motions)   /* pairs of voices that both go up or both go down from one frame to the  \
                                      next; the i-th lowest keys of two frames with equally many keys are a  \
                                      voice */                                                               \
    X(uint64_t, parallels)         /* of these, the pairs that are a perfect fifth, a unison or an octave    \
                                      apart before and after, plus or minus whole octaves */                 \
    X(uint64_t, notes)                                                                                       \
    X(uint64_t, beats)              /* length / frames_per_beat + 1, whole division; the next four are for   \
                                       beats and bars, see spiral_statistics_add_roll */                     \
    X(uint64_t, empty_beats)        /* beats in which no note sounds or ends */                              \
    X(uint64_t, groove_positions)   /* positions of a bar, times pairs of adjacent bars */                   \
    X(uint64_t, groove_differences) /* positions at which notes begin in one bar of such a pair only */      \
    X(uint64_t, note_gaps)          /* pairs of a note and the one that begins next or with it: notes - 1 */ \
    X(double, note_gaps_s)          /* seconds from the first onset to the last */

#define SPIRAL_LENGTH_CLASSES 12

/* Histograms. Intervals and lengths have twelve classes, in 96ths of a bar: 96 48 24 12 6 (a bar, its half,
 * quarter, eighth, sixteenth), 72 36 18 9 (the same from the half on, dotted), 32 16 8 (triplets). Each is
 * put into the nearest class, the earlier of two (Yang and Lerch 2020). X(name, length) */
#define SPIRAL_STATISTICS_HISTOGRAM_LIST(X)                                                                 \
    X(keys, SPIRAL_KEY_COUNT)         /* notes by key */                                                    \
    X(pitch_classes, 12)              /* cells by pitch class, 0 = C */                                     \
    X(pitch_class_transitions, 144)   /* pairs of a note and one that begins less than 50 ms before or      \
                                         after it ends, by pitch classes: 12 * first + second (pretty_midi) \
                                       */                                                                   \
    X(lengths, SPIRAL_LENGTH_CLASSES) /* notes by length */                                                 \
    X(onset_intervals, SPIRAL_LENGTH_CLASSES) /* from each frame in which notes begin to the next such one  \
                                               */

/* Running counts. Set struct_size to sizeof(spiral_statistics_counts) and all else to 0. */
typedef struct spiral_statistics_counts {
    size_t struct_size;
#define SPIRAL_X(type, name) type name;
    SPIRAL_STATISTICS_COUNTS_LIST(SPIRAL_X)
#undef SPIRAL_X
#define SPIRAL_X(name, length) uint64_t name[length];
    SPIRAL_STATISTICS_HISTOGRAM_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_statistics_counts;

/* The calls below return BAD_ARG if a struct_size has no known value, and then change nothing. */

/* Adds one piece. frames_per_beat, frames_per_bar: 0: on a grid of beats a quarter note and four of them; on
 * a grid of seconds there are no beats, and the counts of beats and groove stay as they are (lengths and
 * intervals are then classified with a bar of 2 s, four quarters at 120 a minute). BAD_ARG: one of them is
 * negative, or the grid is out of range; TOO_BIG as in spiral_roll_create. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_statistics_add_roll(spiral_statistics_counts *counts,
                                                                      const spiral_roll *roll,
                                                                      int frames_per_beat, int frames_per_bar,
                                                                      spiral_error *err);

/* Adds the counts of *more to *counts. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_statistics_counts_add(spiral_statistics_counts *counts,
                                                                        const spiral_statistics_counts *more,
                                                                        spiral_error *err);

/* Statistics, all doubles; NaN where the denominator is 0, as in MusPy. The first ten are those of MusPy 0.5
 * of the same name, of the piece on this grid (n_pitches_used and n_pitch_classes_used are pitch_count and
 * pitch_class_count here). X(name, set): what a set of pieces has, MEAN: the mean over pieces, or POOLED: the
 * value of the summed counts. */
#define SPIRAL_STATISTICS_LIST(X)                                                                           \
    X(pitch_count, MEAN)         /* different keys */                                                       \
    X(pitch_class_count, MEAN)   /* different pitch classes */                                              \
    X(pitch_range, MEAN)         /* semitones from the lowest note to the highest; 0 without notes */       \
    X(polyphony, MEAN)           /* keys per frame, over frames in which something sounds */                \
    X(polyphony_rate, MEAN)      /* share of frames, up to the end, with three keys or more */              \
    X(scale_consistency, MEAN)   /* share of notes in the major or natural minor scale that has the most */ \
    X(pitch_entropy, MEAN)       /* of notes by key, in bits */                                             \
    X(pitch_class_entropy, MEAN) /* of notes by pitch class, in bits */                                     \
    X(groove_consistency, MEAN)  /* 1 - groove_differences / groove_positions */                            \
    X(empty_beat_rate, MEAN)                                                                                \
    X(note_count, MEAN)                                                                                     \
    X(mean_onset_interval_s, MEAN) /* note_gaps_s / note_gaps: notes that begin together have gap 0 */      \
    X(clashes, POOLED)             /* per pair of keys that sound together */                               \
    X(triads, POOLED)              /* share of frames */                                                    \
    X(four_voices, POOLED)         /* share of frames with exactly four keys */                             \
    X(onsets_per_frame, POOLED)    /* notes per frame; depends on the grid */                               \
    X(parallels, POOLED)           /* per 1,000 similar motions */

typedef struct spiral_statistics {
    size_t struct_size; /* sizeof(spiral_statistics), set by the caller */
#define SPIRAL_X(name, set) double name;
    SPIRAL_STATISTICS_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_statistics;

/* The statistics of a piece: fills *statistics, whose struct_size must be set. For the summed counts of
 * several pieces, the statistics of all their notes together. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_statistics_from_counts(
    const spiral_statistics_counts *counts, spiral_statistics *statistics, spiral_error *err);

/* The statistics of a set of pieces; pieces: (count). Means are over the pieces in which the statistic is
 * defined, NaN if there is none. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status
spiral_statistics_of_set(const spiral_statistics_counts *const *pieces, size_t count,
                         spiral_statistics *statistics, spiral_error *err);

/* What two sets of pieces are compared by. Histograms are divided by their sum. X(name) */
#define SPIRAL_OVERLAP_LIST(X) \
    X(pitch_count)             \
    X(pitch_range)             \
    X(note_count)              \
    X(mean_onset_interval_s)   \
    X(pitch_classes)           \
    X(pitch_class_transitions) \
    X(lengths)                 \
    X(onset_intervals)

/* How similar the distances within one set of pieces are to the distances to the pieces of another set. */
typedef struct spiral_overlap {
    double area;          /* under both densities: 1 when they are the same, 0 when they do not meet */
    double kl_divergence; /* nats, of the first from the second; may be infinite */
} spiral_overlap;

typedef struct spiral_overlaps {
    size_t struct_size; /* sizeof(spiral_overlaps), set by the caller */
#define SPIRAL_X(name) spiral_overlap name;
    SPIRAL_OVERLAP_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral_overlaps;

/* Yang and Lerch, On the evaluation of generative models in music (2020), computed as their program mgeval
 * does. For each entry of the list, the Euclidean distances between all pieces of the reference set are
 * compared with those from each of them to each piece of the other set, after both have been smoothed by a
 * Gaussian whose width follows Scott's rule. The area is computed from the smallest to the greatest of all
 * distances. For the divergence, each density is sampled at 1,000 points of its own range, and the two lists
 * of samples are compared, so it is not a divergence on one axis: it serves only for comparison with
 * published numbers.
 *
 * reference: (n), other: (m). A piece in which a statistic is not defined is left out of that entry. Both
 * numbers are NaN where there are fewer than three reference pieces, no other piece, or no two distances that
 * differ. BAD_ARG: n or m is 0. NO_MEMORY. *overlaps is unchanged on failure. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_statistics_overlap(
    const spiral_statistics_counts *const *reference, size_t n, const spiral_statistics_counts *const *other,
    size_t m, spiral_overlaps *overlaps, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
