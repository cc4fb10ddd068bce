/* SPDX-License-Identifier: MIT
 *
 * Finds faults in what was sampled: silence, no change for too long, too many keys (see writer.h). The limits
 * are those of the training music; without them, generous ones.
 */
#include "decode/writer.h"
#include "spiral/generate.h"

enum { DEFAULT_BAR = 16, DEFAULT_BARS = 4, DEFAULT_VOICES = 16 };

typedef struct limits {
    size_t bar;      /* frames over which voices are averaged */
    size_t same_max; /* frames without a change */
    float voices_max;
} limits;

static limits limits_of(const spiral__writer *w) {
    const spiral__sampling *s = &w->sampling;
    const int bar = w->prefix.weights.features->bar;
    limits l = {.bar = (size_t)(bar ? bar : DEFAULT_BAR)};
    /* Slightly more than the largest value seen. On a grid of seconds without limits there is no limit: how
     * many frames a note may last is not known. */
    l.same_max = s->same_max > 0 ? (size_t)s->same_max + l.bar : bar ? DEFAULT_BARS * l.bar : SIZE_MAX;
    l.voices_max = s->voices_max > 0 ? s->voices_max + 1 : DEFAULT_VOICES;
    if (w->request.voices + 2 > l.voices_max) l.voices_max = w->request.voices + 2;
    return l;
}

static spiral_keys open_at(const spiral__writer *w, size_t t) {
    const spiral__features *f = w->prefix.weights.features;
    spiral_keys open = spiral_keys_range(f->low, f->low + f->P - 1);
    for (int i = 0; i < 2 && w->request.known; i++) open.word[i] &= ~w->request.known[t].word[i];
    return open;
}

/* Whether frame t is the same as the one before, without a new note. */
static int goes_on(const spiral_keys *sounding, const spiral_keys *onsets, size_t t) {
    const int begins = onsets && spiral_keys_any(spiral_keys_and(onsets[t], sounding[t]));
    return !begins && spiral_keys_equal(sounding[t], sounding[t - 1]);
}

unsigned spiral__find_faults(const spiral__writer *w, const spiral_keys *sounding,
                             const spiral_keys *onsets) {
    const limits l = limits_of(w);
    size_t open_frames = 0, written = 0, same = 0, bar_frames = 0, bar_keys = 0;
    unsigned faults = 0;
    for (size_t t = w->first; t < w->request.frames; t++) {
        const spiral_keys open = open_at(w, t);
        if (!spiral_keys_any(open)) {
            same = bar_frames = bar_keys = 0;
            continue;
        }
        open_frames++;
        written += (size_t)spiral_keys_count(spiral_keys_and(open, sounding[t]));
        same = t > w->first && goes_on(sounding, onsets, t) ? same + 1 : 1;
        if (same > l.same_max) faults |= SPIRAL_GENERATE_STUCK;
        bar_keys += (size_t)spiral_keys_count(sounding[t]);
        if (++bar_frames < l.bar) continue;
        if ((float)bar_keys > l.voices_max * (float)l.bar) faults |= SPIRAL_GENERATE_SMEARED;
        bar_frames = bar_keys = 0;
    }
    if (!written && open_frames >= l.bar) faults |= SPIRAL_GENERATE_SILENT;
    return faults;
}
