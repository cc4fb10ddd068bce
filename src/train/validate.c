/* SPDX-License-Identifier: MIT
 *
 * Scoring the weights on windows that are not trained on, and finding the threshold that suits them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "data/window.h"
#include "nn/tasks.h"
#include "train/trainer.h"

enum { MAX_WINDOWS = 4096, THRESHOLDS = 81 };

static float threshold_of(int i) { return -4.0f + 0.1f * (float)i; } /* logits -4 .. 4 */

typedef struct tally {
    double loss;
    uint64_t windows, exact, cells_on, columns;
    uint64_t hits[THRESHOLDS],
        calls[THRESHOLDS]; /* cells above each threshold that sound, and all above it */
    int failed;
    size_t bad; /* 1 + the first window whose loss is no number, or 0 */
} tally;

typedef struct validation {
    spiral__trainer *trainer;
    size_t count; /* windows to score */
    const size_t *file, *begin;
    tally *tallies; /* one per shard */
} validation;

/* Where, on the ladder of thresholds, a logit stops to be above: it is above the first n of them. */
static int thresholds_below(float logit) {
    float n = ceilf((logit + 4.0f) * 10.0f);
    return !(n > 0) ? 0 : n >= THRESHOLDS ? THRESHOLDS : (int)n;
}

static void count_window(const spiral_model *m, const float *logits, const float *target, tally *sum) {
    uint64_t above[THRESHOLDS + 1] = {0}, right[THRESHOLDS + 1] = {0};
    int faults = 0;
    for (size_t d = 0; d < m->ae.D; d++) {
        int on = target[d] > 0.5f, n = thresholds_below(logits[d]);
        above[n]++;
        right[n] += (uint64_t)on;
        faults += on != (logits[d] > 0);
        sum->cells_on += (uint64_t)on;
    }
    for (int i = THRESHOLDS; i-- > 0;) {
        above[i] += above[i + 1];
        right[i] += right[i + 1];
        sum->calls[i] += above[i + 1];
        sum->hits[i] += right[i + 1];
    }
    sum->windows++;
    sum->exact += !faults;
}

/* The loss of a window, as the trainer's plan has it; buffers live on the heap of the task. */
static void score_windows(const validation *v, size_t first, size_t rows, tally *sum, spiral_model_work *work,
                          float *buffer, void *loss_work) {
    const spiral__trainer *t = v->trainer;
    const spiral_model *m = t->model;
    const ptrdiff_t T = m->ae.T, P = m->ae.P;
    const spiral_strides strides = {T * P, P, 1};
    float *logits = buffer, *target = buffer + rows * m->ae.D, *codes = target + rows * m->ae.D;
    spiral_keys *windows = (spiral_keys *)(void *)(codes + rows * m->ae.Z + rows * m->ae.Z % 2);
    const size_t columns = (size_t)m->ae.planes * (size_t)m->ae.T;
    for (size_t r = 0; r < rows; r++) {
        const spiral_roll *roll = &t->valid->entries[v->file[first + r]].roll;
        spiral__window_cut(roll, v->begin[first + r], m->ae.T, 0, windows + r * columns);
        spiral__window_floats(windows + r * columns, (size_t)(m->ae.planes * m->ae.T), m->config.low, m->ae.P,
                              target + r * m->ae.D);
    }
    spiral_model_encode(m, rows, windows, codes, NULL, work);
    spiral_model_decode(m, rows, codes, logits, work);
    double value;
    if (spiral_loss_value_grad_f32(t->loss, rows * (size_t)m->ae.planes, (size_t)T, logits, strides, target,
                                   strides, NULL, strides, &value, NULL, strides, loss_work,
                                   NULL) != SPIRAL_OK)
        value = NAN;
    if (!isfinite(value)) sum->bad = 1 + first + spiral__bad_row(rows, m->ae.D, logits);
    sum->loss += value;
    for (size_t r = 0; r < rows; r++) count_window(m, logits + r * m->ae.D, target + r * m->ae.D, sum);
}

static void shard_task(void *context, size_t shard, int worker) {
    const validation *v = context;
    const spiral_model *m = v->trainer->model;
    size_t first = shard * SPIRAL__SHARD,
           rows = v->count - first < SPIRAL__SHARD ? v->count - first : SPIRAL__SHARD;
    size_t floats = rows * (2 * m->ae.D + m->ae.Z) + 2 +
                    rows * (size_t)m->ae.planes * (size_t)m->ae.T * sizeof(spiral_keys) / 4;
    spiral_model_work *work = NULL;
    float *buffer = spiral__floats(floats);
    if (!buffer || spiral_model_work_create(m, &work, NULL) != SPIRAL_OK)
        v->tallies[shard].failed = 1;
    else
        score_windows(v, first, rows, &v->tallies[shard], work, buffer, v->trainer->work[worker]);
    spiral_model_work_destroy(work);
    free(buffer);
}

