/* SPDX-License-Identifier: MIT
 *
 * Decoding by the lowest expected energy on the helix (see include/spiral/decode.h; docs/math.md, section
 * 13).
 *
 * In a frame only a few keys can be in the best set: those for which the first term of equation 40 alone does
 * not decide. Each search works on these, from several starts, and ends when changing one key, or two at
 * once, does not lower the risk.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "helix/kernel.h"
#include "spiral/decode.h"

enum { STARTS = 4, MAX_KEYS = SPIRAL_KEY_COUNT };

/* Gains below this are rounding errors. */
#define MIN_GAIN 1e-6f

/* Probabilities below this are treated as 0. */
#define MIN_PROBABILITY 0x1p-20f

typedef struct search {
    int keys;
    float k[2 * MAX_KEYS]; /* kernel by interval: k[MAX_KEYS + delta] */
    /* The keys of this frame that can sound: their numbers, fields and kernel, rows of `count`. */
    int count, key[MAX_KEYS];
    float field[MAX_KEYS], near[MAX_KEYS * MAX_KEYS];
} search;

/* A set of keys during the search: sign is -1 for those that sound, 1 for the others, pull is the field minus
 * what the set itself contributes, equation 41. */
typedef struct set {
    float sign[MAX_KEYS], pull[MAX_KEYS];
} set;

static void flip(const search *w, set *s, int i) {
    const float change = s->sign[i], *near = w->near + i * w->count;
    s->sign[i] = -change;
    for (int j = 0; j < w->count; j++) s->pull[j] -= change * near[j];
}

/* Makes the best change of one key, or of two if no change of one helps. Returns 0 if none helps. */
static int improve(const search *w, set *s) {
    float gain[MAX_KEYS], best = MIN_GAIN;
    int first = -1, second = -1;
    for (int i = 0; i < w->count; i++) {
        gain[i] = s->sign[i] * s->pull[i] - 1;
        if (gain[i] > best) best = gain[i], first = i;
    }
    for (int i = 0; first < 0 && i < w->count; i++) {
        const float *near = w->near + i * w->count;
        if (!(gain[i] > -1))
            continue; /* of a pair that helps, one has at least half of what k(0) = 2 can add */
        for (int j = 0; j < w->count; j++) {
            const float both = gain[i] + gain[j] - s->sign[i] * s->sign[j] * near[j];
            if (both > best && i != j) best = both, first = i, second = j;
        }
    }
    if (first < 0 && second < 0) return 0;
    flip(w, s, first);
    if (second >= 0) flip(w, s, second);
    return 1;
}

/* x'Kx/2 - x'f, equation 39. */
static float risk_of(const search *w, const set *s) {
    float sum = 0;
    for (int i = 0; i < w->count; i++)
        if (s->sign[i] < 0) sum -= 0.5f * (s->pull[i] + w->field[i]);
    return sum;
}

/* The keys that can be in the best set: where K f would be above half of k(0) with all others silent. */
static void take_candidates(search *w, const float *field) {
    w->count = 0;
    for (int p = 0; p < w->keys; p++)
        if (field[p] > 1) {
            w->field[w->count] = field[p];
            w->key[w->count++] = p;
        }
    for (int i = 0; i < w->count; i++)
        for (int j = 0; j < w->count; j++) w->near[i * w->count + j] = w->k[MAX_KEYS + w->key[i] - w->key[j]];
}

/* Starts: 0 the keys that are more likely than not, or what is given; 1 silence; 2 and 3 one key where the
 * probabilities add up to half a note, from below and from above. */
static void start(const search *w, int which, const float *y, const unsigned char *given, set *s) {
    float sum = 0;
    for (int i = 0; i < w->count; i++) s->pull[i] = w->field[i], s->sign[i] = 1;
    for (int n = 0; n < w->count; n++) {
        const int i = which == 3 ? w->count - 1 - n : n, p = w->key[i];
        int on = 0;
        if (which == 0) on = given ? given[p] : y[p] > 0.5f;
        if (which > 1) {
            sum += y[p];
            on = sum > 0.5f;
            sum -= (float)on;
        }
        if (on) flip(w, s, i);
    }
}

/* The set of lowest risk that is found, as 0 and 1 for each key; its risk is never above that of `given`. */
static void best_set(search *w, const float *field, const float *y, const unsigned char *given,
                     unsigned char *out /* (MAX_KEYS) */) {
    float least = 0;
    unsigned char best[MAX_KEYS] = {0};
    set s;
    take_candidates(w, field);
    for (int which = 0; which < STARTS && w->count; which++) {
        start(w, which, y, given, &s);
        while (improve(w, &s)) {
        }
        const float risk = risk_of(w, &s);
        if (which == 0 || risk < least - MIN_GAIN) {
            least = risk;
            for (int i = 0; i < w->count; i++) best[i] = s.sign[i] < 0;
        }
    }
    memset(out, 0, MAX_KEYS);
    for (int i = 0; i < w->count; i++) out[w->key[i]] = best[i];
}

