/* SPDX-License-Identifier: MIT
 *
 * Counts the frames, notes, beats and bars of one roll. Each is a pass of its own over the bits. Not here:
 * statistics made from the counts (counts.c).
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "helix/triad.h"
#include "roll/roll_check.h"
#include "statistics/counts.h"

/* Lists the keys of a set, ascending. Returns their number. */
static int list_keys(const spiral_keys *set, int *keys) {
    int n = 0;
    for (int w = 0; w < 2; w++)
        for (uint64_t bits = set->word[w]; bits; bits &= bits - 1) keys[n++] = 64 * w + __builtin_ctzll(bits);
    return n;
}

static spiral_keys starts_at(const spiral_roll *roll, size_t t) {
    return spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                              roll->onsets ? &roll->onsets[t] : NULL);
}

/* The sounding keys of one frame; key: (n), ascending. */
static void count_chord(spiral_statistics_counts *c, const int *key, int n) {
    unsigned classes = 0;
    for (int i = 0; i < n; i++) {
        classes |= 1U << key[i] % 12;
        c->pitch_classes[key[i] % 12]++;
        c->clashes += i > 0 && key[i] - key[i - 1] == 1;
    }
    c->cells += (uint64_t)n;
    c->pairs += (uint64_t)(n * (n - 1) / 2);
    c->sounding_frames += n > 0;
    c->polyphonic_frames += n > 2;
    c->four_frames += n == 4;
    c->triad_frames += n > 2 && spiral__is_triad(classes);
}

/* Pairs of voices that move in the same direction between two frames; before, key: (n), ascending. */
static void count_motion(spiral_statistics_counts *c, const int *before, const int *key, int n) {
    for (int j = 1; j < n; j++)
        for (int i = 0; i < j; i++) {
            if ((key[i] - before[i]) * (key[j] - before[j]) <= 0) continue;
            const int interval = (key[j] - key[i]) % 12;
            c->similar_motions++;
            c->parallels += interval == (before[j] - before[i]) % 12 && (interval == 0 || interval == 7);
        }
}

/* Returns the number of frames up to the last that is not silent. */
static size_t count_frames(spiral_statistics_counts *c, const spiral_roll *roll) {
    int keys[2][SPIRAL_KEY_COUNT], n_before = 0;
    size_t length = 0;
    for (size_t t = 0; t < roll->frames; t++) {
        int *key = keys[t % 2], n = list_keys(&roll->sounding[t], key);
        count_chord(c, key, n);
        if (n == n_before) count_motion(c, keys[(t + 1) % 2], key, n);
        if (n) length = t + 1;
        n_before = n;
    }
    return length;
}

/* The class of a number of frames: see SPIRAL_STATISTICS_HISTOGRAM_LIST. */
static int length_class(size_t frames, double frames_per_bar) {
    static const int class_96ths[SPIRAL_LENGTH_CLASSES] = {96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8};
    int nearest = 0;
    double least = INFINITY;
    for (int i = 0; i < SPIRAL_LENGTH_CLASSES; i++) {
        const double apart = fabs((double)frames * 96 - class_96ths[i] * frames_per_bar);
        if (apart < least) least = apart, nearest = i;
    }
    return nearest;
}

/* A note of `key` has ended before frame t; `reach` is the most frames that are less than 50 ms. */
static void count_transitions(spiral_statistics_counts *c, const spiral_roll *roll, int key, size_t t,
                              size_t reach) {
    int next[SPIRAL_KEY_COUNT];
    for (size_t u = t > reach ? t - reach : 0; u <= t + reach && u < roll->frames; u++) {
        const spiral_keys starts = starts_at(roll, u);
        const int n = list_keys(&starts, next);
        for (int i = 0; i < n; i++) c->pitch_class_transitions[12 * (key % 12) + next[i] % 12]++;
    }
}

