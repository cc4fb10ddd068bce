/* SPDX-License-Identifier: MIT
 *
 * Sets how frames are sampled (decode/sampling.h), so that events occur in samples as often as in the
 * training music. In several rounds, samples are drawn, and each weight is changed by the logarithm of the
 * ratio of the event's counts in music and samples. This is done for each basis: free samples, samples under
 * the top voices of training pieces, and samples from random latents.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/par.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "decode/given_top.h"
#include "decode/writer.h"
#include "generate/calibrate.h"
#include "generate/latents.h"
#include "model/decoder.h"
#include "model/model.h"
#include "spiral/generate.h"

enum {
    /* The result is the mean of the weights over the second half of the rounds, whose steps are smaller. The
     * first half only brings the weights near to it; a few samples are enough for that. */
    ROUNDS = 14,
    OTHER_ROUNDS = 6, /* of the other bases, which begin with the weights of free samples */
    ALL_ROUNDS = ROUNDS + OTHER_ROUNDS * (SPIRAL__BASES - 1),
    SAMPLES_MAX = SPIRAL_CALIBRATION_SAMPLES_MAX,
    SAMPLES_MIN = SPIRAL_CALIBRATION_SAMPLES_MIN,
    SAMPLE_FRAMES = 128,
    PIECE_FRAMES = SAMPLE_FRAMES, /* at the beginning of each file, because samples are beginnings too */
    FILES_MAX = 1024
};

static const uint64_t SEED = UINT64_C(0x63616c6962), LATENT_STREAM = UINT64_C(0x6c6174656e74);
/* The sketch of random latents has few probabilities near 0 or 1. This is the default temperature of the
 * commands that read latents. */
static const float SKETCH_TEMPERATURE = 0.5f;
/* The choices of a frame depend on each other, so their weights are changed in smaller steps. */
static const float WAY_RATE = 0.5f, WAY_MAX = 3;
/* Frames whose weights add up to 0 are kept with probability exp(-1), so others can be kept more often. */
static const float HEADROOM = 1;
/* With this headroom and other weights of 0 a frame is kept with probability exp(-2), after at most
 * FRAME_TRIES (writer.c) draws: five on average, about as many as in a whole calibration. */
static const float REHEARSAL_HEADROOM = 2;
static const double FEW = 4; /* added to both counts, because the ratio of two small counts is uncertain */

/* ---- counts ---- */

/* Counts over the frames that are not the first; `way` is over all frames. */
typedef struct counts {
    double way[SPIRAL__WAYS];
    double frames, clashes, parallels;
    double beats;       /* frames on a beat */
    double held, again; /* keys that sounded before and sound now, and how many of them begin again */
    double begins, foreign, fresh; /* only after some pitch classes have sounded */
    double new_chord, rises, falls;
    double from[SPIRAL__VOICES], more[SPIRAL__VOICES], fewer[SPIRAL__VOICES];
    double voices, voices_squared;
} counts;

enum { COUNTS = sizeof(counts) / sizeof(double) };

static void add_counts(const counts *from, counts *to) {
    for (size_t i = 0; i < COUNTS; i++) ((double *)to)[i] += ((const double *)from)[i];
}

static void count_frame(const spiral__frame_events *e, counts *c) {
    const int class = spiral__voices_class(e->before);
    for (int i = 0; i < e->chosen_count; i++) c->way[e->chosen[i]]++;
    if (e->is_first) return;
    c->frames++;
    c->beats += e->on_beat;
    c->clashes += e->clashes;
    c->parallels += e->parallels;
    c->held += e->held;
    c->again += e->again;
    c->begins += e->begins;
    c->foreign += e->foreign;
    c->fresh += e->fresh;
    c->rises += e->rises;
    c->falls += e->falls;
    c->new_chord += e->new_chord;
    c->from[class]++;
    c->more[class] += e->now > e->before;
    c->fewer[class] += e->now < e->before;
    c->voices += e->now;
    c->voices_squared += (double)e->now * e->now;
}

