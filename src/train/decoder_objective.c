/* SPDX-License-Identifier: MIT
 *
 * The decoder's objective (see decoder_objective.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "data/window.h"
#include "eval/likelihood.h"
#include "nn/laps.h"
#include "nn/tasks.h"
#include "simd/nn_kernels.h"
#include "train/decoder_objective.h"
#include "train/given_mask.h"

/* Random streams of the training's seed, above those of the autoencoder's windows and noise. */
static const uint64_t ORDER = UINT64_C(2) << 60, STRETCH = UINT64_C(3) << 60, ROWS = UINT64_C(6) << 60,
                      UNITS = UINT64_C(7) << 60;

enum { REMEMBERED = 1024 }; /* frames */
/* Dropout: the share of rows that a stream leaves out in a step. Of units about 1 / frames of the corpus, by
 * trials: in one of 55,000 frames .06, where more is worse; in one of 17,000 .27, where less is worse. */
static const double DROPPED_ROWS = 0.15, DROPPED_UNITS = 3500, DROPPED_MOST = 0.275, SCARCE = 24000;
static const double GIVEN = 0.4, BOTH = 0.1, SKETCH = 0.3;
static const double LATENT_NOISE = 0.5; /* most of it, in deviations of the latents */

/* ---- memory ---- */

static size_t state_floats(const spiral__decoder_objective *o) {
    return (size_t)o->model->decoder.features.P * o->model->decoder.H;
}

/* Frames of the whole windows that cover a stretch. */
static size_t window_frames(const spiral_model *m) {
    const size_t T = (size_t)m->ae.T;
    return (SPIRAL__STRETCH_FRAMES + T - 1) / T * T;
}

static spiral_status create_stream(const spiral_model *m, spiral__training_stream *s, spiral_error *err) {
    const size_t frames = window_frames(m), planes = (size_t)m->config.planes;
    s->draw = -1;
    s->sounding = calloc(frames, sizeof *s->sounding);
    s->onsets = calloc(frames, sizeof *s->onsets);
    s->known = calloc(frames, sizeof *s->known);
    s->windows = calloc(planes * frames, sizeof *s->windows);
    s->sketch = spiral__floats(2 * frames * planes * (size_t)m->ae.P); /* and scratch of the same size */
    s->grad = spiral__floats(spiral__decoder_floats(&m->decoder));
    s->dropout = spiral__floats(3 * SPIRAL__STREAM_FRAMES * m->decoder.H);
    for (int r = 0; r < SPIRAL__READERS; r++) s->scale[r] = spiral__floats(m->decoder.features.rows[r]);
    if (!s->sounding || !s->onsets || !s->known || !s->windows || !s->sketch || !s->grad || !s->dropout ||
        !s->scale[0] || !s->scale[1])
        return spiral__no_memory(err, frames * sizeof(float));
    SPIRAL_TRY(spiral_model_work_create(m, &s->work, err));
    return spiral__decoder_part_create(m, SPIRAL__STREAM_FRAMES, 1, &s->part, err);
}

static void clear_stream(spiral__training_stream *s) {
    void *owned[] = {s->sounding, s->onsets,  s->known,    s->windows, s->sketch,
                     s->grad,     s->dropout, s->scale[0], s->scale[1]};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    spiral_model_work_destroy(s->work);
    spiral__decoder_part_clear(&s->part);
}

/* Cuts all files into stretches; with a NULL list only counts them. */
static size_t cut(const spiral_corpus *corpus, spiral__stretch *list) {
    size_t count = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const spiral__corpus_entry *e = &corpus->entries[i];
        for (size_t begin = 0; !e->left_out && begin < e->roll.frames; begin += SPIRAL__STRETCH_FRAMES) {
            const size_t left = e->roll.frames - begin;
            if (list)
                list[count] = (spiral__stretch){
                    i, begin, left < SPIRAL__STRETCH_FRAMES ? left : SPIRAL__STRETCH_FRAMES};
            count++;
        }
    }
    return count;
}

