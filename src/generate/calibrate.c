/* SPDX-License-Identifier: MIT
 *
 * Sets how frames are sampled (decode/sampling.h), so that what happens in samples happens as often as in
 * training music: the weights are moved by the logarithm of the ratio of both counts, a few times over.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/par.h"
#include "data/corpus.h"
#include "decode/writer.h"
#include "generate/calibrate.h"
#include "model/decoder.h"
#include "model/model.h"
#include "spiral/generate.h"

enum {
    ROUNDS = 6,
    FIRST_AVERAGED = 2, /* of the rounds; the result is the mean of those from here on */
    SAMPLES = 64,       /* in a round, at most: as many frames as the music has, but no fewer than: */
    SAMPLES_FEWEST = 8,
    SAMPLE_FRAMES = 128,
    PIECE_FRAMES = SAMPLE_FRAMES, /* of the beginning of each file; samples are beginnings too */
    FILES_MOST = 1024
};

static const uint64_t SEED = UINT64_C(0x63616c6962);
static const double FEW = 4; /* added to counts: a ratio of few events says little */

/* ---- counts ----------------------------------------------------------------------------------------------
 */

/* Sums over frames that have one before them. Doubles, so that they can be scaled. */
typedef struct counts {
    double frames, same, clashes, parallels;
    double held, again;     /* keys that sound on, and those of them that begin again */
    double begins, foreign; /* once pitch classes have been heard */
    double from[SPIRAL__VOICES], more[SPIRAL__VOICES], fewer[SPIRAL__VOICES];
    double voices, voices_squared;
} counts;

enum { COUNTS = sizeof(counts) / sizeof(double) };

static void add_counts(const counts *from, counts *to) {
    for (size_t i = 0; i < COUNTS; i++) ((double *)to)[i] += ((const double *)from)[i];
}

static void count_frame(const spiral__frame_events *e, counts *c) {
    const int class = spiral__voices_class(e->before);
    c->frames++;
    c->same += !e->changed;
    c->clashes += e->clashes;
    c->parallels += e->parallels;
    c->held += e->held;
    c->again += e->again;
    c->begins += e->begins;
    c->foreign += e->foreign;
    c->from[class]++;
    c->more[class] += e->now > e->before;
    c->fewer[class] += e->now < e->before;
    c->voices += e->now;
    c->voices_squared += (double)e->now * e->now;
}

/* The events of the first frames of a roll. */
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
        if (t) count_frame(&events, &c);
        spiral__history_add(f, &history, decided.sounding, f->planes == 2 ? &decided.onsets : NULL);
    }
    return c;
}

/* ---- the training music ----------------------------------------------------------------------------------
 */

typedef struct file_limits {
    double voices_most, same_most;
} file_limits;

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that 95 % of n values do not exceed. */
static double most_of(double *values, size_t n) {
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
        const int changes = !before || starts.word[0] || starts.word[1] || now->word[0] != before->word[0] ||
                            now->word[1] != before->word[1];
        same = changes ? 1 : same + 1;
        if ((double)same > l.same_most) l.same_most = (double)same;
        keys += __builtin_popcountll(now->word[0]) + __builtin_popcountll(now->word[1]);
        if ((t + 1) % bar) continue;
        if (keys / (double)bar > l.voices_most) l.voices_most = keys / (double)bar;
        keys = 0;
    }
    return l;
}

/* Counts of the corpus, and its limits in *s. */
static spiral_status count_corpus(const spiral__features *f, const spiral_corpus *corpus, spiral__sampling *s,
                                  counts *sum, spiral_error *err) {
    const size_t stride = (corpus->count + FILES_MOST - 1) / FILES_MOST;
    double *limits = calloc(2 * (corpus->count + 1), sizeof *limits), *voices = limits;
    if (!limits) return spiral__no_memory(err, 2 * (corpus->count + 1) * sizeof *limits);
    double *same = limits + corpus->count + 1;
    size_t n = 0;
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < corpus->count; i += stride) {
        const spiral_roll *roll = &corpus->entries[i].roll;
        if (corpus->entries[i].left_out || !roll->frames) continue;
        const file_limits l = limits_of(f, roll);
        voices[n] = l.voices_most;
        same[n++] = l.same_most;
        const counts c = count_roll(f, roll->sounding, roll->onsets,
                                    roll->frames < PIECE_FRAMES ? roll->frames : PIECE_FRAMES);
        add_counts(&c, sum);
    }
    if (n && sum->frames > 0) {
        s->voices_most = (float)most_of(voices, n);
        s->same_most = (float)most_of(same, n);
        s->voices_mean = (float)(sum->voices / sum->frames);
        s->voices_sd =
            (float)sqrt(fmax(0, sum->voices_squared / sum->frames - (double)s->voices_mean * s->voices_mean));
    }
    free(limits);
    return n && sum->frames > 0 ? SPIRAL_OK
                                : spiral__fail(err, SPIRAL_NO_DATA, -1, "the files have no two frames");
}