/* Counts the events of the first `frames` frames of a roll. */
static counts count_roll(const spiral__features *f, const spiral_keys *sounding, const spiral_keys *onsets,
                         size_t frames) {
    counts c = {0};
    spiral__history history;
    spiral__history_begin(&history);
    for (size_t t = 0; t < frames; t++) {
        spiral__moment moment;
        spiral__decided decided = {.count = 0};
        int parallels = 0;
        spiral__moment_init(f, &history, NULL, &moment);
        const spiral_keys starts =
            spiral_keys_starts(&history.sounding, &sounding[t], onsets ? &onsets[t] : NULL);
        for (int p = 0; p < f->P; p++) {
            if (!spiral_keys_get(&sounding[t], f->low + p)) continue;
            parallels += spiral__moves_in_parallel(&moment, &decided, p) != 0;
            spiral__decided_add(f, &decided, p, spiral_keys_get(&starts, f->low + p));
        }
        const spiral__frame_events events = spiral__frame_events_get(&moment, &decided, parallels);
        count_frame(&events, &c);
        spiral__history_add(f, &history, decided.sounding, f->planes == 2 ? &decided.onsets : NULL);
    }
    return c;
}

/* ---- the training music ---- */

typedef struct file_limits {
    double voices_max, same_max;
} file_limits;

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile_95(double *values, size_t n) {
    qsort(values, n, sizeof *values, ascending);
    return values[(n - 1) * 19 / 20];
}

static file_limits limits_of(const spiral__features *f, const spiral_roll *roll) {
    const size_t bar = f->bar ? (size_t)f->bar : 16;
    file_limits l = {0, 0};
    size_t same = 0;
    double keys = 0;
    for (size_t t = 0; t < roll->frames; t++) {
        const spiral_keys *now = &roll->sounding[t], *before = t ? now - 1 : NULL;
        const spiral_keys starts = spiral_keys_starts(before, now, roll->onsets ? &roll->onsets[t] : NULL);
        const int changes = !before || spiral_keys_any(starts) || !spiral_keys_equal(*now, *before);
        same = changes ? 1 : same + 1;
        if ((double)same > l.same_max) l.same_max = (double)same;
        keys += spiral_keys_count(*now);
        if ((t + 1) % bar) continue;
        if (keys / (double)bar > l.voices_max) l.voices_max = keys / (double)bar;
        keys = 0;
    }
    return l;
}

/* Counts the events of the corpus, and sets its limits in *s. */
static spiral_status count_corpus(const spiral__features *f, const spiral_corpus *corpus, spiral__sampling *s,
                                  counts *sum, spiral_error *err) {
    const size_t stride = (corpus->count + FILES_MAX - 1) / FILES_MAX;
    double *limits = calloc(2 * (corpus->count + 1), sizeof *limits), *voices = limits;
    if (!limits) return spiral__no_memory(err, 2 * (corpus->count + 1) * sizeof *limits);
    double *same = limits + corpus->count + 1;
    size_t n = 0;
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < corpus->count; i += stride) {
        const spiral_roll *roll = &corpus->entries[i].roll;
        if (corpus->entries[i].left_out || !roll->frames) continue;
        const file_limits l = limits_of(f, roll);
        voices[n] = l.voices_max;
        same[n++] = l.same_max;
        const counts c = count_roll(f, roll->sounding, roll->onsets,
                                    roll->frames < PIECE_FRAMES ? roll->frames : PIECE_FRAMES);
        add_counts(&c, sum);
    }
    if (n && sum->frames > 0) {
        s->voices_max = (float)percentile_95(voices, n);
        s->same_max = (float)percentile_95(same, n);
        s->voices_mean = (float)(sum->voices / sum->frames);
        s->voices_sd =
            (float)sqrt(fmax(0, sum->voices_squared / sum->frames - (double)s->voices_mean * s->voices_mean));
    }
    free(limits);
    return n && sum->frames > 0 ? SPIRAL_OK : spiral__fail(err, SPIRAL_NO_DATA, -1, "no file has two frames");
}

/* ---- samples ---- */

typedef struct sampling_job {
    const spiral_model *model;
    const spiral__decoder_weights *decoder;
    const spiral_corpus *corpus;
    const spiral__sampling *sampling;
    spiral__basis basis;
    uint64_t seed;
    size_t samples, later_samples; /* in the round, and in each of the later half */
    const spiral__calibration *plan;
    double drawn;                                   /* samples, so far */
    counts counts[SAMPLES_MAX], music[SAMPLES_MAX]; /* music: of the piece whose top voice is given */
    spiral_status statuses[SAMPLES_MAX];
} sampling_job;