static spiral_status allocate(spiral__decoder_objective *o, spiral_error *err) {
    o->count = cut(o->corpus, NULL);
    if (!o->count) return spiral__fail(err, SPIRAL_NO_DATA, -1, "the files have no frame");
    o->stretches = calloc(o->count, sizeof *o->stretches);
    o->order = calloc(o->count, sizeof *o->order);
    if (!o->stretches || !o->order) return spiral__no_memory(err, o->count * sizeof *o->stretches);
    cut(o->corpus, o->stretches);
    for (size_t i = 0; i < o->count; i++) o->frames += o->stretches[i].frames;
    for (int i = 0; i < SPIRAL__STREAMS; i++) SPIRAL_TRY(create_stream(o->model, &o->streams[i], err));
    return SPIRAL_OK;
}

spiral_status spiral__decoder_objective_create(const spiral__train_settings *settings,
                                               const spiral_model *model, const spiral_corpus *corpus,
                                               spiral__pool *pool, spiral__decoder_objective *o,
                                               spiral_error *err) {
    *o = (spiral__decoder_objective){
        .settings = settings, .model = model, .corpus = corpus, .pool = pool, .epoch = -1};
    spiral_status status = allocate(o, err);
    if (status != SPIRAL_OK) spiral__decoder_objective_clear(o);
    return status;
}

void spiral__decoder_objective_clear(spiral__decoder_objective *o) {
    for (int i = 0; i < SPIRAL__STREAMS; i++) clear_stream(&o->streams[i]);
    free(o->stretches);
    free(o->order);
    memset(o, 0, sizeof *o);
}

/* ---- drawing ---- */

/* The stretch of a draw: in every epoch each is drawn once. */
static const spiral__stretch *stretch_of(spiral__decoder_objective *o, int64_t draw) {
    const int64_t count = (int64_t)o->count, epoch = draw / count;
    if (epoch != o->epoch) {
        spiral__rng rng = spiral__rng_init(o->settings->options.seed, ORDER + (uint64_t)epoch);
        for (size_t i = 0; i < o->count; i++) {
            const size_t j = spiral__rng_below(&rng, i + 1);
            o->order[i] = o->order[j];
            o->order[j] = i;
        }
        o->epoch = epoch;
    }
    return &o->stretches[o->order[draw % count]];
}

/* Semitones, -transpose .. transpose, that leave all notes within the keys. */
static int draw_shift(const spiral__decoder_objective *o, const spiral__training_stream *s,
                      spiral__rng *rng) {
    const int transpose = o->settings->options.transpose, low = o->model->config.low,
              high = o->model->config.high;
    spiral_keys used = {{0, 0}};
    for (size_t t = 0; t < s->frames; t++)
        for (int w = 0; w < 2; w++) used.word[w] |= s->sounding[t].word[w];
    int down = -transpose, up = transpose;
    for (int key = low; key <= high; key++) {
        if (!spiral_keys_get(&used, key)) continue;
        if (low - key > down) down = low - key;
        if (high - key < up) up = high - key;
    }
    return down + (int)spiral__rng_below(rng, (uint64_t)(up - down + 1));
}

/* Consecutive windows of the stretch, encoded, moved at random, decoded: probabilities (frames, planes, P).
 */
