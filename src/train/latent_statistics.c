/* SPDX-License-Identifier: MIT
 *
 * The distribution of the latents of the training music, and how they change from a window (latent z) to the
 * window that begins half a window later (latent z'): mean and covariance C0 of the latents, and the vector
 * autoregression of order one
 *
 *     z' - mean = A (z - mean) + noise,    A = C1 C0^-1,    covariance of the noise Q = C0 - A C0 A',
 *
 * by its Yule-Walker equations (Luetkepohl, New Introduction to Multiple Time Series Analysis, 2.1.12), where
 * C1 is the covariance of z' and z. A sequence of latents drawn from it is stationary with covariance C0.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/linalg.h"
#include "data/window.h"
#include "train/trainer.h"

enum { MAX_PAIRS = 16384, PAIRS_PER_TASK = 256 };

/* ---- moments of the pairs ---- */

/* now, next: (pairs, Z). mean (Z), C0 and C1 (Z, Z). */
static void moments(size_t Z, size_t pairs, const float *now, const float *next, double *mean, double *C0,
                    double *C1) {
    for (size_t i = 0; i < pairs; i++)
        for (size_t z = 0; z < Z; z++) mean[z] += (now[i * Z + z] + next[i * Z + z]) / (2.0 * (double)pairs);
    for (size_t i = 0; i < pairs; i++)
        for (size_t a = 0; a < Z; a++) {
            double x = now[i * Z + a] - mean[a], y = next[i * Z + a] - mean[a];
            for (size_t b = 0; b < Z; b++) {
                double u = now[i * Z + b] - mean[b], v = next[i * Z + b] - mean[b];
                C0[a * Z + b] += (x * u + y * v) / 2;
                C1[a * Z + b] += y * u;
            }
        }
    for (size_t i = 0; i < Z * Z; i++) C0[i] /= (double)pairs, C1[i] /= (double)pairs;
}

/* Q = C0 - A C0 A'; M (Z, Z) is scratch. */
static void noise_covariance(size_t Z, const double *C0, const double *A, double *M, double *Q) {
    for (size_t k = 0; k < Z; k++) /* M = C0 A' */
        for (size_t b = 0; b < Z; b++) {
            double sum = 0;
            for (size_t l = 0; l < Z; l++) sum += C0[k * Z + l] * A[b * Z + l];
            M[k * Z + b] = sum;
        }
    for (size_t a = 0; a < Z; a++)
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t k = 0; k < Z; k++) sum += A[a * Z + k] * M[k * Z + b];
            Q[a * Z + b] = Q[b * Z + a] = C0[a * Z + b] - sum;
        }
}

static void set_tensor(spiral_model *m, int tensor, size_t n, const double *from) {
    float *to = spiral__tensor_data(m, tensor);
    for (size_t i = 0; i < n; i++) to[i] = (float)from[i];
}

/* Computes the model's tensors from pairs of latents. */
static spiral_status fit(spiral_model *m, size_t pairs, const float *now, const float *next,
                         spiral_error *err) {
    const size_t Z = m->ae.Z, ZZ = Z * Z;
    double *mean = calloc(Z + 5 * ZZ, sizeof *mean), trace = 0;
    if (!mean) return spiral__no_memory(err, (Z + 5 * ZZ) * sizeof *mean);
    double *C0 = mean + Z, *A = C0 + ZZ, *F = A + ZZ, *Q = F + ZZ, *M = Q + ZZ;
    moments(Z, pairs, now, next, mean, C0, A);
    for (size_t z = 0; z < Z; z++) trace += C0[z * Z + z];
    memcpy(F, C0, ZZ * sizeof *F);
    spiral__cholesky(Z, F, 1e-6 * trace / (double)Z + 1e-12);
    spiral__cholesky_solve(Z, F, Z, A); /* A was C1 until here */
    noise_covariance(Z, C0, A, M, Q);
    spiral__cholesky(Z, Q, 0);
    set_tensor(m, m->ae.latents_mean, Z, mean);
    set_tensor(m, m->ae.latents_factor, ZZ, F);
    set_tensor(m, m->ae.latents_step, ZZ, A);
    set_tensor(m, m->ae.latents_noise, ZZ, Q);
    free(mean);
    return SPIRAL_OK;
}