/* Lists the windows to score: one after another in every file, without the silent ones, thinned evenly. */
static size_t list_windows(const spiral__trainer *t, size_t *file, size_t *begin) {
    const spiral_model_config *c = &t->model->config;
    const size_t T = (size_t)c->frames;
    size_t count = 0;
    for (size_t i = 0; i < t->valid->count; i++) {
        const spiral_roll *roll = &t->valid->entries[i].roll;
        for (size_t b = 0; b < roll->frames; b += T) {
            int width = (int)(roll->frames - b < T ? roll->frames - b : T);
            if (spiral__window_is_silent(roll->sounding + b, width, c->low, c->high)) continue;
            file[count] = i;
            begin[count++] = b;
        }
    }
    size_t kept = count < MAX_WINDOWS ? count : MAX_WINDOWS;
    for (size_t i = 0; i < kept; i++) {
        file[i] = file[i * count / kept];
        begin[i] = begin[i * count / kept];
    }
    return kept;
}

static double f1_of(const tally *sum, int i) {
    uint64_t both = sum->calls[i] + sum->cells_on;
    return both ? 2 * (double)sum->hits[i] / (double)both : 0;
}

static void summarise(const spiral_model *m, tally *tallies, size_t shards, spiral__validation *result) {
    tally *sum = &tallies[0];
    for (size_t s = 1; s < shards; s++) {
        sum->loss += tallies[s].loss;
        sum->windows += tallies[s].windows;
        sum->exact += tallies[s].exact;
        sum->cells_on += tallies[s].cells_on;
        for (int i = 0; i < THRESHOLDS; i++) {
            sum->hits[i] += tallies[s].hits[i];
            sum->calls[i] += tallies[s].calls[i];
        }
    }
    const int zero = (THRESHOLDS - 1) / 2;
    int best = zero; /* even a silent model has a threshold: one half */
    for (int i = 0; i < THRESHOLDS; i++)
        if (f1_of(sum, i) > f1_of(sum, best)) best = i;
    double windows = (double)sum->windows;
    *result = (spiral__validation){.loss = sum->loss / windows,
                                   .f1 = f1_of(sum, zero),
                                   .exact = (double)sum->exact / windows,
                                   .threshold = threshold_of(best),
                                   .density = (double)sum->cells_on / windows / m->ae.T};
}

spiral_status spiral__validate(spiral__trainer *t, spiral__validation *result, spiral_error *err) {
    size_t room = 0;
    for (size_t i = 0; i < t->valid->count; i++)
        room += t->valid->entries[i].roll.frames / (size_t)t->model->ae.T + 1;
    size_t *file = calloc(room + 1, sizeof *file), *begin = calloc(room + 1, sizeof *begin);
    size_t count = file && begin ? list_windows(t, file, begin) : 0;
    size_t shards = (count + SPIRAL__SHARD - 1) / SPIRAL__SHARD;
    tally *tallies = calloc(shards + 1, sizeof *tallies);
    spiral_status status = SPIRAL_OK;
    if (!file || !begin || !tallies) {
        status = spiral__no_memory(err, room * sizeof *file);
    } else if (!count) {
        status = spiral__fail(err, SPIRAL_NO_DATA, -1, "no window for validation holds a note");
    } else {
        validation v = {t, count, file, begin, tallies};
        spiral__par_for(t->pool, shards, shard_task, &v);
        for (size_t s = 0; s < shards && status == SPIRAL_OK; s++)
            if (tallies[s].failed)
                status = spiral__no_memory(err, t->model->ae.D * SPIRAL__SHARD * sizeof(float));
            else if (tallies[s].bad)
                status = spiral__fail(err, SPIRAL_NUMERIC, -1,
                                      "%s: the loss of one of its windows is not a finite number after step "
                                      "%lld; a smaller learning rate than %g may help",
                                      t->valid->entries[file[tallies[s].bad - 1]].path, (long long)t->step,
                                      t->options.learning_rate);
        if (status == SPIRAL_OK) summarise(t->model, tallies, shards, result);
    }
    free(file);
    free(begin);
    free(tallies);
    return status;
}