/* ---- frames ---- */

/* field = K e, equation 41. */
static void field_of(const search *w, const float *e, float *field) {
    memset(field, 0, (size_t)w->keys * sizeof *field);
    for (int q = 0; q < w->keys; q++) {
        const float *k = w->k + MAX_KEYS - q;
        if (fabsf(e[q]) < MIN_PROBABILITY) continue;
        for (int p = 0; p < w->keys; p++) field[p] += e[q] * k[p];
    }
}

static float probability(float z, float scale) {
    const float y = isnan(z) ? 0 : scale / (1 + expf(-z));
    return y;
}

static void write_keys(const unsigned char *x, int low, int keys, spiral_keys *out) {
    *out = (spiral_keys){{0, 0}};
    for (int p = 0; p < keys; p++)
        if (x[p]) spiral_keys_set(out, low + p, 1);
}

static void decode_without_time(search *w, const float *logits, size_t frames, int low, float scale,
                                spiral_keys *sounding) {
    float y[MAX_KEYS], field[MAX_KEYS];
    unsigned char x[MAX_KEYS];
    for (size_t t = 0; t < frames; t++, logits += w->keys) {
        for (int p = 0; p < w->keys; p++) y[p] = probability(logits[p], scale);
        field_of(w, y, field);
        best_set(w, field, y, NULL, x);
        write_keys(x, low, w->keys, &sounding[t]);
    }
}

/* With a time term: x, y and sums (frames, keys). One pass over the frames, each given what the others are
 * now; sums holds what the later frames contribute, before that of the frame itself. Returns whether a frame
 * has changed. */
static int pass(search *w, size_t frames, float decay, const float *y, const float *blurred, unsigned char *x,
                float *later) {
    const size_t P = (size_t)w->keys;
    float earlier[MAX_KEYS] = {0}, e[MAX_KEYS], field[MAX_KEYS];
    unsigned char found[MAX_KEYS];
    int changed = 0;
    memset(later + (frames - 1) * P, 0, P * sizeof *later);
    for (size_t t = frames - 1; t-- > 0;)
        for (size_t p = 0; p < P; p++)
            later[t * P + p] = decay * (later[(t + 1) * P + p] + (float)x[(t + 1) * P + p]);
    for (size_t t = 0; t < frames; t++) {
        for (size_t p = 0; p < P; p++) e[p] = blurred[t * P + p] - earlier[p] - later[t * P + p];
        field_of(w, e, field);
        best_set(w, field, y + t * P, x + t * P, found);
        changed |= memcmp(found, x + t * P, P) != 0;
        memcpy(x + t * P, found, P);
        for (size_t p = 0; p < P; p++) earlier[p] = decay * (earlier[p] + (float)found[p]);
    }
    return changed;
}

/* sum over j of a^|t - j| y_j. */
static void blur_along_time(const float *y, size_t frames, size_t P, float a, float *out) {
    memcpy(out, y, frames * P * sizeof *out);
    for (size_t i = P; i < frames * P; i++) out[i] += a * out[i - P];
    float after[MAX_KEYS] = {0};
    for (size_t t = frames; t-- > 0;)
        for (size_t p = 0; p < P; p++) {
            out[t * P + p] += a * after[p];
            after[p] = y[t * P + p] + a * after[p];
        }
}

static spiral_status all_frames(search *w, const float *logits, size_t frames, int low,
                                const spiral_min_risk_options *o, spiral_keys *sounding, spiral_error *err) {
    enum { MAX_PASSES = 50 };
    const size_t cells = frames * (size_t)w->keys;
    const float decay = (float)exp(-1 / o->time_blur);
    float *y = calloc(3 * cells, sizeof *y), *blurred = y + cells, *later = blurred + cells;
    unsigned char *x = calloc(cells, 1);
    spiral_status status = y && x ? SPIRAL_OK : spiral__no_memory(err, cells * (3 * sizeof *y + 1));
    if (status == SPIRAL_OK) {
        for (size_t i = 0; i < cells; i++) {
            y[i] = probability(logits[i], (float)o->scale);
            x[i] = y[i] > 0.5f;
        }
        blur_along_time(y, frames, (size_t)w->keys, decay, blurred);
        for (int n = 0; n < MAX_PASSES && pass(w, frames, decay, y, blurred, x, later);) n++;
        for (size_t t = 0; t < frames; t++) write_keys(x + t * (size_t)w->keys, low, w->keys, &sounding[t]);
    }
    free(y);
    free(x);
    return status;
}

