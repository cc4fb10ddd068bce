/* SPDX-License-Identifier: MIT
 *
 * The likelihood of cells, given others (see conditional.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/corpus.h"
#include "decode/given_top.h"
#include "eval/baselines.h"
#include "eval/conditional.h"
#include "eval/likelihood.h"
#include "model/decoder.h"
#include "nn/tasks.h"

enum { PART = 64 }; /* frames that go through the network at a time */

typedef enum task { CONTINUED, FILLED, HARMONIZED, TASKS } task;

/* Sums, not yet divided by the frames. */
typedef struct file_nats {
    spiral_task_nats of[TASKS];
    spiral_status status;
} file_nats;

typedef struct scoring {
    const spiral_model *model;
    const spiral_corpus *corpus;
    spiral__baselines baselines;
    spiral__decoder_part *parts; /* (threads) */
    file_nats *files;
} scoring;

/* The open cells of a file: those of frames begin .. end - 1 that are not known. */
typedef struct open_cells {
    size_t begin, end;
    const spiral_keys *known; /* (frames) or NULL: none is */
} open_cells;

/* The nats of the open cells. given: the cells that the network reads as given; NULL: none. */
static double nats_of(const scoring *s, spiral__decoder_part *part, const spiral_roll *roll,
                      const spiral_keys *given, const open_cells *open) {
    const spiral__features *f = &s->model->decoder.features;
    const spiral__conditions conditions = {
        .frames = roll->frames, .known = given, .sounding = roll->sounding, .onsets = roll->onsets};
    double sum = 0;
    spiral__decoder_part_begin(part);
    for (size_t begin = 0; begin < open->end; begin += PART) {
        const size_t frames = open->end - begin < PART ? open->end - begin : PART;
        const spiral_keys *onsets = roll->onsets ? roll->onsets + begin : NULL;
        spiral__decoder_part_forward(part, frames, roll->sounding + begin, onsets, given ? &conditions : NULL,
                                     NULL, NULL);
        for (size_t i = 0; i < frames; i++)
            if (begin + i >= open->begin)
                sum += spiral__frame_nats(f, part->logits + i * (size_t)(f->P * f->planes),
                                          &roll->sounding[begin + i], onsets ? &onsets[i] : NULL,
                                          open->known ? &open->known[begin + i] : NULL, 1, NULL);
    }
    return sum;
}

static void score_task(const scoring *s, spiral__decoder_part *part, const spiral_roll *roll,
                       const spiral_keys *given, const open_cells *open, spiral_task_nats *sum) {
    if (open->begin >= open->end) return;
    sum->frames = open->end - open->begin;
    sum->past_only = nats_of(s, part, roll, NULL, open);
    sum->nats_per_frame = given ? nats_of(s, part, roll, given, open) : sum->past_only;
    for (size_t t = open->begin; t < open->end; t++)
        spiral__baselines_add_frame(&s->baselines, roll, t, open->known ? &open->known[t] : NULL,
                                    &sum->markov, &sum->repeat_bar);
}

static void file_task(void *context, size_t file, int worker) {
    const scoring *s = context;
    const spiral__corpus_entry *entry = &s->corpus->entries[file];
    const spiral__features *f = &s->model->decoder.features;
    const spiral_roll *roll = &entry->roll;
    file_nats *sum = &s->files[file];
    const size_t frames = roll->frames, bar = spiral__baselines_period(s->model);
    if (entry->left_out || !frames) return;
    spiral_keys *given = calloc(2 * frames, sizeof *given), *top = given ? given + frames : NULL;
    sum->status = given ? SPIRAL_OK : SPIRAL_NO_MEMORY;
    if (!given) return;
    const open_cells half = {frames / 2, frames, NULL};
    const open_cells gap = {2 * bar, 4 * bar < frames ? 4 * bar : frames, NULL};
    const open_cells below = {0, frames, top};
    for (size_t t = 0; t < frames; t++)
        if (t < gap.begin || t >= gap.end) given[t] = spiral_keys_range(f->low, f->low + f->P - 1);
    spiral__give_top(f->low, f->low + f->P - 1, roll->sounding, frames, top);
    score_task(s, &s->parts[worker], roll, NULL, &half, &sum->of[CONTINUED]);
    score_task(s, &s->parts[worker], roll, given, &gap, &sum->of[FILLED]);
    score_task(s, &s->parts[worker], roll, top, &below, &sum->of[HARMONIZED]);
    free(given);
}

/* Means over the frames of all files. */
static spiral_status sum_up(const scoring *s, task which, spiral_task_nats *sum, spiral_error *err) {
    char text[SPIRAL__PATH_TEXT];
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < s->corpus->count; i++) {
        const spiral_task_nats *n = &s->files[i].of[which];
        if (s->files[i].status != SPIRAL_OK) return spiral__no_memory(err, 0);
        if (!isfinite(n->nats_per_frame))
            return spiral__fail(err, SPIRAL_NUMERIC, -1, "%s: its likelihood is not finite",
                                spiral__error_path(s->corpus->entries[i].path, text));
        sum->frames += n->frames;
        sum->nats_per_frame += n->nats_per_frame;
        sum->past_only += n->past_only;
        sum->markov += n->markov;
        sum->repeat_bar += n->repeat_bar;
    }
    const double frames = sum->frames ? (double)sum->frames : 1;
    sum->nats_per_frame /= frames;
    sum->past_only /= frames;
    sum->markov /= frames;
    sum->repeat_bar /= frames;
    return SPIRAL_OK;
}

spiral_status spiral__conditional_likelihood(const spiral_model *model, const spiral_corpus *corpus,
                                             spiral__pool *pool, spiral_task_nats *continued,
                                             spiral_task_nats *filled, spiral_task_nats *harmonized,
                                             spiral_error *err) {
    const size_t threads = pool ? (size_t)spiral__pool_threads(pool) : 1;
    scoring s = {.model = model, .corpus = corpus};
    s.parts = calloc(threads, sizeof *s.parts);
    s.files = calloc(corpus->count, sizeof *s.files);
    spiral_status status = s.parts && s.files ? SPIRAL_OK : spiral__no_memory(err, sizeof s);
    size_t created = 0;
    for (; created < threads && status == SPIRAL_OK; created++)
        status = spiral__decoder_part_create(model, PART, 0, &s.parts[created], err);
    if (status == SPIRAL_OK) {
        spiral__baselines_init(model, &s.baselines);
        spiral__nn_par_for(pool, corpus->count, file_task, &s);
        status = sum_up(&s, CONTINUED, continued, err);
    }
    if (status == SPIRAL_OK) status = sum_up(&s, FILLED, filled, err);
    if (status == SPIRAL_OK) status = sum_up(&s, HARMONIZED, harmonized, err);
    for (size_t i = 0; i < created; i++) spiral__decoder_part_clear(&s.parts[i]);
    free(s.parts);
    free(s.files);
    return status;
}
