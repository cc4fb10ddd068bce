/* SPDX-License-Identifier: MIT
 *
 * Writing frame after frame (see writer.h).
 */
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "decode/bit_nats.h"
#include "decode/writer.h"
#include "simd/vmath.h"

enum { FRAME_TRIES = 8 };
static const float NEVER = -1e30f, CERTAIN = 20; /* logarithms of ratios of probabilities */
static const float COLDEST = 0.01f;              /* the next key is drawn at this temperature or more */

static const uint64_t WRITE_STREAM = UINT64_C(0x7772697465); /* tries of a variation have the next ones */
static const float DENSITY_MEMORY = 0.9f, DENSITY_GAIN = 0.1f, DENSITY_MAX = 1.5f, DENSITY_MIN = -5.0f;
static const float SKETCH_MIN = 0.01f; /* probabilities nearer to 0 and 1 count as this one */

/* ---- what is given ---- */

static spiral_keys range_of(const spiral__features *f) {
    return spiral_keys_range(f->low, f->low + f->P - 1);
}

static spiral_keys known_at(const spiral__request *r, size_t t) {
    return r->known ? r->known[t] : (spiral_keys){{0, 0}};
}

/* The given keys that sound. */
static spiral_keys given_at(const spiral__request *r, size_t t) {
    return r->known ? spiral_keys_and(r->known[t], r->sounding[t]) : (spiral_keys){{0, 0}};
}

static int is_open(const spiral__features *f, const spiral__request *r, size_t t) {
    const spiral_keys range = range_of(f), known = spiral_keys_and(known_at(r, t), range);
    return !spiral_keys_equal(known, range);
}

/* What is known from frame `first` on is a condition. Frames before it, all known, are only the past: the
 * network was trained to continue music without conditions. */
static void set_conditions(spiral__writer *w) {
    const spiral__request *r = &w->request;
    const spiral_keys range = range_of(w->prefix.weights.features);
    int given = 0;
    for (size_t t = w->first; t < r->frames; t++) {
        const spiral_keys known = spiral_keys_and(known_at(r, t), range);
        given |= spiral_keys_any(known);
    }
    w->has_conditions = given || r->sketch;
    w->conditions = (spiral__conditions){.frames = r->frames, .sketch = r->sketch};
    if (!given) return;
    w->conditions.known = r->known;
    w->conditions.sounding = r->sounding;
    w->conditions.onsets = r->onsets;
}

static const spiral__conditions *conditions_of(const spiral__writer *w) {
    return w->has_conditions ? &w->conditions : NULL;
}

spiral_status spiral__writer_create(const spiral__decoder_weights *weights, const spiral__sampling *sampling,
                                    const spiral__request *request, spiral__writer *w, spiral_error *err) {
    memset(w, 0, sizeof *w);
    w->request = *request;
    w->sampling = *sampling;
    SPIRAL_TRY(spiral__stream_create(weights, &w->prefix, err));
    while (w->first < request->frames && !is_open(weights->features, request, w->first)) w->first++;
    set_conditions(w);
    spiral__stream_begin(&w->prefix);
    const spiral_keys none = {{0, 0}}, range = range_of(weights->features);
    for (size_t t = 0; t < w->first; t++)
        spiral__stream_skip_frame(&w->prefix, conditions_of(w), spiral_keys_and(request->sounding[t], range),
                                  request->onsets ? spiral_keys_and(request->onsets[t], range) : none);
    return SPIRAL_OK;
}

void spiral__writer_clear(spiral__writer *w) {
    spiral__stream_clear(&w->prefix);
    memset(w, 0, sizeof *w);
}

/* ---- cells ---- */

/* A try of a variation. */
typedef struct run {
    const spiral__writer *w;
    spiral__stream *stream;
    spiral__rng rng;
    float density_mean, density_bias; /* recent number of sounding keys; what is added to logits */
    /* of the frame: */
    const spiral__frame_weights *weights;
    spiral_keys known, given, given_before, before;
    double nats;
    int parallels;
} run;

/* An open cell. */
typedef struct cell {
    float x[2];          /* the network's logits: it sounds; it begins, if it sounds */
    float sounds, again; /* the logits that are drawn from */
    int held;            /* it sounds before */
    int ends;            /* a given note on this key ended with the frame before */
} cell;