/* The given cells or the sketch of a sample. */
typedef struct basis_data {
    spiral_keys known[SAMPLE_FRAMES];
    float *sketch; /* (SAMPLE_FRAMES, planes, P), then a latent for each window */
} basis_data;

/* The i-th of n rolls that are spread evenly over a corpus. It has at least one roll with frames. */
static const spiral_roll *roll_at(const spiral_corpus *c, size_t i, size_t n) {
    size_t at = i * c->count / n;
    while (c->entries[at].left_out || !c->entries[at].roll.frames) at = (at + 1) % c->count;
    return &c->entries[at].roll;
}

static void give_top(const sampling_job *j, size_t i, basis_data *data, spiral__request *request,
                     counts *music) {
    const spiral__features *f = j->decoder->features;
    const spiral_roll *roll = roll_at(j->corpus, i, j->samples);
    if (roll->frames < request->frames) request->frames = roll->frames;
    spiral__give_top(f->low, f->low + f->P - 1, roll->sounding, request->frames, data->known);
    request->known = data->known;
    request->sounding = roll->sounding;
    request->onsets = roll->onsets;
    *music = count_roll(f, roll->sounding, roll->onsets, request->frames);
}

static spiral_status draw_sketch(const sampling_job *j, size_t i, basis_data *data,
                                 spiral__request *request) {
    const spiral_model *m = j->model;
    const size_t Z = m->ae.Z, cells = (size_t)(SAMPLE_FRAMES * m->ae.planes * m->ae.P);
    const size_t windows = spiral_latents_count(m, SAMPLE_FRAMES);
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    spiral__rng rng = spiral__rng_init(j->seed + i, LATENT_STREAM);
    data->sketch = spiral__floats(cells + windows * Z);
    if (!data->sketch) return SPIRAL_NO_MEMORY;
    for (float *z = data->sketch + cells; z < data->sketch + cells + windows * Z; z += Z) {
        memcpy(z, mean, Z * sizeof *z);
        for (size_t b = 0; b < Z; b++) {
            const double n = spiral__rng_normal(&rng);
            for (size_t a = b; a < Z; a++) z[a] += (float)((double)F[a * Z + b] * n);
        }
    }
    request->sketch = data->sketch;
    request->temperature = SKETCH_TEMPERATURE;
    return spiral_sketch_from_latents(m, data->sketch + cells, SAMPLE_FRAMES, data->sketch, NULL);
}

static spiral_status write_sample(sampling_job *j, size_t i, basis_data *data) {
    spiral_keys sounding[SAMPLE_FRAMES], onsets[SAMPLE_FRAMES];
    spiral_keys *second = j->decoder->features->planes == 2 ? onsets : NULL;
    spiral__request request = {
        .frames = SAMPLE_FRAMES, .temperature = 1, .voices = SPIRAL__ANY_DENSITY, .tries = 1};
    spiral__writer_result written;
    spiral__writer writer;
    if (j->basis == SPIRAL__UNDER_GIVEN) give_top(j, i, data, &request, &j->music[i]);
    if (j->basis == SPIRAL__SKETCHED) SPIRAL_TRY(draw_sketch(j, i, data, &request));
    spiral_status status = spiral__writer_create(j->decoder, j->sampling, &request, &writer, NULL);
    if (status == SPIRAL_OK)
        status = spiral__writer_run(&writer, j->seed + i, sounding, second, &written, NULL);
    spiral__writer_clear(&writer);
    if (status != SPIRAL_OK) return status;
    j->counts[i] = count_roll(j->decoder->features, sounding, second, request.frames);
    return SPIRAL_OK;
}

static void sample_task(void *context, size_t i, int worker) {
    sampling_job *j = context;
    basis_data data = {.sketch = NULL};
    (void)worker;
    j->statuses[i] = write_sample(j, i, &data);
    free(data.sketch);
}

