/* SPDX-License-Identifier: MIT
 *
 * Windows to latents and back for those who use a trained model: one shard at a time, whatever the batch.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/autoencoder.h"
#include "model/model.h"
#include "nn/tasks.h"

struct spiral_model_work {
    spiral__autoencoder_batch batch; /* of one shard */
};

spiral_status spiral_model_work_create(const spiral_model *model, spiral_model_work **out,
                                       spiral_error *err) {
    spiral_model_work *work = calloc(1, sizeof *work);
    if (!work) return spiral__no_memory(err, sizeof *work);
    spiral_status status = spiral__autoencoder_batch_create(model, SPIRAL__SHARD, 0, 1, &work->batch, err);
    if (status != SPIRAL_OK) {
        free(work);
        return status;
    }
    *out = work;
    return SPIRAL_OK;
}

void spiral_model_work_destroy(spiral_model_work *work) {
    if (!work) return;
    spiral__autoencoder_batch_clear(&work->batch);
    free(work);
}

void spiral_model_encode(const spiral_model *model, size_t B, const spiral_keys *windows, float *latents,
                         double *kl, spiral_model_work *work) {
    const spiral__autoencoder *ae = &model->ae;
    const size_t window = (size_t)ae->planes * (size_t)ae->T;
    for (size_t shard = 0; shard < spiral__shard_count(B); shard++) {
        const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(B, shard);
        spiral__autoencoder_encode_rows(&work->batch, 0, rows, windows + begin * window);
        for (size_t r = 0; r < rows; r++) {
            memcpy(latents + (begin + r) * ae->Z, work->batch.latent + r * ae->O, ae->Z * sizeof *latents);
            if (kl) kl[begin + r] = spiral__autoencoder_kl(&work->batch, r);
        }
    }
}

void spiral_model_decode(const spiral_model *model, size_t B, const float *latents, float *logits,
                         spiral_model_work *work) {
    const spiral__autoencoder *ae = &model->ae;
    for (size_t shard = 0; shard < spiral__shard_count(B); shard++) {
        const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(B, shard);
        for (size_t r = 0; r < rows; r++)
            memcpy(work->batch.latent + r * ae->O, latents + (begin + r) * ae->Z, ae->Z * sizeof *latents);
        spiral__autoencoder_decode_rows(&work->batch, 0, rows, 0);
        memcpy(logits + begin * ae->D, work->batch.logits, rows * ae->D * sizeof *logits);
    }
}