/* ---- samples ---------------------------------------------------------------------------------------------
 */

typedef struct sampling_job {
    const spiral__writer *writer;
    uint64_t seed;
    counts counts[SAMPLES];
    spiral_status statuses[SAMPLES];
} sampling_job;

static void sample_task(void *context, size_t i, int worker) {
    sampling_job *j = context;
    spiral_keys sounding[SAMPLE_FRAMES], onsets[SAMPLE_FRAMES];
    spiral__written written;
    const spiral__features *f = j->writer->prefix.weights.features;
    spiral_keys *second = f->planes == 2 ? onsets : NULL;
    (void)worker;
    j->statuses[i] = spiral__writer_run(j->writer, j->seed + i, sounding, second, &written, NULL);
    if (j->statuses[i] == SPIRAL_OK) j->counts[i] = count_roll(f, sounding, second, SAMPLE_FRAMES);
}

static spiral_status count_samples(const spiral__decoder_weights *weights, const spiral__sampling *s,
                                   uint64_t seed, size_t samples, spiral__pool *pool, sampling_job *j,
                                   counts *sum, spiral_error *err) {
    const spiral__request request = {
        .frames = SAMPLE_FRAMES, .temperature = 1, .voices = SPIRAL__ANY_DENSITY, .tries = 1};
    spiral__writer writer;
    spiral_status status = spiral__writer_create(weights, s, &request, &writer, err);
    j->writer = &writer;
    j->seed = seed;
    if (status == SPIRAL_OK) spiral__par_for(pool, samples, sample_task, j);
    spiral__writer_clear(&writer);
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; status == SPIRAL_OK && i < samples; i++) {
        if (j->statuses[i] != SPIRAL_OK) status = spiral__no_memory(err, 0);
        add_counts(&j->counts[i], sum);
    }
    return status;
}

/* ---- weights ---------------------------------------------------------------------------------------------
 */

/* How much a weight moves where `sampled` events were counted and `wanted` should have been. */
static float step(double sampled, double wanted) { return (float)log((wanted + FEW) / (sampled + FEW)); }

static float at_most_0(float x) { return x < 0 ? x : 0; }

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

/* From the counts of samples with weights s and of the training music. rate: 1, or less for smaller steps. */
static void move_weights(const counts *sample, const counts *music, float rate, spiral__sampling *s) {
    const double length = sample->frames / music->frames;
    for (int i = 0; i < SPIRAL__VOICES; i++) {
        const double frames = ratio(sample->from[i], music->from[i]);
        s->more[i] += rate * step(sample->more[i], music->more[i] * frames);
        s->fewer[i] += rate * step(sample->fewer[i], music->fewer[i] * frames);
    }
    const float changes =
        rate * (step(sample->frames - sample->same, (music->frames - music->same) * length) -
                step(sample->same, music->same * length)) +
        s->changed - s->same;
    s->changed = at_most_0(changes);
    s->same = at_most_0(-changes);
    s->again += rate * step(sample->again, music->again * ratio(sample->held, music->held));
    s->foreign = at_most_0(
        s->foreign + rate * step(sample->foreign, music->foreign * ratio(sample->begins, music->begins)));
    s->clash = at_most_0(s->clash + rate * step(sample->clashes, music->clashes * length));
    s->parallel = at_most_0(s->parallel + rate * step(sample->parallels, music->parallels * length));
}

static size_t samples_of_round(const counts *music) {
    const double fill = ceil(music->frames / SAMPLE_FRAMES);
    return fill < SAMPLES_FEWEST ? SAMPLES_FEWEST : fill < SAMPLES ? (size_t)fill : SAMPLES;
}

