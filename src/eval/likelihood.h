/* SPDX-License-Identifier: MIT
 *
 * The likelihood of pieces under the note-by-note decoder: the negative log probability of every cell given
 * those before it, in nats. A cell costs -log p(sounds or not), and, with two planes, a cell that sounds
 * costs -log p(begins or not) more. Their sum is that of the whole piece, exactly.
 */
#ifndef SPIRAL_EVAL_LIKELIHOOD_H
#define SPIRAL_EVAL_LIKELIHOOD_H

#include "base/par.h"
#include "model/model.h"
#include "spiral/data.h"

/* The nats of one frame's cells, logits (P, planes). known: cells that cost nothing; NULL: none. If gradient
 * is not NULL it (P, planes; may be logits) becomes the derivative of `scale` times the result. onsets is not
 * read with one plane. */
double spiral__frame_nats(const spiral__features *features, const float *logits, const spiral_keys *sounding,
                          const spiral_keys *onsets, const spiral_keys *known, float scale, float *gradient);

typedef struct spiral__likelihood {
    double nats;          /* sum over all frames */
    double changing_nats; /* over those in which a key begins or ends */
    size_t frames, changing_frames, notes;
} spiral__likelihood;

/* Of all files of the corpus that are not left out, each from its first frame, without conditions. If they
 * have more than max_frames frames (0: no limit), the beginning of each, in proportion. The model has a
 * decoder. NUMERIC: a logit is not finite, the sentence begins with the file; NO_DATA: no frame; NO_MEMORY.
 */
spiral_status spiral__likelihood_of_corpus(const spiral_model *model, const spiral_corpus *corpus,
                                           size_t max_frames, spiral__pool *pool,
                                           spiral__likelihood *likelihood, spiral_error *err);

#endif
