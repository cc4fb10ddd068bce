/* SPDX-License-Identifier: MIT
 *
 * Counts of frames: cells and pitch classes that agree, and what the others cost on the helix. All of it is
 * counted from the bits that differ. Not here: the cheapest pairs (pairing.c), notes (notes.c), ratios
 * (counts.c).
 */
#include <math.h>

#include "base/error.h"
#include "metrics/counts.h"
#include "metrics/pairing.h"

/* The bits first, first + 12, .. of a word; first < 12. */
#define EVERY_12TH(first) \
    (UINT64_C(0x0001001001001001) << (first) | ((first) < 4 ? UINT64_C(1) << ((first) + 60) % 64 : 0))

/* class_mask[c][w]: the keys p of word w with p % 12 == c. Word 1 begins at key 64, of pitch class 4. */
static const uint64_t class_mask[12][2] = {
#define ROW(c) \
    { EVERY_12TH(c), EVERY_12TH(((c) + 8) % 12) }
    ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11),
#undef ROW
};

static unsigned count_bits(uint64_t word0, uint64_t word1) {
    return (unsigned)__builtin_popcountll(word0) + (unsigned)__builtin_popcountll(word1);
}

static unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

/* The pairs of a false negative and a false positive of one pitch class. A class with n true positives has
 * min(n + negatives, n + positives) = n + min(negatives, positives) pairs, so true positives do not matter.
 */
static unsigned octave_pairs(const uint64_t negatives[2], const uint64_t positives[2]) {
    unsigned pairs = 0;
    for (int c = 0; c < 12; c++) {
        const uint64_t *mask = class_mask[c];
        pairs += smaller(count_bits(negatives[0] & mask[0], negatives[1] & mask[1]),
                         count_bits(positives[0] & mask[0], positives[1] & mask[1]));
    }
    return pairs;
}

/* Adds one frame; returns the number of cells that differ. */
static unsigned add_frame(spiral_metrics_counts *counts, const uint64_t target[2],
                          const uint64_t predicted[2]) {
    const uint64_t negatives[2] = {target[0] & ~predicted[0], target[1] & ~predicted[1]};
    const uint64_t positives[2] = {predicted[0] & ~target[0], predicted[1] & ~target[1]};
    unsigned both = count_bits(target[0] & predicted[0], target[1] & predicted[1]);
    unsigned n = count_bits(negatives[0], negatives[1]), p = count_bits(positives[0], positives[1]);
    unsigned substituted = smaller(n, p), octaves = substituted ? octave_pairs(negatives, positives) : 0;
    counts->target_cells += both + n;
    counts->predicted_cells += both + p;
    counts->true_positives += both;
    counts->chroma_true_positives += both + octaves;
    counts->substitutions += substituted;
    counts->chroma_substitutions += substituted - octaves;
    counts->misses += n - substituted;
    counts->false_alarms += p - substituted;
    return n + p;
}

spiral_status spiral_metrics_add_frames(spiral_metrics_counts *counts, const spiral_keys *target,
                                        const spiral_keys *predicted, size_t T, spiral_error *err) {
    spiral_metrics_counts sum;
    uint64_t different = 0;
    SPIRAL_TRY(spiral__metrics_counts_read(counts, &sum, err));
    for (size_t t = 0; t < T; t++) different += add_frame(&sum, target[t].word, predicted[t].word);
    sum.frames += T;
    sum.windows++;
    sum.windows_exact += !different;
    spiral__metrics_counts_write(&sum, counts);
    return SPIRAL_OK;
}

/* Lists the keys that are in a and not in b, ascending. Returns their number. */
static int list_keys(const spiral_keys *a, const spiral_keys *b, int *keys) {
    int n = 0;
    for (int w = 0; w < 2; w++)
        for (uint64_t bits = a->word[w] & ~b->word[w]; bits; bits &= bits - 1)
            keys[n++] = 64 * w + __builtin_ctzll(bits);
    return n;
}

/* 1/2 d^T K d over n keys, of which the first `negatives` have d = 1 and the others d = -1. kernel: K by
 * interval, (SPIRAL_KEY_COUNT). The diagonal gives K(0)/2 = 1 for each key; every pair counts once. */
static double energy(const double *kernel, const int *keys, int negatives, int n) {
    double sum = n;
    for (int i = 1; i < n; i++)
        for (int j = 0; j < i; j++) {
            int interval = keys[i] > keys[j] ? keys[i] - keys[j] : keys[j] - keys[i];
            sum += (i < negatives) == (j < negatives) ? kernel[interval] : -kernel[interval];
        }
    return sum;
}

spiral_status spiral_metrics_add_helix(spiral_metrics_counts *counts, const spiral_helix *helix,
                                       const spiral_keys *target, const spiral_keys *predicted, size_t T,
                                       spiral_error *err) {
    double distance[SPIRAL_KEY_COUNT], kernel[SPIRAL_KEY_COUNT];
    spiral_metrics_counts sum;
    SPIRAL_TRY(spiral__metrics_counts_read(counts, &sum, err));
    SPIRAL_TRY(spiral_helix_check(helix, err));
    for (int d = 0; d < SPIRAL_KEY_COUNT; d++) {
        distance[d] = spiral_helix_distance(helix, d);
        kernel[d] = 2 * exp(-distance[d] / 2);
    }
    for (size_t t = 0; t < T; t++) {
        int keys[SPIRAL_KEY_COUNT], negatives = list_keys(&target[t], &predicted[t], keys);
        int positives = list_keys(&predicted[t], &target[t], keys + negatives);
        sum.helix_energy += energy(kernel, keys, negatives, negatives + positives);
        sum.helix_distance += spiral__pairing_cost(distance, keys, negatives, keys + negatives, positives);
        sum.helix_cells += count_bits(target[t].word[0], target[t].word[1]);
    }
    spiral__metrics_counts_write(&sum, counts);
    return SPIRAL_OK;
}
