/* SPDX-License-Identifier: MIT
 *
 * spiral_generate: checks a request, and writes its variations in parallel.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/par.h"
#include "base/sized.h"
#include "decode/writer.h"
#include "generate/key_density.h"
#include "model/decoder.h"
#include "model/model.h"
#include "spiral/generate.h"

/* Smallest struct_sizes that are accepted: those of version 0.2. */
#define FIRST_REQUEST (offsetof(spiral_generate_request, threads) + sizeof(int))
#define FIRST_RESULT  (offsetof(spiral_generate_result, faults_seen) + sizeof(unsigned))

static const spiral_generate_request REQUEST = {.struct_size = sizeof REQUEST,
                                                .frames = 256,
                                                .seed = 1,
                                                .temperature = 1,
                                                .quarters_per_min = 120,
                                                .tonic = -1,
                                                .density = NAN,
                                                .tries = 4,
                                                .threads = 1};

void spiral_generate_request_default(spiral_generate_request *request, size_t struct_size) {
    spiral__sized_write(&REQUEST, sizeof REQUEST, request, struct_size);
}

/* ---- checks ---- */

static spiral_status check_cells(const spiral_model *m, const spiral_generate_request *q, spiral_error *err) {
    if (q->known && !q->sounding)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "known cells are given without their values (sounding)");
    if (q->known && m->config.planes == 2 && !q->onsets)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "known cells are given without onsets; the model has two planes");
    const size_t cells = q->frames * (size_t)(m->config.planes * m->decoder.features.P);
    for (size_t i = 0; q->sketch && i < cells; i++)
        if (!(q->sketch[i] >= 0 && q->sketch[i] <= 1))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "sketch[%zu] is %g, must be 0 to 1", i,
                                (double)q->sketch[i]);
    return SPIRAL_OK;
}

static spiral_status check(const spiral_model *m, const spiral_generate_request *q, size_t n,
                           spiral_error *err) {
    if (!m->decoder.H)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "the model has no note-by-note decoder; models trained by this version have one");
    if (q->frames < 1 || q->frames > SPIRAL_GENERATE_FRAMES_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%zu frames to write, must be 1 to %zu", q->frames,
                            SPIRAL_GENERATE_FRAMES_MAX);
    if (!(q->temperature >= 0 && q->temperature <= 10))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "temperature is %g, must be 0 to 10", q->temperature);
    if (!(q->quarters_per_min > 0 && q->quarters_per_min <= 1000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "tempo is %g, must be above 0, at most 1000",
                            q->quarters_per_min);
    if (q->tonic < -1 || q->tonic > 11)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "tonic is %d, must be -1 to 11", q->tonic);
    if (!isnan(q->density) && !(q->density >= -4 && q->density <= 4))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "density is %g, must be -4 to 4", q->density);
    if (q->tries < 1 || q->tries > 100)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "tries is %d, must be 1 to 100", q->tries);
    if (q->threads < 0 || q->threads > SPIRAL__MAX_THREADS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "threads is %d: must be 0 to %d", q->threads,
                            SPIRAL__MAX_THREADS);
    if (n < 1) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "0 variations to write, must be 1 or more");
    return check_cells(m, q, err);
}

/* ---- variations ---- */

typedef struct job {
    const spiral__writer *writer;
    uint64_t seed;
    spiral_roll *out;                /* (n) */
    spiral_generate_result *results; /* (n) or NULL */
    spiral_status *statuses;         /* (n) */
    size_t result_size;              /* of one, the caller's: read before the tasks write there */
} job;

/* Element i of the caller's array; its elements may be smaller or larger than ours. */
static spiral_generate_result *result_at(spiral_generate_result *results, size_t size, size_t i) {
    return (spiral_generate_result *)(void *)((unsigned char *)results + i * size);
}

static void write_task(void *context, size_t i, int worker) {
    const job *j = context;
    spiral__written w;
    (void)worker;
    j->statuses[i] =
        spiral__writer_run(j->writer, j->seed + i, j->out[i].sounding, j->out[i].onsets, &w, NULL);
    if (j->statuses[i] != SPIRAL_OK || !j->results) return;
    spiral_generate_result *to = result_at(j->results, j->result_size, i);
    const spiral_generate_result result = {
        .struct_size = sizeof result,
        .seed = j->seed + i,
        .nats_per_frame = w.open_frames ? w.nats / (double)w.open_frames : 0,
        .open_frames = w.open_frames,
        .tries = w.tries,
        .faults = w.faults,
        .faults_seen = w.faults_seen,
    };
    spiral__sized_write(&result, sizeof result, to, j->result_size);
}

static spiral_status run_job(job *j, size_t n, int threads, spiral_error *err) {
    spiral__pool *pool = NULL;
    j->result_size = j->results ? j->results->struct_size : 0;
    const int most = n < SPIRAL__MAX_THREADS ? (int)n : SPIRAL__MAX_THREADS;
    if (threads == 0 || threads > most) threads = n == 1 ? 1 : threads;
    if (threads > most) threads = most;
    if (threads != 1) SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    spiral__par_for(pool, n, write_task, j);
    spiral__pool_destroy(pool);
    for (size_t i = 0; i < n; i++)
        if (j->statuses[i] != SPIRAL_OK) return spiral__no_memory(err, 0);
    return SPIRAL_OK;
}

static spiral_status create_rolls(const spiral_model *m, const spiral_generate_request *q, size_t n,
                                  spiral_roll *out, spiral_error *err) {
    for (size_t i = 0; i < n; i++) {
        SPIRAL_TRY(spiral_roll_create(m->config.grid, q->frames, m->config.planes == 2, &out[i], err));
        out[i].quarters_per_min = q->quarters_per_min;
    }
    return SPIRAL_OK;
}

spiral_status spiral_generate(const spiral_model *m, const spiral_generate_request *request, size_t n,
                              spiral_roll *out, spiral_generate_result *results, spiral_error *err) {
    spiral_generate_request q = REQUEST;
    spiral__writer writer = {0};
    for (size_t i = 0; i < n; i++) memset(&out[i], 0, sizeof out[i]);
    SPIRAL_TRY(spiral__sized_read("generate request", request, FIRST_REQUEST, &q, sizeof q, err));
    SPIRAL_TRY(check(m, &q, n, err));
    if (results)
        SPIRAL_TRY(
            spiral__sized_check("generate result", results->struct_size, FIRST_RESULT, sizeof *results, err));
    const spiral__request wanted = spiral__key_density_request(m, &q);
    const spiral__decoder_weights weights = spiral__decoder_get_weights(m);
    const spiral__sampling sampling = spiral__decoder_get_sampling(m);
    job j = {&writer, q.seed, out, results, calloc(n, sizeof *j.statuses)};
    spiral_status status = j.statuses ? spiral__writer_create(&weights, &sampling, &wanted, &writer, err)
                                      : spiral__no_memory(err, n * sizeof *j.statuses);
    if (status == SPIRAL_OK) status = create_rolls(m, &q, n, out, err);
    if (status == SPIRAL_OK) status = run_job(&j, n, q.threads, err);
    for (size_t i = 0; status != SPIRAL_OK && i < n; i++) spiral_roll_clear(&out[i]);
    spiral__writer_clear(&writer);
    free(j.statuses);
    return status;
}