static void draw_sketch(const spiral_model *m, spiral__training_stream *s, spiral__rng *rng) {
    const spiral__autoencoder *ae = &m->ae;
    const size_t T = (size_t)ae->T, P = (size_t)ae->P, planes = (size_t)ae->planes, Z = ae->Z;
    const float *factor = spiral__tensor_data(m, ae->latents_factor);
    const double noise = LATENT_NOISE * spiral__rng_uniform(rng);
    float *logits = s->sketch + window_frames(m) * planes * P;
    float latent[1024], moved[1024];
    for (size_t begin = 0; begin < s->frames; begin += T) {
        spiral_keys *window = s->windows;
        for (size_t t = 0; t < T; t++) {
            const int inside = begin + t < s->frames;
            window[t] = inside ? s->sounding[begin + t] : (spiral_keys){{0, 0}};
            if (planes == 2) window[T + t] = inside ? s->onsets[begin + t] : (spiral_keys){{0, 0}};
        }
        spiral_model_encode(m, 1, window, latent, NULL, s->work);
        memcpy(moved, latent, Z * sizeof *moved);
        for (size_t j = 0; j < Z; j++) {
            const float n = (float)(noise * spiral__rng_normal(rng));
            for (size_t i = 0; i < Z; i++) moved[i] += factor[i * Z + j] * n;
        }
        spiral_model_decode(m, 1, moved, logits, s->work);
        for (size_t plane = 0; plane < planes; plane++)
            for (size_t t = 0; t < T; t++)
                for (size_t p = 0; p < P; p++)
                    s->sketch[((begin + t) * planes + plane) * P + p] =
                        (float)(1 / (1 + exp(-(double)logits[(plane * T + t) * P + p])));
    }
}

/* The history of a stretch that does not begin its piece: as many frames before it as have an effect.
 */
static void remember(const spiral_model *m, const spiral_roll *roll, size_t begin, int shift,
                     spiral__history *history) {
    const size_t first = begin < REMEMBERED ? 0 : begin - REMEMBERED;
    for (size_t t = first; t < begin; t++) {
        const spiral_keys sounding = spiral_keys_transpose(roll->sounding[t], shift);
        const spiral_keys onsets =
            roll->onsets ? spiral_keys_transpose(roll->onsets[t], shift) : (spiral_keys){{0, 0}};
        spiral__history_add(&m->decoder.features, history, sounding, roll->onsets ? &onsets : NULL);
    }
    history->t = begin;
}

/* Puts a stream at the beginning of a draw's stretch: a pure function of seed and draw. */
static void begin_stretch(spiral__decoder_objective *o, spiral__training_stream *s, int64_t draw) {
    const spiral_model *m = o->model;
    const spiral__stretch *stretch = stretch_of(o, draw);
    const spiral_roll *roll = &o->corpus->entries[stretch->file].roll;
    spiral__rng rng = spiral__rng_init(o->settings->options.seed, STRETCH + (uint64_t)draw);
    s->draw = draw;
    s->frames = stretch->frames;
    s->at = 0;
    s->roll = roll;
    memcpy(s->sounding, roll->sounding + stretch->begin, s->frames * sizeof *s->sounding);
    if (roll->onsets) memcpy(s->onsets, roll->onsets + stretch->begin, s->frames * sizeof *s->onsets);
    const int shift = draw_shift(o, s, &rng);
    for (size_t t = 0; t < s->frames; t++) {
        s->sounding[t] = spiral_keys_transpose(s->sounding[t], shift);
        s->onsets[t] = spiral_keys_transpose(s->onsets[t], shift);
    }
    const double kind = spiral__rng_uniform(&rng);
    const int given = kind < GIVEN + BOTH, sketched = kind >= GIVEN && kind < GIVEN + BOTH + SKETCH;
    const spiral_keys *onsets = roll->onsets ? s->onsets : NULL;
    if (given)
        spiral__given_mask_draw(&rng, s->sounding, onsets, s->frames, m->config.low, m->config.high,
                                s->known);
    if (sketched) draw_sketch(m, s, &rng);
    s->conditions = (spiral__conditions){stretch->begin, s->frames, given ? s->known : NULL,
                                         s->sounding,    onsets,    sketched ? s->sketch : NULL};
    spiral__decoder_part_begin(&s->part);
    remember(m, roll, stretch->begin, shift, &s->part.history);
}