/* ---- encoding the pairs ---- */

typedef struct pairs {
    const spiral_model *model;
    const spiral_corpus *corpus;
    size_t count;
    float *now, *next; /* (count, Z) */
    int *failed;       /* (tasks) */
} pairs;

/* The latents of the window at a position of the corpus and of the window half a window later. */
static void encode_pair(const pairs *p, size_t position, spiral_keys *window, spiral_model_work *work,
                        float *now, float *next) {
    const spiral__autoencoder *ae = &p->model->ae;
    size_t frame, file = spiral__corpus_locate(p->corpus, position, &frame);
    const spiral_roll *roll = &p->corpus->entries[file].roll;
    spiral__window_cut(roll, frame, ae->T, 0, window);
    spiral_model_encode(p->model, 1, window, now, NULL, work);
    spiral__window_cut(roll, frame + (size_t)(ae->T + 1) / 2, ae->T, 0, window);
    spiral_model_encode(p->model, 1, window, next, NULL, work);
}

static void pair_task(void *context, size_t task, int worker) {
    (void)worker;
    const pairs *p = context;
    const spiral__autoencoder *ae = &p->model->ae;
    spiral_keys *window = calloc((size_t)(ae->planes * ae->T), sizeof *window);
    spiral_model_work *work = NULL;
    p->failed[task] = !window || spiral_model_work_create(p->model, &work, NULL) != SPIRAL_OK;
    size_t end = (task + 1) * PAIRS_PER_TASK < p->count ? (task + 1) * PAIRS_PER_TASK : p->count;
    for (size_t i = task * PAIRS_PER_TASK; i < end && !p->failed[task]; i++)
        encode_pair(p, i * p->corpus->positions / p->count, window, work, p->now + i * ae->Z,
                    p->next + i * ae->Z);
    spiral_model_work_destroy(work);
    free(window);
}

/* Mean number of sounding keys in a frame. */
static float density(const spiral_corpus *c) {
    uint64_t on = 0, frames = 0;
    for (size_t i = 0; i < c->count; i++) {
        const spiral_roll *roll = &c->entries[i].roll;
        frames += roll->frames;
        for (size_t t = 0; t < roll->frames; t++) on += (uint64_t)spiral_keys_count(roll->sounding[t]);
    }
    return frames ? (float)on / (float)frames : 0.0f;
}

spiral_status spiral__measure_latents(spiral_model *m, const spiral_corpus *corpus, spiral__pool *pool,
                                      spiral_error *err) {
    const size_t Z = m->ae.Z, count = corpus->positions < MAX_PAIRS ? corpus->positions : MAX_PAIRS;
    const size_t tasks = (count + PAIRS_PER_TASK - 1) / PAIRS_PER_TASK;
    float *latents = spiral__floats(2 * count * Z);
    int *failed = calloc(tasks + 1, sizeof *failed);
    spiral_status status =
        latents && failed ? SPIRAL_OK : spiral__no_memory(err, 2 * count * Z * sizeof *latents);
    if (status == SPIRAL_OK) {
        pairs p = {m, corpus, count, latents, latents + count * Z, failed};
        spiral__par_for(pool, tasks, pair_task, &p);
        for (size_t i = 0; i < tasks; i++)
            if (failed[i]) status = spiral__no_memory(err, 0);
    }
    if (status == SPIRAL_OK) status = fit(m, count, latents, latents + count * Z, err);
    if (status == SPIRAL_OK) *spiral__tensor_data(m, m->ae.density) = density(corpus);
    free(latents);
    free(failed);
    return status;
}