/* Draws a bit with this logit at the temperature of the request. */
static int draw(run *r, float logit) {
    const float temperature = r->w->request.temperature;
    if (temperature == 0) return logit > 0;
    return (float)spiral__rng_uniform(&r->rng) < spiral__sigmoid_f32(logit / temperature);
}

/* The bias of the requested key and density on the logit that key p sounds. */
static float key_density_bias(const run *r, int p, int held, size_t t) {
    const spiral__request *q = &r->w->request;
    const int class = (r->stream->weights.features->low + p) % 12;
    if (held) return r->density_bias / 4;
    return r->density_bias + q->begins_bias[class] + (t ? 0 : q->first_bias[class]);
}

/* At temperature 0 with a sketch: what is added to a logit of the network, the logit that the sketch itself
 * gives the cell. Without it the network follows its own past more than the sketch. Chosen on validation
 * pieces. */
static float sketch_bias(const run *r, int plane, int p, size_t t) {
    const spiral__request *q = &r->w->request;
    const spiral__features *f = r->stream->weights.features;
    if (!q->sketch || q->temperature > 0) return 0;
    float x = q->sketch[(t * (size_t)f->planes + (size_t)plane) * (size_t)f->P + (size_t)p];
    x = x < SKETCH_MIN ? SKETCH_MIN : x > 1 - SKETCH_MIN ? 1 - SKETCH_MIN : x;
    return spiral__log_f32(x) - spiral__log_f32(1 - x);
}

/* Open cell p, after the keys that were set. Where the cell before was given and sounds, the key must not
 * keep sounding: a given note ends where it ended. */
static cell read_cell(const run *r, int p, size_t t) {
    const spiral__features *f = r->stream->weights.features;
    const int key = f->low + p;
    cell c = {.held = spiral_keys_get(&r->before, key), .ends = spiral_keys_get(&r->given_before, key)};
    spiral__stream_logits(r->stream, p, c.x);
    c.sounds = c.x[0] + key_density_bias(r, p, c.held, t) + sketch_bias(r, 0, p, t);
    c.again = c.x[1] + (c.held ? r->weights->again : 0);
    if (f->planes == 2) c.again += sketch_bias(r, 1, p, t);
    /* p(sounds and begins) / p(silent) = exp(sounds) sigmoid(again) */
    if (c.ends && f->planes == 2) c.sounds -= spiral__softplus_f32(-c.again);
    return c;
}

static void add_nats(run *r, float logit, int bit) {
    float slope;
    r->nats += (double)spiral__bit_nats(logit, bit, &slope);
}

static int is_given(const run *r, int p) {
    return spiral_keys_get(&r->given, r->stream->weights.features->low + p);
}

static int is_known(const run *r, int p) {
    return spiral_keys_get(&r->known, r->stream->weights.features->low + p);
}

/* The lowest key from p on that sounds, or P; the open cells below it are silent. *c: its cell, if open. */
static int draw_next(run *r, int p, size_t t, cell *c) {
    const int P = r->stream->weights.features->P;
    for (; p < P && !is_given(r, p); p++) {
        if (is_known(r, p)) continue;
        *c = read_cell(r, p, t);
        const int sounds = draw(r, c->sounds);
        add_nats(r, c->x[0], sounds);
        if (sounds) break;
    }
    return p;
}

/* The same at a temperature other than 0 and 1. If each cell's logit were divided by it, voices would move up
 * at low temperatures: where several keys are possible, each is more likely silent than not. So the
 * probability of each position of the next key is raised to the power 1 / temperature. */
