/* SPDX-License-Identifier: MIT
 *
 * Windows to codes and back, for those who use a model: in chunks of one shard, whatever the batch.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/network.h"

struct spiral_model_work {
    spiral__network net; /* of one shard */
    spiral__run *runs;   /* of one window */
};

spiral_status spiral_model_work_create(const spiral_model *model, spiral_model_work **out,
                                       spiral_error *err) {
    spiral_model_work *work = calloc(1, sizeof *work);
    if (!work) return spiral__no_memory(err, sizeof *work);
    size_t bytes = spiral__runs_max(model) * sizeof *work->runs;
    work->runs = malloc(bytes);
    spiral_status status = work->runs ? spiral__network_create(model, SPIRAL__SHARD, 0, &work->net, err)
                                      : spiral__no_memory(err, bytes);
    if (status != SPIRAL_OK) {
        spiral_model_work_destroy(work);
        return status;
    }
    *out = work;
    return SPIRAL_OK;
}

void spiral_model_work_destroy(spiral_model_work *work) {
    if (!work) return;
    spiral__network_clear(&work->net);
    free(work->runs);
    free(work);
}

void spiral_model_encode(const spiral_model *model, size_t B, const spiral_keys *windows, float *codes,
                         double *kl, spiral_model_work *work) {
    const size_t columns = (size_t)model->planes * (size_t)model->T;
    spiral__network *net = &work->net;
    for (size_t begin = 0; begin < B; begin += SPIRAL__SHARD) {
        size_t rows = B - begin < SPIRAL__SHARD ? B - begin : SPIRAL__SHARD;
        for (size_t r = 0; r < rows; r++) {
            size_t count = spiral__runs_find(model, windows + (begin + r) * columns, (uint32_t)r, work->runs);
            spiral__runs_forward(model, work->runs, count, net->first + r * model->N);
        }
        spiral__encode_rows(net, 0, rows);
        for (size_t r = 0; r < rows; r++) {
            memcpy(codes + (begin + r) * model->Z, net->code + r * model->O, model->Z * sizeof *codes);
            if (kl) kl[begin + r] = spiral__code_kl(net, r);
        }
    }
}

void spiral_model_decode(const spiral_model *model, size_t B, const float *codes, float *logits,
                         spiral_model_work *work) {
    spiral__network *net = &work->net;
    for (size_t begin = 0; begin < B; begin += SPIRAL__SHARD) {
        size_t rows = B - begin < SPIRAL__SHARD ? B - begin : SPIRAL__SHARD;
        for (size_t r = 0; r < rows; r++)
            memcpy(net->code + r * model->O, codes + (begin + r) * model->Z, model->Z * sizeof *codes);
        spiral__decode_rows(net, 0, rows, 0);
        memcpy(logits + begin * model->D, net->logits, rows * model->D * sizeof *logits);
    }
}

void spiral_model_threshold(const spiral_model *model, const float *logits, float threshold,
                            spiral_keys *window) {
    const size_t T = (size_t)model->T, P = (size_t)model->P;
    memset(window, 0, (size_t)model->planes * T * sizeof *window);
    for (size_t row = 0; row < (size_t)model->planes * T; row++)
        for (size_t p = 0; p < P; p++)
            if (logits[row * P + p] > threshold)
                spiral_keys_set(&window[row], model->config.roll.low + (int)p, 1);
    if (model->planes == 2)
        for (size_t t = 0; t < T; t++)
            for (int w = 0; w < 2; w++) window[T + t].word[w] &= window[t].word[w];
}
