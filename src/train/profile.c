/* SPDX-License-Identifier: MIT
 *
 * Profiles of trainings (see profile.h).
 */
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/sized.h"
#include "simd/gemm_kernel.h"
#include "train/profile.h"

/* Smallest struct_size that is accepted. */
#define FIRST_ROW (offsetof(spiral_train_profile_row, operations) + sizeof(double))

static const struct kind {
    spiral_train_network network;
    const char *name;
} kinds[] = {
#define SPIRAL_X(name, network, text) {SPIRAL_TRAIN_##network, text},
    SPIRAL__LAP_LIST(SPIRAL_X)
#undef SPIRAL_X
};

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of the calling thread: time in which another program had the processor is not counted. */
static double thread_s(void) { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

spiral_status spiral_train_profile_create(spiral_train_profile **out, spiral_error *err) {
    spiral_train_profile *p = calloc(1, sizeof *p);
    if (!p) return spiral__no_memory(err, sizeof *p);
    *out = p;
    return SPIRAL_OK;
}

void spiral_train_profile_destroy(spiral_train_profile *p) {
    if (!p) return;
    free(p->laps);
    free(p);
}

/* The best of several: another program may interrupt one. */
static double measure_peak(void) {
    enum { TRIALS = 20 };
    const size_t rounds = 20000;
    double best = 0;
    for (int i = 0; i < TRIALS; i++) {
        const double begin = thread_s();
        const double operations = spiral__gemm_kernel_get()->peak(rounds);
        const double rate = operations / (thread_s() - begin);
        if (rate > best) best = rate;
    }
    return best;
}

spiral_status spiral__profile_begin(spiral_train_profile *p, const spiral__pool *pool, spiral_error *err) {
    const int threads = spiral__pool_threads(pool);
    if (!p || p->threads == threads) return SPIRAL_OK;
    if (p->threads)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the profile is of %d threads, the training has %d",
                            p->threads, threads);
    p->laps = calloc((size_t)threads, sizeof *p->laps);
    if (!p->laps) return spiral__no_memory(err, (size_t)threads * sizeof *p->laps);
    for (int i = 0; i < threads; i++) p->laps[i] = (spiral__laps){.now_s = thread_s, .all = p->laps};
    p->threads = threads;
    p->peak = measure_peak();
    return SPIRAL_OK;
}

spiral__profile_time spiral__profile_enter(const spiral_train_profile *p, int step) {
    if (!p) return (spiral__profile_time){0, 0};
    if (step) spiral__laps_now = p->laps;
    spiral__lap_begin();
    return (spiral__profile_time){seconds_of(CLOCK_MONOTONIC), seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
}

void spiral__profile_leave(spiral_train_profile *p, int step, spiral_train_network network,
                           spiral__profile_time entered) {
    if (!p) return;
    const spiral__lap_kind validation =
        network == SPIRAL_TRAIN_DECODER ? SPIRAL__LAP_DECODER_VALIDATION : SPIRAL__LAP_VALIDATION;
    spiral__laps_now = NULL;
    p->wall_s[network] += seconds_of(CLOCK_MONOTONIC) - entered.wall_s;
    if (!step)
        p->laps->sums[validation].seconds += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - entered.processor_s;
}

/* ---- reading it ---- */

double spiral_train_profile_peak(const spiral_train_profile *p) { return p->peak; }

static spiral__lap_sum sum_of(const spiral_train_profile *p, int kind) {
    spiral__lap_sum sum = {0, 0};
    for (int i = 0; i < p->threads; i++) {
        sum.seconds += p->laps[i].sums[kind].seconds;
        sum.operations += p->laps[i].sums[kind].operations;
    }
    return sum;
}

/* The time of all threads in which none of the kinds was done. */
static double seconds_of_rest(const spiral_train_profile *p, spiral_train_network network) {
    double seconds = p->wall_s[network] * p->threads;
    for (int k = 0; k < SPIRAL__LAPS; k++)
        if (kinds[k].network == network) seconds -= sum_of(p, k).seconds;
    return seconds > 0 ? seconds : 0;
}

size_t spiral_train_profile_count(const spiral_train_profile *p) {
    (void)p;
    return SPIRAL__LAPS + SPIRAL_TRAIN_NETWORKS;
}

void spiral_train_profile_get(const spiral_train_profile *p, size_t index, spiral_train_profile_row *row) {
    const size_t size = row->struct_size;
    spiral_train_profile_row r = {.struct_size = sizeof r};
    if (index < SPIRAL__LAPS) {
        const spiral__lap_sum sum = sum_of(p, (int)index);
        r.network = kinds[index].network;
        r.name = kinds[index].name;
        r.seconds = sum.seconds;
        r.operations = sum.operations;
    } else {
        r.network = index == SPIRAL__LAPS ? SPIRAL_TRAIN_AUTOENCODER : SPIRAL_TRAIN_DECODER;
        r.name = "waiting for threads and processor, and the rest";
        r.seconds = seconds_of_rest(p, r.network);
    }
    const double all = p->wall_s[r.network] * p->threads;
    r.share = all > 0 ? r.seconds / all : 0;
    if (size >= FIRST_ROW) spiral__sized_write(&r, sizeof r, row, size);
}
