/* SPDX-License-Identifier: MIT
 *
 * Shared by the tests of scoring: a corpus with a silent part and an incomplete last window, models for it,
 * and the output of a model for one window.
 */
#ifndef SPIRAL_TESTS_EVAL_SCORING_H
#define SPIRAL_TESTS_EVAL_SCORING_H

#include <math.h>

#include "../data/pieces.h"
#include "base/floats.h"
#include "data/corpus.h"
#include "data/window.h"
#include "model/model.h"
#include "train/trainer.h"

/* Two pieces: one of `frames` frames, whose windows 2 to 4 are silent, and one of 40. */
static inline spiral_corpus *scored_corpus(pieces *p, size_t frames) {
    spiral_roll roll = piece_roll(1, frames);
    pieces_open(p);
    for (size_t t = 2 * PIECE_T; t < 5 * PIECE_T; t++) roll.sounding[t] = (spiral_keys){{0, 0}};
    pieces_add_roll(p, "a.mid", &roll);
    pieces_add(p, "b.mid", 2, 40);
    spiral_roll_clear(&roll);
    return pieces_corpus(p->folder, 0, PIECE_T);
}

static inline spiral_model_config scored_config(spiral_model_kind kind) {
    spiral_model_config config;
    const spiral_roll_options roll = piece_options();
    spiral_model_config_default(&config, sizeof config);
    spiral_model_config_set_roll(&config, &roll);
    config.frames = PIECE_T, config.latent = 3, config.hidden = 24, config.kind = kind;
    return config;
}

/* A model whose first weights are the projection onto the principal components of the corpus. */
static inline spiral_model *projecting_model(spiral_model_kind kind, const spiral_corpus *c) {
    const spiral_model_config config = scored_config(kind);
    spiral_model *m;
    assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral__pca_start(m, c, 1, NULL, NULL), SPIRAL_OK);
    return m;
}

/* A window's cells and the model's logits for it. */
typedef struct output {
    float *x, *logits, *latent;
    double kl;
    spiral_model_work *work;
} output;

static inline void output_create(const spiral_model *m, output *o) {
    o->x = spiral__floats(m->ae.D);
    o->logits = spiral__floats(m->ae.D);
    o->latent = spiral__floats(m->ae.Z);
    assert_int_equal(spiral_model_work_create(m, &o->work, NULL), SPIRAL_OK);
}

static inline void output_clear(output *o) {
    free(o->x);
    free(o->logits);
    free(o->latent);
    spiral_model_work_destroy(o->work);
}

/* Returns the number of sounding cells. */
static inline size_t output_of(const spiral_model *m, const spiral_roll *roll, size_t begin, output *o) {
    spiral_keys window[PIECE_T];
    size_t on = 0;
    spiral__window_cut(roll, begin, PIECE_T, 0, window);
    spiral__window_floats(window, PIECE_T, m->config.low, m->ae.P, o->x);
    spiral_model_encode(m, 1, window, o->latent, &o->kl, o->work);
    spiral_model_decode(m, 1, o->latent, o->logits, o->work);
    for (size_t d = 0; d < m->ae.D; d++) on += o->x[d] > 0;
    return on;
}

static inline double bce_of(float logit, float x) {
    return log1p(exp(-fabs(logit))) + fmax(logit, 0) - logit * x;
}

#endif