static int draw_next_at_temperature(run *r, int p, size_t t, cell *c) {
    const int P = r->stream->weights.features->P;
    const float temperature = r->w->request.temperature,
                power = 1 / (temperature > COLDEST ? temperature : COLDEST);
    cell cells[SPIRAL_KEY_COUNT];
    float weight[SPIRAL_KEY_COUNT + 1]; /* logarithms */
    float silent = 0, most = NEVER, sum = 0;
    int end = p;
    for (; end < P && !is_given(r, end) && power * silent > most - CERTAIN; end++) {
        weight[end] = NEVER;
        if (is_known(r, end)) continue;
        cells[end] = read_cell(r, end, t);
        weight[end] = power * (silent - spiral__softplus_f32(-cells[end].sounds));
        if (weight[end] > most) most = weight[end];
        silent -= spiral__softplus_f32(cells[end].sounds);
    }
    weight[end] = power * silent;
    if (weight[end] > most) most = weight[end];
    const int last = weight[end] > most - CERTAIN ? end : end - 1;
    for (int k = p; k <= last; k++) sum += weight[k] = spiral__exp_f32(weight[k] - most);
    float left = (float)spiral__rng_uniform(&r->rng) * sum;
    int next = p;
    while (next < last && left >= weight[next]) left -= weight[next++];
    for (int k = p; k < next; k++)
        if (!is_known(r, k)) add_nats(r, cells[k].x[0], 0);
    if (next == end) return end;
    add_nats(r, cells[next].x[0], 1);
    *c = cells[next];
    return next;
}

/* Whether an open cell that sounds begins. */
static int draw_onset(run *r, const cell *c) {
    const int two = r->stream->weights.features->planes == 2;
    const int onset = !c->held || c->ends || (two && draw(r, c->again));
    if (two) add_nats(r, c->x[1], onset);
    return onset;
}

/* The weights of frame t, and what is given in it. */
static void begin_frame(run *r, size_t t) {
    const spiral__request *q = &r->w->request;
    r->known = known_at(q, t);
    r->given = given_at(q, t);
    r->given_before = t ? given_at(q, t - 1) : (spiral_keys){{0, 0}};
    r->before = r->stream->history.sounding;
    const spiral_keys known = spiral_keys_and(r->known, range_of(r->stream->weights.features));
    const spiral__basis basis = q->sketch                ? SPIRAL__SKETCHED
                                : spiral_keys_any(known) ? SPIRAL__UNDER_GIVEN
                                                         : SPIRAL__FREE;
    r->weights = &r->w->sampling.weights[basis];
}

static void decide_frame(run *r, size_t t) {
    const spiral__features *f = r->stream->weights.features;
    const spiral__request *q = &r->w->request;
    const int plain = q->temperature == 0 || q->temperature == 1;
    r->nats = 0;
    r->parallels = 0;
    for (int p = 0;; p++) {
        cell c = {.held = 0};
        p = plain ? draw_next(r, p, t, &c) : draw_next_at_temperature(r, p, t, &c);
        if (p == f->P) break;
        const int key = f->low + p;
        const int onset = is_given(r, p) ? !spiral_keys_get(&r->before, key) ||
                                               (q->onsets && spiral_keys_get(&q->onsets[t], key))
                                         : draw_onset(r, &c);
        r->parallels += spiral__moves_in_parallel(&r->stream->moment, &r->stream->decided, p) != 0;
        spiral__stream_set_key(r->stream, p, 1, onset);
    }
}

/* ---- frames ---- */

/* The requested weights of the keys that begin. In the first frame, the difference between the number of keys
 * and its usual mean is subtracted, because first_bias changes that number too. */
static float key_weight(const run *r, size_t t) {
    const spiral__request *q = &r->w->request;
    const spiral__decided *d = &r->stream->decided;
    const float usual = r->w->sampling.voices_mean;
    float weight = 0;
    if (!q->has_key) return 0;
    for (int i = 0; i < d->count; i++) {
        const int key = r->stream->weights.features->low + d->key[i];
        if (!spiral_keys_get(&r->stream->history.sounding, key)) weight += q->begins_weight[key % 12];
    }
    if (t == 0 && usual > 0) weight -= fabsf((float)d->count - usual);
    return weight;
}

/* The logarithm of the probability that the frame is kept. */
static float weight_of(const run *r, size_t t) {
    const spiral__writer *w = r->w;
    if (w->request.temperature == 0) return 0;
    const spiral__frame_events events =
        spiral__frame_events_get(&r->stream->moment, &r->stream->decided, r->parallels);
    const int any = w->request.voices == SPIRAL__ANY_DENSITY;
    return key_weight(r, t) + spiral__frame_log_weight(r->weights, &events, any);
}

/* Draws an open frame until one is kept; if none of FRAME_TRIES is, the one with the greatest weight is kept.
 */