/* Draws samples. *sum: their counts. *music: under given voices, the counts of the pieces of these voices. */
static spiral_status count_samples(sampling_job *j, uint64_t seed, spiral__pool *pool, counts *sum,
                                   counts *music, spiral_error *err) {
    j->seed = seed;
    spiral__par_for(pool, j->samples, sample_task, j);
    memset(sum, 0, sizeof *sum);
    if (j->basis == SPIRAL__UNDER_GIVEN) memset(music, 0, sizeof *music);
    for (size_t i = 0; i < j->samples; i++) {
        if (j->statuses[i] != SPIRAL_OK) return spiral__no_memory(err, 0);
        add_counts(&j->counts[i], sum);
        if (j->basis == SPIRAL__UNDER_GIVEN) add_counts(&j->music[i], music);
    }
    return SPIRAL_OK;
}

/* ---- weights ---- */

/* The change of a weight if `sampled` events were counted instead of `wanted`. */
static float step(double sampled, double wanted) { return (float)log((wanted + FEW) / (sampled + FEW)); }

static float at_most_0(float x) { return x < 0 ? x : 0; }

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static double sum_of(const double *values, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += values[i];
    return sum;
}

/* Changes the weights of the n ways of a context, and shifts them so that their mean in the samples is 0. */
static void move_ways(const double *sample, const double *music, int n, float rate, float *weights) {
    const double sampled = sum_of(sample, n), length = ratio(sampled, sum_of(music, n));
    double mean = 0;
    for (int i = 0; i < n; i++) {
        weights[i] += rate * step(sample[i], music[i] * length);
        mean += ratio(sample[i] * (double)weights[i], sampled);
    }
    for (int i = 0; i < n; i++) weights[i] = fmaxf(-WAY_MAX, fminf(WAY_MAX, weights[i] - (float)mean));
}

/* Changes the weights s. sample: counts of samples that were drawn with s. rate: at most 1. */
static void move_weights(const counts *sample, const counts *music, float rate, spiral__frame_weights *s) {
    const double length = ratio(sample->frames, music->frames);
    for (int i = 0; i < SPIRAL__VOICES; i++) {
        const double frames = ratio(sample->from[i], music->from[i]);
        s->more[i] += rate * step(sample->more[i], music->more[i] * frames);
        s->fewer[i] += rate * step(sample->fewer[i], music->fewer[i] * frames);
    }
    s->headroom = HEADROOM;
    for (int i = 0; i < SPIRAL__CHOICES; i++) {
        const spiral__choice_shape *c = &spiral__choice_shapes[i];
        for (int at = c->first; at < c->first + c->contexts * c->ways; at += c->ways)
            move_ways(&sample->way[at], &music->way[at], c->ways, rate * WAY_RATE, &s->way[at]);
    }
    s->again += rate * step(sample->again, music->again * ratio(sample->held, music->held));
    s->foreign = at_most_0(
        s->foreign + rate * step(sample->foreign, music->foreign * ratio(sample->begins, music->begins)));
    s->fresh =
        at_most_0(s->fresh + rate * step(sample->fresh, music->fresh * ratio(sample->begins, music->begins)));
    s->clash = at_most_0(s->clash + rate * step(sample->clashes, music->clashes * length));
    s->parallel = at_most_0(s->parallel + rate * step(sample->parallels, music->parallels * length));
    const double beats = ratio(sample->beats, music->beats);
    s->new_chord = at_most_0(s->new_chord + rate * step(sample->new_chord, music->new_chord * beats));
    /* Divided by 4, because voices rise by several semitones at once. */
    s->rise +=
        rate / 4 * (step(sample->rises, music->rises * length) - step(sample->falls, music->falls * length));
}

/* The samples of a later round: as many frames as the music has, but at least SAMPLES_MIN and at most
 * `most` samples. */
static int samples_of_round(const counts *music, int most) {
    const double fill = ceil(music->frames / SAMPLE_FRAMES);
    return fill < SAMPLES_MIN ? SAMPLES_MIN : fill < most ? (int)fill : most;
}

double spiral__calibrate_samples(int samples) { return ALL_ROUNDS / 2 * (SAMPLES_MIN + samples); }