static spiral_status calibrate(const spiral__decoder_weights *weights, const counts *music,
                               spiral__pool *pool, spiral__sampling *s, spiral_error *err) {
    spiral__sampling mean = {0};
    float *at = (float *)s, *sum = (float *)&mean;
    counts sampled;
    const size_t samples = samples_of_round(music);
    sampling_job *j = calloc(1, sizeof *j);
    spiral_status status = j ? SPIRAL_OK : spiral__no_memory(err, sizeof *j);
    for (int i = 0; status == SPIRAL_OK && i < ROUNDS; i++) {
        status = count_samples(weights, s, SEED + (uint64_t)(i * SAMPLES), samples, pool, j, &sampled, err);
        if (status != SPIRAL_OK) break;
        move_weights(&sampled, music, i < FIRST_AVERAGED ? 1 : 0.5f, s);
        for (int k = 0; i >= FIRST_AVERAGED && k < SPIRAL__SAMPLING_SIZE; k++)
            sum[k] += at[k] / (ROUNDS - FIRST_AVERAGED);
    }
    free(j);
    *s = mean;
    s->calibrated = 1;
    return status;
}

/* ---- passages that are like training music ---------------------------------------------------------------
 */

enum { UNSEEN_FILES = 24 };
static const double MOST_SHARE = 0.99;

int spiral_generate_passage_frames(const spiral_model *m) {
    const spiral_grid *grid = &m->config.grid;
    int frames = grid->kind == SPIRAL_GRID_BEATS ? 16 * grid->steps_per_quarter : m->config.frames / 4 * 4;
    if (frames < 4) frames = 4;
    return frames < SPIRAL_WINDOW_FRAMES_MAX ? frames : SPIRAL_WINDOW_FRAMES_MAX;
}

double spiral_generate_passage_limit(const spiral_model *m) {
    const float limit = m->decoder.H ? spiral__decoder_get_sampling(m).passage_most : 0;
    return limit > 0 ? (double)limit : NAN;
}

/* The percentile of n values, between two of them in proportion. */
static double percentile(double *values, size_t n) {
    const double at = MOST_SHARE * (double)(n - 1);
    const size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    qsort(values, n, sizeof *values, ascending);
    return values[below] + (at - (double)below) * (values[above] - values[below]);
}

/* Of a few unseen pieces, evenly spread. Pieces that are all shorter than a passage leave the limit unknown.
 */
static spiral_status find_limit(const spiral_model *m, const spiral_corpus *corpus,
                                const spiral_corpus *unseen, int threads, spiral__sampling *s,
                                spiral_error *err) {
    double shares[UNSEEN_FILES];
    size_t n = 0;
    if (!unseen) return SPIRAL_OK;
    SPIRAL_TRY(spiral__corpus_check(unseen, &m->config.grid, m->config.planes, err));
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
    if (n) s->passage_most = (float)percentile(shares, n);
    return SPIRAL_OK;
}

spiral_status spiral_generate_calibrate(spiral_model *m, const spiral_corpus *corpus,
                                        const spiral_corpus *unseen, int threads, spiral_error *err) {
    if (!m->decoder.H)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "the model has no note-by-note decoder");
    SPIRAL_TRY(spiral__corpus_check(corpus, &m->config.grid, m->config.planes, err));
    const spiral__decoder_weights weights = spiral__decoder_get_weights(m);
    spiral__sampling s = {.calibrated = 1};
    counts music;
    spiral__pool *pool;
    SPIRAL_TRY(count_corpus(weights.features, corpus, &s, &music, err));
    SPIRAL_TRY(find_limit(m, corpus, unseen, threads, &s, err));
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    spiral_status status = calibrate(&weights, &music, pool, &s, err);
    spiral__pool_destroy(pool);
    if (status == SPIRAL_OK) memcpy(spiral__tensor_data(m, m->decoder.sampling), &s, sizeof s);
    return status;
}

spiral_status spiral__calibrate_rehearse(const spiral_model *m, const spiral_corpus *corpus,
                                         const spiral_corpus *unseen, int threads, size_t samples,
                                         double *share, spiral_error *err) {
    const spiral__decoder_weights weights = spiral__decoder_get_weights(m);
    spiral__sampling s = {.calibrated = 1}, none = {0};
    counts music, sampled;
    spiral__pool *pool;
    SPIRAL_TRY(count_corpus(weights.features, corpus, &s, &music, err));
    *share = (double)samples / (double)(ROUNDS * samples_of_round(&music));
    if (!samples) return find_limit(m, corpus, unseen, threads, &s, err);
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    sampling_job *j = calloc(1, sizeof *j);
    spiral_status status = j ? SPIRAL_OK : spiral__no_memory(err, sizeof *j);
    if (status == SPIRAL_OK) status = count_samples(&weights, &none, SEED, samples, pool, j, &sampled, err);
    free(j);
    spiral__pool_destroy(pool);
    return status;
}
