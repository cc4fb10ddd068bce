/* SPDX-License-Identifier: MIT
 *
 * The best scale for a model when its cells are decoded by the lowest expected energy
 * (spiral_decode_min_risk).
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/floats.h"
#include "data/corpus.h"
#include "data/window.h"
#include "model/model.h"
#include "spiral/decode.h"
#include "spiral/eval.h"

enum { MAX_WINDOWS = 512, SCALES = 12 };

/* Factors of the scale at which a lone note sounds at the threshold. */
static const double factors[SCALES] = {0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4, 1.6, 1.8, 2};

typedef struct counts {
    uint64_t right, found, sounding; /* cells */
} counts;

static void count(const spiral_keys *found, const spiral_keys *wanted, int frames, counts *sum) {
    for (int t = 0; t < frames; t++) {
        sum->right += (uint64_t)spiral_keys_count(spiral_keys_and(found[t], wanted[t]));
        sum->found += (uint64_t)spiral_keys_count(found[t]);
        sum->sounding += (uint64_t)spiral_keys_count(wanted[t]);
    }
}

/* What the windows are scored with. */
typedef struct buffers {
    spiral_model_work *work;
    spiral_keys *window, *found; /* (planes T), (T) */
    float *logits, *latent;
} buffers;

static spiral_status score_window(const spiral_model *m, const double *scale, buffers *b, counts *sums,
                                  spiral_error *err) {
    const int T = m->ae.T, low = m->config.low, keys = m->ae.P;
    spiral_min_risk_options o;
    spiral_min_risk_options_default(&o, sizeof o);
    spiral_model_encode(m, 1, b->window, b->latent, NULL, b->work);
    spiral_model_decode(m, 1, b->latent, b->logits, b->work);
    for (int t = 0; t < T; t++) /* the keys that the model knows */
        for (int p = 0; p < SPIRAL_KEY_COUNT; p++)
            if (p < low || p >= low + keys) spiral_keys_set(&b->window[t], p, 0);
    for (int i = 0; i < SCALES; i++) {
        o.scale = scale[i];
        SPIRAL_TRY(spiral_decode_min_risk(&o, b->logits, (size_t)T, low, keys, 0, b->found, NULL, err));
        count(b->found, b->window, T, &sums[i]);
    }
    return SPIRAL_OK;
}

static size_t window_count(const spiral_model *m, const spiral_corpus *corpus) {
    size_t n = 0;
    for (size_t i = 0; i < corpus->count; i++) n += corpus->entries[i].roll.frames / (size_t)m->ae.T;
    return n;
}

static spiral_status score_all(const spiral_model *m, const spiral_corpus *corpus, const double *scale,
                               buffers *b, counts *sums, spiral_error *err) {
    const size_t T = (size_t)m->ae.T, every = window_count(m, corpus) / MAX_WINDOWS + 1;
    size_t n = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const spiral_roll *roll = &corpus->entries[i].roll;
        for (size_t begin = 0; begin + T <= roll->frames; begin += T) {
            if (n++ % every) continue;
            spiral__window_cut(roll, begin, m->ae.T, 0, b->window);
            SPIRAL_TRY(score_window(m, scale, b, sums, err));
        }
    }
    return SPIRAL_OK;
}

spiral_status spiral_model_choose_min_risk_scale(const spiral_model *model, const spiral_corpus *corpus,
                                                 float *scale, spiral_error *err) {
    const spiral__autoencoder *ae = &model->ae;
    double scales[SCALES], best = -1;
    counts sums[SCALES] = {{0, 0, 0}};
    buffers b = {NULL, NULL, NULL, NULL, NULL};
    SPIRAL_TRY(spiral__corpus_check(corpus, &model->config.grid, model->config.planes, err));
    const double plain = 0.5 * (1 + exp(-(double)spiral_model_get_threshold(model)));
    for (int i = 0; i < SCALES; i++) scales[i] = fmin(fmax(plain * factors[i], 0.01), 100);
    b.window = calloc((size_t)(ae->planes * ae->T), sizeof *b.window);
    b.found = calloc((size_t)ae->T, sizeof *b.found);
    b.logits = spiral__floats(ae->D);
    b.latent = spiral__floats(ae->Z);
    spiral_status status = b.window && b.found && b.logits && b.latent
                               ? spiral_model_work_create(model, &b.work, err)
                               : spiral__no_memory(err, ae->D * sizeof(float));
    if (status == SPIRAL_OK) status = score_all(model, corpus, scales, &b, sums, err);
    for (int i = 0; status == SPIRAL_OK && i < SCALES; i++) {
        const double both = (double)(sums[i].found + sums[i].sounding);
        const double f1 = both > 0 ? 2 * (double)sums[i].right / both : 0;
        if (f1 > best) best = f1, *scale = (float)scales[i];
    }
    spiral_model_work_destroy(b.work);
    free(b.window);
    free(b.found);
    free(b.logits);
    free(b.latent);
    return status;
}
