/* SPDX-License-Identifier: MIT
 *
 * The overlap of two sets of pieces: each entry of SPIRAL_OVERLAP_LIST becomes a vector per piece, vectors
 * become distances, and density.c compares the distances.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/sized.h"
#include "statistics/counts.h"
#include "statistics/density.h"

/* The size of the struct in its first version. A field added later begins where it ends. */
enum { OVERLAPS_FIRST = sizeof(spiral_overlaps) };

/* One entry of the list, of one piece: (size) numbers. */
typedef struct feature {
    double x[144];
    int size;
} feature;

/* All entries of one piece. */
typedef struct features {
#define SPIRAL_X(name) feature name;
    SPIRAL_OVERLAP_LIST(SPIRAL_X)
#undef SPIRAL_X
} features;

static feature scalar(double x) { return (feature){.x = {x}, .size = 1}; }

/* Counts divided by their sum; NaN if that is 0. */
static feature histogram(const uint64_t *count, int n) {
    feature f = {.size = n};
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)count[i];
    for (int i = 0; i < n; i++) f.x[i] = sum > 0 ? (double)count[i] / sum : (double)NAN;
    return f;
}

static features features_of(const spiral_statistics_counts *c) {
    const spiral_statistics s = spiral__statistics_of(c);
    return (features){.pitch_count = scalar(s.pitch_count),
                      .pitch_range = scalar(s.pitch_range),
                      .note_count = scalar(s.note_count),
                      .mean_onset_interval_s = scalar(s.mean_onset_interval_s),
                      .pitch_classes = histogram(c->pitch_classes, 12),
                      .pitch_class_transitions = histogram(c->pitch_class_transitions, 144),
                      .lengths = histogram(c->lengths, SPIRAL_LENGTH_CLASSES),
                      .onset_intervals = histogram(c->onset_intervals, SPIRAL_LENGTH_CLASSES)};
}

static double distance(const feature *a, const feature *b) {
    double sum = 0;
    for (int i = 0; i < a->size; i++) sum += (a->x[i] - b->x[i]) * (a->x[i] - b->x[i]);
    return sqrt(sum);
}

/* The pieces in which an entry is defined, of n whose first entries are at f; chosen: (n). */
static size_t defined(const features *f, size_t n, size_t offset, const feature **chosen) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const feature *one = (const feature *)((const char *)&f[i] + offset);
        if (!isnan(one->x[0])) chosen[count++] = one;
    }
    return count;
}

/* Working memory for n reference pieces and m others. */
typedef struct work {
    features *reference, *other;     /* (n), (m) */
    const feature **reference_entry; /* (n) */
    const feature **other_entry;     /* (m) */
    double *reference_distance;      /* (n (n - 1) / 2) */
    double *other_distance;          /* (n m) */
} work;

static void work_clear(work *w) {
    free(w->reference);
    free(w->other);
    free((void *)w->reference_entry);
    free((void *)w->other_entry);
    free(w->reference_distance);
    free(w->other_distance);
}

static spiral_status work_create(work *w, size_t n, size_t m, spiral_error *err) {
    *w = (work){NULL};
    if (n > SIZE_MAX / (n + m) / sizeof(features)) return spiral__no_memory(err, SIZE_MAX);
    w->reference = malloc(n * sizeof *w->reference);
    w->other = malloc(m * sizeof *w->other);
    w->reference_entry = malloc(n * sizeof *w->reference_entry);
    w->other_entry = malloc(m * sizeof *w->other_entry);
    w->reference_distance = malloc((n * (n - 1) / 2 + 1) * sizeof *w->reference_distance);
    w->other_distance = malloc(n * m * sizeof *w->other_distance);
    if (w->reference && w->other && w->reference_entry && w->other_entry && w->reference_distance &&
        w->other_distance)
        return SPIRAL_OK;
    work_clear(w);
    return spiral__no_memory(err, (n + m) * sizeof(features) + n * (n + m) * sizeof(double));
}

/* Compares one entry, `offset` bytes into the features. */
static spiral_status compare(work *w, size_t n, size_t m, size_t offset, spiral_overlap *out,
                             spiral_error *err) {
    const size_t a = defined(w->reference, n, offset, w->reference_entry);
    const size_t b = defined(w->other, m, offset, w->other_entry);
    size_t within = 0, across = 0;
    for (size_t i = 0; i < a; i++) {
        for (size_t k = 0; k < i; k++)
            w->reference_distance[within++] = distance(w->reference_entry[i], w->reference_entry[k]);
        for (size_t k = 0; k < b; k++)
            w->other_distance[across++] = distance(w->reference_entry[i], w->other_entry[k]);
    }
    const spiral__sample inside = {w->reference_distance, within, 2}; /* mgeval lists each pair twice */
    const spiral__sample between = {w->other_distance, across, 1};
    return spiral__density_overlap(&inside, &between, out, err);
}

static spiral_status read_features(const spiral_statistics_counts *const *pieces, size_t n, features *out,
                                   spiral_error *err) {
    for (size_t i = 0; i < n; i++) {
        spiral_statistics_counts counts;
        SPIRAL_TRY(spiral__statistics_counts_read(pieces[i], &counts, err));
        out[i] = features_of(&counts);
    }
    return SPIRAL_OK;
}

static spiral_status compare_all(work *w, size_t n, size_t m, spiral_overlaps *out, spiral_error *err) {
#define SPIRAL_X(name) SPIRAL_TRY(compare(w, n, m, offsetof(features, name), &out->name, err));
    SPIRAL_OVERLAP_LIST(SPIRAL_X)
#undef SPIRAL_X
    return SPIRAL_OK;
}

spiral_status spiral_statistics_overlap(const spiral_statistics_counts *const *reference, size_t n,
                                        const spiral_statistics_counts *const *other, size_t m,
                                        spiral_overlaps *overlaps, spiral_error *err) {
    SPIRAL_TRY(spiral__sized_check("overlaps", overlaps->struct_size, OVERLAPS_FIRST, sizeof *overlaps, err));
    if (!n || !m)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the %s set has 0 pieces: must have 1 or more",
                            n ? "other" : "reference");
    work w;
    spiral_overlaps made = {.struct_size = sizeof made};
    SPIRAL_TRY(work_create(&w, n, m, err));
    spiral_status status = read_features(reference, n, w.reference, err);
    if (status == SPIRAL_OK) status = read_features(other, m, w.other, err);
    if (status == SPIRAL_OK) status = compare_all(&w, n, m, &made, err);
    if (status == SPIRAL_OK) spiral__sized_write(&made, sizeof made, overlaps, overlaps->struct_size);
    work_clear(&w);
    return status;
}