static void draw_frame(run *r, size_t t, spiral__writer_result *result) {
    spiral__decided best = {.count = 0};
    float most = -INFINITY;
    double nats = 0;
    for (int i = 0; i < FRAME_TRIES; i++) {
        spiral__stream_retry_frame(r->stream);
        decide_frame(r, t);
        result->decided++;
        const float weight = weight_of(r, t);
        if (weight == 0 || (float)spiral__rng_uniform(&r->rng) < spiral__exp_f32(weight)) return;
        if (weight <= most) continue;
        most = weight;
        best = r->stream->decided;
        nats = r->nats;
    }
    r->stream->decided = best;
    r->nats = nats;
}

/* Moves the bias of density so that the number of voices approaches the requested one. */
static void follow_density(run *r) {
    const float wanted = r->w->request.voices;
    if (wanted == SPIRAL__ANY_DENSITY) return;
    const float now = (float)r->stream->decided.count;
    r->density_mean = DENSITY_MEMORY * r->density_mean + (1 - DENSITY_MEMORY) * now;
    r->density_bias += DENSITY_GAIN * (wanted - r->density_mean);
    if (r->density_bias > DENSITY_MAX) r->density_bias = DENSITY_MAX;
    if (r->density_bias < DENSITY_MIN) r->density_bias = DENSITY_MIN;
}

/* The frame as decided, with given keys outside the range. */
static void store_frame(const run *r, size_t t, spiral_keys *sounding, spiral_keys *onsets) {
    const spiral__request *q = &r->w->request;
    const spiral_keys given = given_at(q, t), range = range_of(r->stream->weights.features);
    for (int i = 0; i < 2; i++) {
        sounding[t].word[i] = r->stream->decided.sounding.word[i] | (given.word[i] & ~range.word[i]);
        if (!onsets) continue;
        /* The onsets of given cells exactly as they were given, even on silent keys. */
        const uint64_t known = q->known ? q->known[t].word[i] : 0;
        onsets[t].word[i] = (r->stream->decided.onsets.word[i] & ~known) |
                            (known && q->onsets ? q->onsets[t].word[i] & known : 0);
    }
}

/* One try: frames first .. T - 1. */
static void write_frames(run *r, spiral_keys *sounding, spiral_keys *onsets, spiral__writer_result *result) {
    const spiral__writer *w = r->w;
    const spiral__features *f = r->stream->weights.features;
    spiral__stream_copy(&w->prefix, r->stream);
    r->density_mean = w->request.voices;
    r->density_bias = 0;
    result->nats = 0;
    result->open_frames = result->decided = 0;
    for (size_t t = w->first; t < w->request.frames; t++) {
        const int open = is_open(f, &w->request, t);
        begin_frame(r, t);
        spiral__stream_begin_frame(r->stream, conditions_of(w));
        if (open)
            draw_frame(r, t, result);
        else
            decide_frame(r, t);
        result->nats += r->nats;
        result->open_frames += (size_t)open;
        follow_density(r);
        store_frame(r, t, sounding, onsets);
        spiral__stream_end_frame(r->stream);
    }
}

static void store_prefix(const spiral__writer *w, spiral_keys *sounding, spiral_keys *onsets) {
    const spiral__request *q = &w->request;
    for (size_t t = 0; t < w->first; t++) {
        sounding[t] = given_at(q, t);
        if (onsets)
            onsets[t] = q->onsets ? spiral_keys_and(q->onsets[t], q->known[t]) : (spiral_keys){{0, 0}};
    }
}

spiral_status spiral__writer_run(const spiral__writer *w, uint64_t seed, spiral_keys *sounding,
                                 spiral_keys *onsets, spiral__writer_result *result, spiral_error *err) {
    spiral__stream stream;
    run r = {.w = w, .stream = &stream};
    memset(result, 0, sizeof *result);
    SPIRAL_TRY(spiral__stream_create(&w->prefix.weights, &stream, err));
    store_prefix(w, sounding, onsets);
    do {
        r.rng = spiral__rng_init(seed, WRITE_STREAM + (uint64_t)result->tries);
        write_frames(&r, sounding, onsets, result);
        result->tries++;
        result->faults = spiral__find_faults(w, sounding, onsets);
        result->faults_seen |= result->faults;
    } while (result->faults && result->tries < w->request.tries && w->request.temperature > 0);
    spiral__stream_clear(&stream);
    return SPIRAL_OK;
}