/* Advances a stream without training; the state is unchanged. */
static void skip(spiral__training_stream *s, size_t frames) {
    const spiral__features *f = &s->part.model->decoder.features;
    for (; frames && s->at < s->frames; frames--, s->at++)
        spiral__history_add(f, &s->part.history, s->sounding[s->at],
                            s->conditions.onsets ? &s->onsets[s->at] : NULL);
}

void spiral__decoder_objective_start(spiral__decoder_objective *o) {
    o->draws = 0;
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        spiral__training_stream *s = &o->streams[i];
        begin_stretch(o, s, o->draws++);
        spiral__rng rng = spiral__rng_init(o->settings->options.seed, ORDER - 1 - (uint64_t)i);
        const size_t parts = s->frames / SPIRAL__STREAM_FRAMES;
        if (parts) skip(s, spiral__rng_below(&rng, parts) * SPIRAL__STREAM_FRAMES);
    }
}

/* ---- a step ---- */

/* n times 0, for a share of them, or 1 / (1 - share). */
static void draw_mask(spiral__rng *rng, double share, size_t n, float *mask) {
    for (size_t i = 0; i < n; i++) mask[i] = spiral__rng_uniform(rng) < share ? 0 : (float)(1 / (1 - share));
}

static double dropped_units(const spiral__decoder_objective *o) {
    const double frames = (double)o->frames;
    return fmin(DROPPED_MOST, DROPPED_UNITS / frames * fmax(1, SCARCE / frames));
}

/* The dropout of stream i in the step that was drawn: a pure function of seed, step and stream. Rows are left
 * out for all frames of the step, units of the head for all keys of a frame. */
static spiral__dropout draw_dropout(spiral__decoder_objective *o, int i) {
    spiral__training_stream *s = &o->streams[i];
    const spiral__decoder *d = &o->model->decoder;
    const size_t n = SPIRAL__STREAM_FRAMES * d->H;
    const uint64_t number = (uint64_t)o->step * SPIRAL__STREAMS + (uint64_t)i;
    spiral__rng rng = spiral__rng_init(o->settings->options.seed, ROWS + number);
    for (int r = 0; r < SPIRAL__READERS; r++) draw_mask(&rng, DROPPED_ROWS, d->features.rows[r], s->scale[r]);
    rng = spiral__rng_init(o->settings->options.seed, UNITS + number);
    draw_mask(&rng, dropped_units(o), 3 * n, s->dropout);
    return (spiral__dropout){s->dropout, s->dropout + n, s->dropout + 2 * n};
}

static void stream_task(void *context, size_t i, int worker) {
    (void)worker;
    spiral__decoder_objective *o = context;
    spiral__training_stream *s = &o->streams[i];
    const spiral__features *f = &o->model->decoder.features;
    const spiral_keys *sounding = s->sounding + s->at;
    const spiral_keys *onsets = s->conditions.onsets ? s->onsets + s->at : NULL;
    const float *const scale[] = {s->scale[0], s->scale[1]};
    const spiral__dropout dropout = draw_dropout(o, (int)i);
    memset(s->grad, 0, spiral__decoder_floats(&o->model->decoder) * sizeof *s->grad);
    spiral__decoder_part_forward(&s->part, s->step_frames, sounding, onsets, &s->conditions, scale, &dropout);
    s->nats = 0;
    for (size_t t = 0; t < s->step_frames; t++) {
        float *logits = s->part.logits + t * (size_t)(f->P * f->planes);
        s->nats +=
            spiral__frame_nats(f, logits, &sounding[t], onsets ? &onsets[t] : NULL,
                               s->conditions.known ? &s->known[s->at + t] : NULL, o->frame_scale, logits);
    }
    spiral__lap(SPIRAL__LAP_NATS, 0);
    spiral__decoder_part_backward(&s->part, s->grad);
    s->at += s->step_frames;
}

/* This counts as one kind of work, although it uses the autoencoder. */
static void begin_next_stretch(spiral__decoder_objective *o, spiral__training_stream *s) {
    spiral__laps *laps = spiral__laps_now;
    spiral__laps_now = NULL;
    begin_stretch(o, s, o->draws++);
    spiral__laps_now = laps;
}