/* ---- public ---- */

static spiral_min_risk_options defaults(void) {
    return (spiral_min_risk_options){.struct_size = sizeof(spiral_min_risk_options),
                                     .helix = {{1.3, 0, 0, 0, 0, 0}, 4},
                                     .scale = 1,
                                     .time_blur = 0};
}

void spiral_min_risk_options_default(spiral_min_risk_options *options, size_t struct_size) {
    const spiral_min_risk_options o = defaults();
    spiral__sized_write(&o, sizeof o, options, struct_size);
}

static spiral_status check(const spiral_min_risk_options *o, int low, int keys, spiral_error *err) {
    if (keys < 1 || low < 0 || low > SPIRAL_KEY_COUNT - keys)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%d keys from %d on are not within 0 to %d", keys, low,
                            SPIRAL_KEY_COUNT - 1);
    if (!(o->scale >= 0.01 && o->scale <= 100))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "scale is %.9g: must be 0.01 to 100", o->scale);
    if (!(o->time_blur >= 0 && o->time_blur <= 100))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "time_blur is %.9g: must be 0 to 100", o->time_blur);
    return spiral_helix_check(&o->helix, err);
}

spiral_status spiral_decode_min_risk(const spiral_min_risk_options *options, const float *logits,
                                     size_t frames, int low, int keys, float onset_threshold,
                                     spiral_keys *sounding, spiral_keys *onsets, spiral_error *err) {
    spiral_min_risk_options o = defaults();
    const size_t first_size = offsetof(spiral_min_risk_options, time_blur) + sizeof o.time_blur;
    SPIRAL_TRY(spiral__sized_read("min_risk options", options, first_size, &o, sizeof o, err));
    SPIRAL_TRY(check(&o, low, keys, err));
    search *w = calloc(1, sizeof *w);
    if (!w) return spiral__no_memory(err, sizeof *w);
    w->keys = keys;
    for (int d = 1 - keys; d < keys; d++)
        w->k[MAX_KEYS + d] = (float)spiral__helix_energy_kernel(&o.helix, d);
    spiral_status status = SPIRAL_OK;
    if (o.time_blur > 0 && frames > 1)
        status = all_frames(w, logits, frames, low, &o, sounding, err);
    else
        decode_without_time(w, logits, frames, low, (float)o.scale, sounding);
    free(w);
    if (status != SPIRAL_OK || !onsets) return status;
    SPIRAL_TRY(spiral_decode_threshold(logits + frames * (size_t)keys, frames, low, keys, onset_threshold, 0,
                                       onsets, NULL, err));
    for (size_t t = 0; t < frames; t++)
        for (int i = 0; i < 2; i++) onsets[t].word[i] &= sounding[t].word[i];
    return SPIRAL_OK;
}

/* The risk that `search` lowers, of any set, with the time term. */
spiral_status spiral_decode_risk(const spiral_min_risk_options *options, const float *logits, size_t frames,
                                 int low, int keys, const spiral_keys *sounding, double *risk,
                                 spiral_error *err) {
    spiral_min_risk_options o = defaults();
    const size_t first_size = offsetof(spiral_min_risk_options, time_blur) + sizeof o.time_blur;
    SPIRAL_TRY(spiral__sized_read("min_risk options", options, first_size, &o, sizeof o, err));
    SPIRAL_TRY(check(&o, low, keys, err));
    const double a = o.time_blur > 0 ? exp(-1 / o.time_blur) : 0;
    double k[MAX_KEYS], sum = 0, x_sum[MAX_KEYS] = {0}, y_sum[MAX_KEYS] = {0};
    for (int d = 0; d < keys; d++) k[d] = spiral__helix_energy_kernel(&o.helix, d);
    for (size_t t = 0; t < frames; t++, logits += keys) {
        double x[MAX_KEYS], y[MAX_KEYS];
        for (int p = 0; p < keys; p++) {
            x[p] = spiral_keys_get(&sounding[t], low + p);
            y[p] = (double)probability(logits[p], (float)o.scale);
        }
        /* Pairs of this frame with itself and with each earlier one, these in both orders. */
        for (int p = 0; p < keys; p++)
            for (int q = 0; q < keys; q++)
                sum += k[abs(p - q)] * (x[p] * (x[q] / 2 - y[q] + x_sum[q] - y_sum[q]) - y[p] * x_sum[q]);
        for (int p = 0; p < keys; p++) {
            x_sum[p] = a * (x_sum[p] + x[p]);
            y_sum[p] = a * (y_sum[p] + y[p]);
        }
    }
    *risk = sum;
    return SPIRAL_OK;
}
