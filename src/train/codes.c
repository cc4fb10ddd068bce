/* SPDX-License-Identifier: MIT
 *
 * How the codes of the training music lie and move: their mean and covariance C0, and the linear step from
 * one window to the next, half a window later, z' - mean = A (z - mean) + noise,   A = C1 C0^-1,   covariance
 * of the noise Q = C0 - A C0 A' (a vector autoregression of order one, by its Yule-Walker equations; C1 =
 * E[z' z]). A path drawn from it is stationary with covariance C0, which is what makes a long sample hang
 * together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/linalg.h"
#include "train/trainer.h"

enum { MAX_PAIRS = 16384 };

static void to_floats(size_t n, const double *from, float *to) {
    for (size_t i = 0; i < n; i++) to[i] = (float)from[i];
}

/* Pairs (z, z') -> the facts. now and next are (pairs, Z). */
static spiral_status fit(spiral_model *m, size_t pairs, const float *now, const float *next,
                         spiral_error *err) {
    const size_t Z = m->Z;
    double *mean = calloc(Z, sizeof *mean), *buffers = calloc(4 * Z * Z, sizeof *buffers);
    if (!mean || !buffers) {
        free(mean);
        free(buffers);
        return spiral__no_memory(err, 4 * Z * Z * sizeof *buffers);
    }
    double *C0 = buffers, *A = C0 + Z * Z, *F = A + Z * Z, *Q = F + Z * Z, trace = 0;
    for (size_t i = 0; i < pairs; i++)
        for (size_t z = 0; z < Z; z++) mean[z] += (now[i * Z + z] + next[i * Z + z]) / (2.0 * (double)pairs);
    for (size_t i = 0; i < pairs; i++)
        for (size_t a = 0; a < Z; a++) {
            double x = now[i * Z + a] - mean[a], y = next[i * Z + a] - mean[a];
            for (size_t b = 0; b < Z; b++) {
                C0[a * Z + b] += (x * (now[i * Z + b] - mean[b]) + y * (next[i * Z + b] - mean[b])) / 2;
                A[a * Z + b] += y * (now[i * Z + b] - mean[b]); /* C1 for now */
            }
        }
    for (size_t i = 0; i < Z * Z; i++) C0[i] /= (double)pairs, A[i] /= (double)pairs;
    for (size_t z = 0; z < Z; z++) trace += C0[z * Z + z];
    const double floor = 1e-6 * trace / (double)Z + 1e-12;
    memcpy(F, C0, Z * Z * sizeof *F);
    spiral__cholesky(Z, F, floor);
    spiral__cholesky_solve(Z, F, Z, A);
    memcpy(Q, C0, Z * Z * sizeof *Q);
    for (size_t a = 0; a < Z; a++) /* A C0 A' = A C1' : C1 was overwritten, so the long way */
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t k = 0; k < Z; k++) {
                double row = 0;
                for (size_t l = 0; l < Z; l++) row += C0[k * Z + l] * A[b * Z + l];
                sum += A[a * Z + k] * row;
            }
            Q[a * Z + b] -= sum;
            Q[b * Z + a] = Q[a * Z + b];
        }
    spiral__cholesky(Z, Q, 0);
    to_floats(Z, mean, spiral__param(m, SPIRAL__CODES_MEAN, 0));
    to_floats(Z * Z, F, spiral__param(m, SPIRAL__CODES_FACTOR, 0));
    to_floats(Z * Z, A, spiral__param(m, SPIRAL__CODES_STEP, 0));
    to_floats(Z * Z, Q, spiral__param(m, SPIRAL__CODES_NOISE, 0));
    free(mean);
    free(buffers);
    return SPIRAL_OK;
}

/* The codes of pair i of the corpus: windows at `position` and half a window later. */
static void encode_pair(const spiral__trainer *t, size_t position, spiral_keys *windows,
                        spiral_model_work *work, float *now, float *next) {
    const spiral_model *m = t->model;
    size_t column, file = spiral__corpus_locate(t->corpus, position, &column);
    const spiral_roll *roll = &t->corpus->entries[file].roll;
    size_t hop = (size_t)(m->T + 1) / 2, size = (size_t)m->planes * (size_t)m->T;
    spiral__window_cut(roll, column, m->T, 0, windows);
    spiral_model_encode(m, 1, windows, now, NULL, work);
    spiral__window_cut(roll, column + hop, m->T, 0, windows + size);
    spiral_model_encode(m, 1, windows + size, next, NULL, work);
}

typedef struct pairs {
    const spiral__trainer *trainer;
    size_t count;
    float *now, *next;
    int *failed; /* (tasks) */
} pairs;

enum { PAIRS_A_TASK = 256 };

static void pair_task(void *context, size_t task, int worker) {
    (void)worker;
    const pairs *p = context;
    const spiral_model *m = p->trainer->model;
    spiral_keys *windows = calloc(2 * (size_t)m->planes * (size_t)m->T, sizeof *windows);
    spiral_model_work *work = NULL;
    if (!windows || spiral_model_work_create(m, &work, NULL) != SPIRAL_OK) {
        p->failed[task] = 1;
    } else {
        size_t end = (task + 1) * PAIRS_A_TASK < p->count ? (task + 1) * PAIRS_A_TASK : p->count;
        for (size_t i = task * PAIRS_A_TASK; i < end; i++)
            encode_pair(p->trainer, i * p->trainer->corpus->positions / p->count, windows, work,
                        p->now + i * m->Z, p->next + i * m->Z);
    }
    spiral_model_work_destroy(work);
    free(windows);
}

/* Mean number of sounding keys a column, silent columns between the first and last note included. */
static float density(const spiral_corpus *c) {
    uint64_t on = 0, columns = 0;
    for (size_t i = 0; i < c->count; i++) {
        const spiral_roll *roll = &c->entries[i].roll;
        columns += roll->frames;
        for (size_t t = 0; t < roll->frames; t++)
            on += (uint64_t)(__builtin_popcountll(roll->sounding[t].word[0]) +
                             __builtin_popcountll(roll->sounding[t].word[1]));
    }
    return columns ? (float)on / (float)columns : 0.0f;
}

spiral_status spiral__measure_codes(spiral__trainer *t, spiral_error *err) {
    const size_t Z = t->model->Z;
    size_t count = t->corpus->positions < MAX_PAIRS ? t->corpus->positions : MAX_PAIRS;
    size_t tasks = (count + PAIRS_A_TASK - 1) / PAIRS_A_TASK;
    float *codes = spiral__floats(2 * count * Z);
    int *failed = calloc(tasks + 1, sizeof *failed);
    spiral_status status =
        codes && failed ? SPIRAL_OK : spiral__no_memory(err, 2 * count * Z * sizeof *codes);
    if (status == SPIRAL_OK) {
        pairs p = {t, count, codes, codes + count * Z, failed};
        spiral__par_for(t->pool, tasks, pair_task, &p);
        for (size_t i = 0; i < tasks; i++)
            if (failed[i]) status = spiral__no_memory(err, 0);
    }
    if (status == SPIRAL_OK) status = fit(t->model, count, codes, codes + count * Z, err);
    if (status == SPIRAL_OK) *spiral__param(t->model, SPIRAL__CODES_DENSITY, 0) = density(t->corpus);
    free(codes);
    free(failed);
    return status;
}
