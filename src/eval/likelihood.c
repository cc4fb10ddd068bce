/* SPDX-License-Identifier: MIT
 *
 * The likelihood of pieces (see likelihood.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/corpus.h"
#include "decode/bit_nats.h"
#include "eval/likelihood.h"
#include "model/decoder.h"
#include "nn/tasks.h"
#include "simd/vmath.h"

enum { PART = 64 }; /* frames that go through the network at a time */

double spiral__frame_nats(const spiral__features *f, const float *logits, const spiral_keys *sounding,
                          const spiral_keys *onsets, const spiral_keys *known, float scale, float *gradient) {
    const int planes = f->planes;
    double sum = 0;
    for (int p = 0; p < f->P; p++) {
        const float *x = logits + p * planes;
        const int key = f->low + p, on = spiral_keys_get(sounding, key);
        float slope[2] = {0, 0};
        if (!known || !spiral_keys_get(known, key)) {
            sum += (double)spiral__bit_nats(x[0], on, &slope[0]);
            if (on && planes == 2)
                sum += (double)spiral__bit_nats(x[1], spiral_keys_get(onsets, key), &slope[1]);
        }
        for (int i = 0; gradient && i < planes; i++) gradient[p * planes + i] = scale * slope[i];
    }
    return sum;
}

typedef struct scoring {
    const spiral_model *model;
    const spiral_corpus *corpus;
    double share;                    /* the part of each file's frames that is scored */
    spiral__decoder_part *parts;     /* (threads) */
    spiral__likelihood *likelihoods; /* (files) */
} scoring;

static void add_frame(const spiral__features *f, const spiral_roll *roll, size_t t, const float *logits,
                      spiral__likelihood *sum) {
    const spiral_keys range = spiral_keys_range(f->low, f->low + f->P - 1), none = {{0, 0}};
    const spiral_keys *before = t ? &roll->sounding[t - 1] : &none;
    const spiral_keys starts =
        spiral_keys_starts(before, &roll->sounding[t], roll->onsets ? &roll->onsets[t] : NULL);
    const double nats = spiral__frame_nats(f, logits, &roll->sounding[t],
                                           roll->onsets ? &roll->onsets[t] : NULL, NULL, 1, NULL);
    const size_t notes = (size_t)spiral_keys_count(spiral_keys_and(starts, range));
    sum->nats += nats;
    sum->frames++;
    sum->notes += notes;
    if (!notes && spiral_keys_equal(*before, roll->sounding[t])) return;
    sum->changing_nats += nats;
    sum->changing_frames++;
}

static void file_task(void *context, size_t file, int worker) {
    const scoring *s = context;
    const spiral__corpus_entry *entry = &s->corpus->entries[file];
    const spiral__features *f = &s->model->decoder.features;
    spiral__decoder_part *part = &s->parts[worker];
    if (entry->left_out) return;
    const spiral_roll *roll = &entry->roll;
    const size_t end = (size_t)ceil(s->share * (double)roll->frames);
    spiral__decoder_part_begin(part);
    for (size_t begin = 0; begin < end; begin += PART) {
        const size_t frames = end - begin < PART ? end - begin : PART;
        spiral__decoder_part_forward(part, frames, roll->sounding + begin,
                                     roll->onsets ? roll->onsets + begin : NULL, NULL, NULL, NULL);
        for (size_t t = 0; t < frames; t++)
            add_frame(f, roll, begin + t, part->logits + t * (size_t)(f->P * f->planes),
                      &s->likelihoods[file]);
    }
}

static spiral_status sum_up(const scoring *s, spiral__likelihood *sum, spiral_error *err) {
    char text[SPIRAL__PATH_TEXT];
    for (size_t i = 0; i < s->corpus->count; i++) {
        const spiral__likelihood *l = &s->likelihoods[i];
        if (!isfinite(l->nats))
            return spiral__fail(err, SPIRAL_NUMERIC, -1, "%s: its likelihood is not finite",
                                spiral__error_path(s->corpus->entries[i].path, text));
        sum->nats += l->nats;
        sum->changing_nats += l->changing_nats;
        sum->frames += l->frames;
        sum->changing_frames += l->changing_frames;
        sum->notes += l->notes;
    }
    return sum->frames ? SPIRAL_OK : spiral__fail(err, SPIRAL_NO_DATA, -1, "the files have no frame");
}

static double share_of(const spiral_corpus *corpus, size_t max_frames) {
    size_t frames = 0;
    for (size_t i = 0; i < corpus->count; i++)
        if (!corpus->entries[i].left_out) frames += corpus->entries[i].roll.frames;
    return max_frames && frames > max_frames ? (double)max_frames / (double)frames : 1;
}

spiral_status spiral__likelihood_of_corpus(const spiral_model *model, const spiral_corpus *corpus,
                                           size_t max_frames, spiral__pool *pool,
                                           spiral__likelihood *likelihood, spiral_error *err) {
    const size_t threads = pool ? (size_t)spiral__pool_threads(pool) : 1;
    scoring s = {model, corpus, share_of(corpus, max_frames), calloc(threads, sizeof *s.parts),
                 calloc(corpus->count, sizeof *s.likelihoods)};
    memset(likelihood, 0, sizeof *likelihood);
    spiral_status status = s.parts && s.likelihoods ? SPIRAL_OK : spiral__no_memory(err, sizeof s);
    size_t created = 0;
    for (; created < threads && status == SPIRAL_OK; created++)
        status = spiral__decoder_part_create(model, PART, 0, &s.parts[created], err);
    if (status == SPIRAL_OK) {
        spiral__nn_par_for(pool, corpus->count, file_task, &s);
        status = sum_up(&s, likelihood, err);
    }
    for (size_t i = 0; i < created; i++) spiral__decoder_part_clear(&s.parts[i]);
    free(s.parts);
    free(s.likelihoods);
    return status;
}