static spiral_status report_round(sampling_job *j, spiral_error *err) {
    const double all = spiral__calibrate_samples((int)j->later_samples);
    j->drawn += (double)j->samples;
    if (j->plan->callback && j->plan->callback(j->plan->context, j->drawn / all))
        return spiral__fail(err, SPIRAL_INTERRUPTED, -1, "the calibration was stopped");
    return SPIRAL_OK;
}

/* Sets the weights of one basis, beginning with the weights in *s. */
static spiral_status calibrate(sampling_job *j, spiral__basis basis, const counts *all, spiral__pool *pool,
                               spiral__sampling *s, spiral_error *err) {
    enum { WEIGHTS = sizeof(spiral__frame_weights) / sizeof(float) };
    spiral__frame_weights *weights = &s->weights[basis], mean = {0};
    float *at = (float *)weights, *sum = (float *)&mean;
    counts sampled, music = *all;
    const int rounds = basis == SPIRAL__FREE ? ROUNDS : OTHER_ROUNDS, first = rounds / 2;
    j->basis = basis;
    for (int i = 0; i < rounds; i++) {
        const uint64_t seed = SEED + (uint64_t)(((int)basis * ROUNDS + i) * SAMPLES_MAX);
        j->samples = i < first ? SAMPLES_MIN : j->later_samples;
        const float rate = i < first ? 1 : 0.5f;
        SPIRAL_TRY(count_samples(j, seed, pool, &sampled, &music, err));
        move_weights(&sampled, &music, rate, weights);
        for (int k = 0; k < WEIGHTS && i >= first; k++) sum[k] += at[k] / (float)(rounds - first);
        SPIRAL_TRY(report_round(j, err));
    }
    *weights = mean;
    return SPIRAL_OK;
}

static spiral_status calibrate_bases(sampling_job *j, const counts *music, spiral__pool *pool,
                                     spiral__sampling *s, spiral_error *err) {
    spiral_status status = SPIRAL_OK;
    for (spiral__basis b = 0; status == SPIRAL_OK && b < SPIRAL__BASES; b++) {
        if (b != SPIRAL__FREE) s->weights[b] = s->weights[SPIRAL__FREE];
        status = calibrate(j, b, music, pool, s, err);
    }
    return status;
}

static spiral_status calibrate_all(const spiral_model *m, const spiral_corpus *corpus, const counts *music,
                                   const spiral__calibration *plan, spiral__pool *pool, spiral__sampling *s,
                                   spiral_error *err) {
    const spiral__decoder_weights decoder = spiral__decoder_get_weights(m);
    sampling_job *j = calloc(1, sizeof *j);
    if (!j) return spiral__no_memory(err, sizeof *j);
    j->model = m;
    j->decoder = &decoder;
    j->corpus = corpus;
    j->sampling = s;
    j->plan = plan;
    j->later_samples = (size_t)samples_of_round(music, plan->samples);
    const spiral_status status = calibrate_bases(j, music, pool, s, err);
    free(j);
    return status;
}

/* ---- passages that are similar to training music ---- */

enum { UNSEEN_FILES = 24 };

int spiral_generate_passage_frames(const spiral_model *m) {
    const spiral_grid *grid = &m->config.grid;
    int frames = grid->kind == SPIRAL_GRID_BEATS ? 16 * grid->steps_per_quarter : m->config.frames / 4 * 4;
    if (frames < 4) frames = 4;
    return frames < SPIRAL_WINDOW_FRAMES_MAX ? frames : SPIRAL_WINDOW_FRAMES_MAX;
}

double spiral_generate_passage_limit(const spiral_model *m) {
    const float limit = m->decoder.H ? spiral__decoder_get_sampling(m).passage_max : 0;
    return limit > 0 ? (double)limit : NAN;
}

/* Interpolated linearly between two values. */
static double percentile_99(double *values, size_t n) {
    const double at = 0.99 * (double)(n - 1);
    const size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    qsort(values, n, sizeof *values, ascending);
    return values[below] + (at - (double)below) * (values[above] - values[below]);
}

/* Sets the limit from a few unseen pieces, evenly spread. If all are shorter than a passage, it stays
 * unknown. */