static void count_notes(spiral_statistics_counts *c, const spiral_roll *roll, double frames_per_bar) {
    const double frame_s = spiral_roll_frame_s(roll);
    const size_t reach = (size_t)fmin(ceil(.05 / frame_s) - 1, (double)roll->frames);
    size_t begin[SPIRAL_KEY_COUNT] = {0}, first = 0, last = 0;
    uint64_t notes = 0;
    int key[SPIRAL_KEY_COUNT];
    for (size_t t = 0; t <= roll->frames; t++) { /* at t = frames the last notes end */
        const spiral_keys silence = {{0, 0}};
        const spiral_keys *now = t < roll->frames ? &roll->sounding[t] : &silence;
        const spiral_keys starts = t < roll->frames ? starts_at(roll, t) : silence;
        spiral_keys ends = silence;
        for (int w = 0; t && w < 2; w++)
            ends.word[w] = roll->sounding[t - 1].word[w] & (~now->word[w] | starts.word[w]);
        for (int i = 0, n = list_keys(&ends, key); i < n; i++) {
            c->lengths[length_class(t - begin[key[i]], frames_per_bar)]++;
            count_transitions(c, roll, key[i], t, reach);
        }
        if (!spiral_keys_any(starts)) continue;
        const int n = list_keys(&starts, key);
        for (int i = 0; i < n; i++) begin[key[i]] = t, c->keys[key[i]]++;
        if (notes)
            c->onset_intervals[length_class(t - last, frames_per_bar)]++;
        else
            first = t;
        last = t;
        notes += (uint64_t)n;
    }
    c->notes += notes;
    if (notes) {
        c->note_gaps += notes - 1;
        c->note_gaps_s += (double)(last - first) * frame_s;
    }
}

/* MusPy counts a beat as filled if a note sounds in it or ends where it begins, so the last frame of the beat
 * before counts too; and there is one more beat than fits into the length. */
static void count_beats(spiral_statistics_counts *c, const spiral_roll *roll, size_t length, size_t beat) {
    if (!length) return;
    for (size_t b = 0; b <= length / beat; b++) {
        size_t t = b > 0 ? b * beat - 1 : 0;
        while (t < length && t < (b + 1) * beat && !spiral_keys_any(roll->sounding[t])) t++;
        c->empty_beats += t == length || t == (b + 1) * beat;
        c->beats++;
    }
}

/* Where notes begin in adjacent bars. MusPy has one more bar than fits into the length; it is silent or cut
 * off by the end. */
static void count_groove(spiral_statistics_counts *c, const spiral_roll *roll, size_t length, size_t bar) {
    const size_t pairs = length / bar;
    for (size_t t = 0; t < pairs * bar; t++) {
        const spiral_keys a = starts_at(roll, t);
        const spiral_keys b = t + bar < length ? starts_at(roll, t + bar) : (spiral_keys){{0, 0}};
        c->groove_differences += spiral_keys_any(a) != spiral_keys_any(b);
    }
    c->groove_positions += pairs * bar;
}

spiral_status spiral_statistics_add_roll(spiral_statistics_counts *counts, const spiral_roll *roll,
                                         int frames_per_beat, int frames_per_bar, spiral_error *err) {
    spiral_statistics_counts sum;
    SPIRAL_TRY(spiral__statistics_counts_read(counts, &sum, err));
    SPIRAL_TRY(spiral__roll_check(roll->grid, roll->frames, err));
    if (frames_per_beat < 0 || frames_per_bar < 0)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %d: must not be negative",
                            frames_per_beat < 0 ? "frames_per_beat" : "frames_per_bar",
                            frames_per_beat < 0 ? frames_per_beat : frames_per_bar);
    const double frame_s = spiral_roll_frame_s(roll);
    if (!(frame_s > 0) || !isfinite(frame_s))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frame length %g s is not a number > 0", frame_s);
    if (roll->grid.kind == SPIRAL_GRID_BEATS) {
        if (!frames_per_beat) frames_per_beat = roll->grid.steps_per_quarter;
        if (!frames_per_bar) frames_per_bar = 4 * roll->grid.steps_per_quarter;
    }
    const size_t length = count_frames(&sum, roll);
    count_notes(&sum, roll, frames_per_bar ? frames_per_bar : 2 / frame_s);
    if (frames_per_beat) count_beats(&sum, roll, length, (size_t)frames_per_beat);
    if (frames_per_bar) count_groove(&sum, roll, length, (size_t)frames_per_bar);
    sum.pieces++;
    sum.frames += roll->frames;
    sum.length += length;
    spiral__statistics_counts_write(&sum, counts);
    return SPIRAL_OK;
}
