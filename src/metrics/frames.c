/* SPDX-License-Identifier: MIT
 *
 * Scores of columns: cells that agree, pitch classes that agree, and how far the wrong ones are off on the
 * helix. Everything is counted from the bits that differ. Not here: which wrong notes belong together
 * (matching.c), notes as runs (notes.c), ratios (ratios.c).
 */
#include "helix/kernel.h"
#include "metrics/matching.h"
#include "spiral/metrics.h"

/* The bits first, first + 12, .. of a word; first < 12. */
#define EVERY_12TH(first) \
    (UINT64_C(0x0001001001001001) << (first) | ((first) < 4 ? UINT64_C(1) << ((first) + 60) % 64 : 0))

/* class_mask[c][w]: the keys of word w with p % 12 == c. The high word starts at key 64, an E: eight below C.
 */
static const uint64_t class_mask[12][2] = {
#define ROW(c) \
    { EVERY_12TH(c), EVERY_12TH(((c) + 8) % 12) }
    ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11),
#undef ROW
};

static unsigned count(uint64_t low, uint64_t high) {
    return (unsigned)__builtin_popcountll(low) + (unsigned)__builtin_popcountll(high);
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* Pairs of a missed and a stray note of one pitch class. A class with h hits, m missed and s stray notes has
 * min(h + m, h + s) = h + min(m, s) matches, so the hits need not be looked at. */
static unsigned octave_pairs(const uint64_t missed[2], const uint64_t stray[2]) {
    unsigned pairs = 0;
    for (int c = 0; c < 12; c++) {
        const uint64_t *mask = class_mask[c];
        pairs += least(count(missed[0] & mask[0], missed[1] & mask[1]),
                       count(stray[0] & mask[0], stray[1] & mask[1]));
    }
    return pairs;
}

void spiral_metrics_add_frames(spiral_metrics_counts *counts, const spiral_keys *target,
                               const spiral_keys *predicted, size_t columns) {
    uint64_t errors = 0;
    for (size_t i = 0; i < columns; i++) {
        const uint64_t *t = target[i].word, *p = predicted[i].word;
        const uint64_t missed[2] = {t[0] & ~p[0], t[1] & ~p[1]}, stray[2] = {p[0] & ~t[0], p[1] & ~t[1]};
        unsigned hits = count(t[0] & p[0], t[1] & p[1]);
        unsigned m = count(missed[0], missed[1]), s = count(stray[0], stray[1]);
        unsigned swapped = least(m, s), octaves = swapped ? octave_pairs(missed, stray) : 0;
        counts->target_notes += hits + m;
        counts->predicted_notes += hits + s;
        counts->true_positives += hits;
        counts->chroma_true_positives += hits + octaves;
        counts->substitutions += swapped;
        counts->chroma_substitutions += swapped - octaves;
        counts->misses += m - swapped;
        counts->false_alarms += s - swapped;
        errors += m + s;
    }
    counts->frames += columns;
    counts->windows++;
    counts->windows_exact += !errors;
}

/* The keys that are in a and not in b, ascending; their number. */
static int list_keys(const spiral_keys *a, const spiral_keys *b, int *keys) {
    int n = 0;
    for (int w = 0; w < 2; w++)
        for (uint64_t bits = a->word[w] & ~b->word[w]; bits; bits &= bits - 1)
            keys[n++] = 64 * w + __builtin_ctzll(bits);
    return n;
}

/* 1/2 d^T K d over the differing keys, of which the first `missed` have d = 1, the others -1: the diagonal
 * gives K(0)/2 = 1 each, every pair counts once. */
static double energy(const double *kernel /* (SPIRAL_KEY_COUNT) */, const int *keys, int missed, int n) {
    double sum = n;
    for (int i = 1; i < n; i++)
        for (int j = 0; j < i; j++) {
            int interval = keys[i] > keys[j] ? keys[i] - keys[j] : keys[j] - keys[i];
            sum += (i < missed) == (j < missed) ? kernel[interval] : -kernel[interval];
        }
    return sum;
}

void spiral_metrics_add_helix(spiral_metrics_counts *counts, const spiral_helix *helix,
                              const spiral_keys *target, const spiral_keys *predicted, size_t columns) {
    double distance[SPIRAL_KEY_COUNT], kernel[SPIRAL_KEY_COUNT];
    for (int d = 0; d < SPIRAL_KEY_COUNT; d++) {
        distance[d] = spiral_helix_distance(helix, d);
        kernel[d] = spiral__helix_energy_kernel(helix, d);
    }
    for (size_t i = 0; i < columns; i++) {
        int keys[SPIRAL_KEY_COUNT], missed = list_keys(&target[i], &predicted[i], keys);
        int stray = list_keys(&predicted[i], &target[i], keys + missed);
        counts->helix_energy += energy(kernel, keys, missed, missed + stray);
        counts->helix_distance += spiral__matching(distance, keys, missed, keys + missed, stray);
        counts->helix_notes += count(target[i].word[0], target[i].word[1]);
    }
}