size_t spiral__decoder_objective_draw(spiral__decoder_objective *o, int64_t step) {
    size_t frames = 0;
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        spiral__training_stream *s = &o->streams[i];
        if (s->at >= s->frames) begin_next_stretch(o, s);
        const size_t left = s->frames - s->at;
        s->step_frames = left < SPIRAL__STREAM_FRAMES ? left : SPIRAL__STREAM_FRAMES;
        frames += s->step_frames;
    }
    o->frame_scale = 1.0f / (float)frames;
    o->step = step;
    return frames;
}

/* No states are computed here: the state before the part stays in place. */
void spiral__decoder_objective_read(spiral__decoder_objective *o, int stream, int wanted,
                                    spiral__dropout *dropout) {
    spiral__training_stream *s = &o->streams[stream];
    const float *const scale[] = {s->scale[0], s->scale[1]};
    if (!wanted) {
        *dropout = (spiral__dropout){NULL, NULL, NULL};
        skip(s, s->step_frames);
        return;
    }
    *dropout = draw_dropout(o, stream);
    spiral__decoder_part_read(&s->part, s->step_frames, s->sounding + s->at,
                              s->conditions.onsets ? s->onsets + s->at : NULL, &s->conditions, scale);
    s->part.frames = 0;
    s->at += s->step_frames;
}

spiral_status spiral__decoder_objective_gradient(spiral__decoder_objective *o, int64_t step, float *grad,
                                                 double *nats, spiral_error *err) {
    const size_t floats = spiral__decoder_floats(&o->model->decoder);
    const size_t frames = spiral__decoder_objective_draw(o, step);
    spiral__lap(SPIRAL__LAP_STRETCHES, 0);
    spiral__nn_par_for(o->pool, SPIRAL__STREAMS, stream_task, o);
    *nats = 0;
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        spiral__nn_kernels_get()->add(floats, o->streams[i].grad, grad);
        *nats += o->streams[i].nats / (double)frames;
    }
    spiral__lap(SPIRAL__LAP_STREAM_SUM, 0);
    if (isfinite(*nats)) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_NUMERIC, -1, "the decoder's loss is not finite at step %lld",
                        (long long)step + 1);
}

/* ---- going on later ---- */

/* The state before the next part. */
static float *state_of(const spiral__decoder_objective *o, const spiral__training_stream *s) {
    return s->part.hidden + s->part.frames * state_floats(o);
}

void spiral__decoder_objective_get_state(const spiral__decoder_objective *o, int64_t *numbers,
                                         float *states) {
    const size_t n = state_floats(o);
    numbers[0] = o->draws;
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        const spiral__training_stream *s = &o->streams[i];
        numbers[1 + 2 * i] = s->draw;
        numbers[2 + 2 * i] = (int64_t)s->at;
        if (states) memcpy(states + (size_t)i * n, state_of(o, s), n * sizeof *states);
    }
}

spiral_status spiral__decoder_objective_set_state(spiral__decoder_objective *o, const int64_t *numbers,
                                                  const float *states, spiral_error *err) {
    const size_t n = state_floats(o);
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        spiral__training_stream *s = &o->streams[i];
        const int64_t draw = numbers[1 + 2 * i], at = numbers[2 + 2 * i];
        if (draw < 0 || draw >= numbers[0] || at < 0 || at > SPIRAL__STRETCH_FRAMES)
            return spiral__fail(err, SPIRAL_FORMAT, -1, "frame %lld of draw %lld is not possible",
                                (long long)at, (long long)draw);
        begin_stretch(o, s, draw);
        skip(s, (size_t)at);
        memcpy(s->part.hidden, states + (size_t)i * n, n * sizeof *states);
    }
    o->draws = numbers[0];
    return SPIRAL_OK;
}