static spiral_status find_limit(const spiral_model *m, const spiral_corpus *corpus,
                                const spiral_corpus *unseen, int threads, spiral__sampling *s,
                                spiral_error *err) {
    double shares[UNSEEN_FILES];
    size_t n = 0;
    if (!unseen) return SPIRAL_OK;
    const size_t stride = (unseen->count + UNSEEN_FILES - 1) / UNSEEN_FILES;
    for (size_t i = 0; i < unseen->count; i += stride) {
        spiral_passage passage = {.struct_size = sizeof passage};
        if (unseen->entries[i].left_out) continue;
        const spiral_status status = spiral_corpus_nearest_passage(
            corpus, &unseen->entries[i].roll, spiral_generate_passage_frames(m), threads, &passage, err);
        if (status == SPIRAL_OK)
            shares[n++] = passage.share;
        else if (status != SPIRAL_NO_DATA)
            return status;
    }
    if (n) s->passage_max = (float)percentile_99(shares, n);
    return SPIRAL_OK;
}

spiral_status spiral__calibrate(spiral_model *m, const spiral_corpus *corpus, const spiral_corpus *unseen,
                                const spiral__calibration *plan, int threads, spiral_error *err) {
    if (!m->decoder.H)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "the model has no note-by-note decoder");
    if (plan->samples < SAMPLES_MIN || plan->samples > SAMPLES_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "samples is %d, must be %d to %d", plan->samples,
                            SAMPLES_MIN, SAMPLES_MAX);
    SPIRAL_TRY(spiral__corpus_check(corpus, &m->config.grid, m->config.planes, err));
    if (unseen) SPIRAL_TRY(spiral__corpus_check(unseen, &m->config.grid, m->config.planes, err));
    spiral__sampling s = {.calibrated = SPIRAL__CALIBRATED};
    counts music;
    spiral__pool *pool = NULL;
    spiral_status status = count_corpus(&m->decoder.features, corpus, &s, &music, err);
    if (status == SPIRAL_OK) status = find_limit(m, corpus, unseen, threads, &s, err);
    if (status == SPIRAL_OK) status = spiral__pool_create(threads, &pool, err);
    if (status == SPIRAL_OK) status = calibrate_all(m, corpus, &music, plan, pool, &s, err);
    spiral__pool_destroy(pool);
    if (status == SPIRAL_OK) memcpy(spiral__tensor_data(m, m->decoder.sampling), &s, sizeof s);
    return status;
}

spiral_status spiral_generate_calibrate(spiral_model *m, const spiral_corpus *corpus,
                                        const spiral_corpus *unseen, int samples, int threads,
                                        spiral_error *err) {
    const spiral__calibration plan = {.samples = samples};
    return spiral__calibrate(m, corpus, unseen, &plan, threads, err);
}

int spiral__calibrate_fit(double all, int most) {
    const double samples = floor(all / (ALL_ROUNDS / 2)) - SAMPLES_MIN;
    return samples < SAMPLES_MIN ? SAMPLES_MIN : samples < most ? (int)samples : most;
}

spiral_status spiral__calibrate_rehearse(const spiral_model *m, const spiral_corpus *corpus,
                                         const spiral_corpus *unseen, int threads, size_t samples, int *most,
                                         spiral_error *err) {
    const spiral__decoder_weights decoder = spiral__decoder_get_weights(m);
    spiral__sampling s = {.calibrated = SPIRAL__CALIBRATED}, first = {0};
    counts music, sampled;
    spiral__pool *pool;
    SPIRAL_TRY(count_corpus(decoder.features, corpus, &s, &music, err));
    first.weights[SPIRAL__FREE].headroom = REHEARSAL_HEADROOM;
    *most = samples_of_round(&music, SAMPLES_MAX);
    if (!samples) return find_limit(m, corpus, unseen, threads, &s, err);
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    sampling_job *j = calloc(1, sizeof *j);
    spiral_status status = j ? SPIRAL_OK : spiral__no_memory(err, sizeof *j);
    if (j)
        *j = (sampling_job){
            .model = m, .decoder = &decoder, .corpus = corpus, .sampling = &first, .samples = samples};
    if (status == SPIRAL_OK) status = count_samples(j, SEED, pool, &sampled, &music, err);
    free(j);
    spiral__pool_destroy(pool);
    return status;
}
