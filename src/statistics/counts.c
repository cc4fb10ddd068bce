/* SPDX-License-Identifier: MIT
 *
 * Adding counts, and counts -> statistics. Not here: counting (add_roll.c).
 */
#include <math.h>

#include "base/error.h"
#include "base/sized.h"
#include "statistics/counts.h"

/* Sizes of the structs in their first version. A field added later begins where they end. */
enum { COUNTS_FIRST = sizeof(spiral_statistics_counts), STATISTICS_FIRST = sizeof(spiral_statistics) };

spiral_status spiral__statistics_counts_read(const spiral_statistics_counts *counts,
                                             spiral_statistics_counts *known, spiral_error *err) {
    *known = (spiral_statistics_counts){.struct_size = sizeof *known};
    return spiral__sized_read("statistics counts", counts, COUNTS_FIRST, known, sizeof *known, err);
}

void spiral__statistics_counts_write(const spiral_statistics_counts *known,
                                     spiral_statistics_counts *counts) {
    spiral__sized_write(known, sizeof *known, counts, counts->struct_size);
}

static void add(spiral_statistics_counts *sum, const spiral_statistics_counts *part) {
#define SPIRAL_X(type, name) sum->name += part->name;
    SPIRAL_STATISTICS_COUNTS_LIST(SPIRAL_X)
#undef SPIRAL_X
#define SPIRAL_X(name, length) \
    for (int i = 0; i < (length); i++) sum->name[i] += part->name[i];
    SPIRAL_STATISTICS_HISTOGRAM_LIST(SPIRAL_X)
#undef SPIRAL_X
}

spiral_status spiral_statistics_counts_add(spiral_statistics_counts *counts,
                                           const spiral_statistics_counts *more, spiral_error *err) {
    spiral_statistics_counts sum, part;
    SPIRAL_TRY(spiral__statistics_counts_read(counts, &sum, err));
    SPIRAL_TRY(spiral__statistics_counts_read(more, &part, err));
    add(&sum, &part);
    spiral__statistics_counts_write(&sum, counts);
    return SPIRAL_OK;
}

static double ratio(double part, uint64_t whole) { return whole ? part / (double)whole : (double)NAN; }

/* Shannon entropy in bits of n numbers divided by their sum. */
static double entropy(const uint64_t *count, int n, uint64_t sum) {
    double bits = 0;
    if (!sum) return (double)NAN;
    for (int i = 0; i < n; i++) {
        const double share = (double)count[i] / (double)sum;
        if (count[i]) bits -= share * log2(share);
    }
    return bits;
}

/* Notes in the scale that has the most of them. The natural minor scales have the pitch classes of the major
 * ones, so twelve scales are enough. notes: (12) by pitch class. */
static uint64_t most_in_a_scale(const uint64_t *notes) {
    static const int steps[7] = {0, 2, 4, 5, 7, 9, 11};
    uint64_t most = 0;
    for (int root = 0; root < 12; root++) {
        uint64_t inside = 0;
        for (int i = 0; i < 7; i++) inside += notes[(root + steps[i]) % 12];
        if (inside > most) most = inside;
    }
    return most;
}

static int nonzero(const uint64_t *count, int n) {
    int found = 0;
    for (int i = 0; i < n; i++) found += count[i] != 0;
    return found;
}

static int pitch_range(const uint64_t *keys) {
    int low = 0, high = SPIRAL_KEY_COUNT - 1;
    while (high > 0 && !keys[high]) high--;
    while (low < high && !keys[low]) low++;
    return keys[low] ? high - low : 0;
}

spiral_statistics spiral__statistics_of(const spiral_statistics_counts *c) {
    uint64_t classes[12] = {0};
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++) classes[k % 12] += c->keys[k];
    return (spiral_statistics){
        .struct_size = sizeof(spiral_statistics),
        .pitch_count = nonzero(c->keys, SPIRAL_KEY_COUNT),
        .pitch_class_count = nonzero(classes, 12),
        .pitch_range = pitch_range(c->keys),
        .polyphony = ratio((double)c->cells, c->sounding_frames),
        .polyphony_rate = ratio((double)c->polyphonic_frames, c->length),
        .scale_consistency = ratio((double)most_in_a_scale(classes), c->notes),
        .pitch_entropy = entropy(c->keys, SPIRAL_KEY_COUNT, c->notes),
        .pitch_class_entropy = entropy(classes, 12, c->notes),
        .groove_consistency = 1 - ratio((double)c->groove_differences, c->groove_positions),
        .empty_beat_rate = ratio((double)c->empty_beats, c->beats),
        .note_count = (double)c->notes,
        .mean_onset_interval_s = ratio(c->note_gaps_s, c->note_gaps),
        .clashes = ratio((double)c->clashes, c->pairs),
        .triads = ratio((double)c->triad_frames, c->frames),
        .four_voices = ratio((double)c->four_frames, c->frames),
        .onsets_per_frame = ratio((double)c->notes, c->frames),
        .parallels = ratio(1000 * (double)c->parallels, c->similar_motions),
    };
}

static spiral_status check(const spiral_statistics *statistics, spiral_error *err) {
    return spiral__sized_check("statistics", statistics->struct_size, STATISTICS_FIRST, sizeof *statistics,
                               err);
}

spiral_status spiral_statistics_from_counts(const spiral_statistics_counts *counts,
                                            spiral_statistics *statistics, spiral_error *err) {
    spiral_statistics_counts known;
    SPIRAL_TRY(spiral__statistics_counts_read(counts, &known, err));
    SPIRAL_TRY(check(statistics, err));
    const spiral_statistics made = spiral__statistics_of(&known);
    spiral__sized_write(&made, sizeof made, statistics, statistics->struct_size);
    return SPIRAL_OK;
}

/* A sum over the pieces in which a statistic is defined. */
typedef struct mean {
    double sum;
    uint64_t count;
} mean;

static void mean_add(mean *m, double x) {
    if (isnan(x)) return;
    m->sum += x;
    m->count++;
}

spiral_status spiral_statistics_of_set(const spiral_statistics_counts *const *pieces, size_t count,
                                       spiral_statistics *statistics, spiral_error *err) {
    spiral_statistics_counts pooled = {.struct_size = sizeof pooled}, piece;
    struct {
#define SPIRAL_X(name, set) mean name;
        SPIRAL_STATISTICS_LIST(SPIRAL_X)
#undef SPIRAL_X
    } means = {{0, 0}};
    SPIRAL_TRY(check(statistics, err));
    for (size_t i = 0; i < count; i++) {
        SPIRAL_TRY(spiral__statistics_counts_read(pieces[i], &piece, err));
        add(&pooled, &piece);
        const spiral_statistics one = spiral__statistics_of(&piece);
#define SPIRAL_X(name, set) mean_add(&means.name, one.name);
        SPIRAL_STATISTICS_LIST(SPIRAL_X)
#undef SPIRAL_X
    }
    spiral_statistics all = spiral__statistics_of(&pooled);
#define MEAN(name)          all.name = ratio(means.name.sum, means.name.count);
#define POOLED(name)        /* as it is */
#define SPIRAL_X(name, set) set(name)
    SPIRAL_STATISTICS_LIST(SPIRAL_X)
#undef SPIRAL_X
#undef MEAN
#undef POOLED
    spiral__sized_write(&all, sizeof all, statistics, statistics->struct_size);
    return SPIRAL_OK;
}
