/* SPDX-License-Identifier: MIT
 *
 * The calls for a program that computes the training steps itself, for example on a GPU.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/sized.h"
#include "data/window.h"
#include "model/decoder.h"
#include "train/trainer.h"

/* Smallest struct_size that is accepted: that of version 0.2. */
#define FIRST_ARRAYS (offsetof(spiral_trainer_arrays, moment2) + sizeof(float *))

_Static_assert(sizeof(spiral_feature) == sizeof(spiral__entry) &&
                   offsetof(spiral_feature, value) == offsetof(spiral__entry, value),
               "features are handed out as they are");
_Static_assert((int)SPIRAL_TRAIN_STREAMS == (int)SPIRAL__STREAMS &&
                   (int)SPIRAL_TRAIN_STREAM_FRAMES == (int)SPIRAL__STREAM_FRAMES,
               "the header says how many streams there are");

spiral_status spiral_trainer_get_arrays(spiral_trainer *t, spiral_trainer_arrays *arrays, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    SPIRAL_TRY(spiral__sized_check("trainer arrays", arrays->struct_size, FIRST_ARRAYS, sizeof *arrays, err));
    const spiral_trainer_arrays a = {.struct_size = sizeof a,
                                     .count = t->model->tensors.trained,
                                     .weights = t->model->arena,
                                     .moment1 = t->optimizer.moment1,
                                     .moment2 = t->optimizer.moment2};
    spiral__sized_write(&a, sizeof a, arrays, arrays->struct_size);
    return SPIRAL_OK;
}

static spiral_status check_network(const spiral_trainer *t, spiral_train_network network, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    const spiral__phase *now = &t->phases[t->network];
    if (t->network != network)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the %s is not being trained",
                            network == SPIRAL_TRAIN_DECODER ? "decoder" : "autoencoder");
    if (t->finished || now->step >= now->steps)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "all %lld steps have been made", (long long)now->steps);
    return SPIRAL_OK;
}

spiral_status spiral_trainer_draw_windows(spiral_trainer *t, size_t first, size_t rows, spiral_keys *windows,
                                          float *noise, spiral_error *err) {
    const spiral_train_options *o = &t->settings.options;
    const size_t B = (size_t)o->batch;
    SPIRAL_TRY(check_network(t, SPIRAL_TRAIN_AUTOENCODER, err));
    if (first > B || rows > B - first)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "rows %zu to %zu are not in a batch of %zu", first,
                            first + rows, B);
    spiral__objective_draw(&t->objective, (uint64_t)t->phases[t->network].step * B + first, rows, windows,
                           noise);
    return SPIRAL_OK;
}

static spiral_stream_part part_of(const spiral_trainer *t, const spiral__training_stream *s) {
    const spiral__features *f = &t->model->decoder.features;
    return (spiral_stream_part){.frames = s->step_frames,
                                .begins = s->at == 0,
                                .sounding = s->sounding + s->at,
                                .onsets = s->conditions.onsets ? s->onsets + s->at : NULL,
                                .known = s->conditions.known ? s->known + s->at : NULL,
                                .classes = f->P < 12 ? (size_t)f->P : 12,
                                .state = s->part.hidden};
}

spiral_status spiral_trainer_draw_parts(spiral_trainer *t, unsigned streams, spiral_stream_part *parts,
                                        size_t *frames, spiral_error *err) {
    SPIRAL_TRY(check_network(t, SPIRAL_TRAIN_DECODER, err));
    spiral__decoder_objective *o = &t->decoder.objective;
    *frames = spiral__decoder_objective_draw(o, t->phases[t->network].step);
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        spiral__training_stream *s = &o->streams[i];
        parts[i] = part_of(t, s);
        spiral__dropout dropout;
        spiral__decoder_objective_read(o, i, streams >> i & 1, &dropout);
        parts[i].dropout[0] = dropout.state;
        parts[i].dropout[1] = dropout.head0;
        parts[i].dropout[2] = dropout.head1;
        for (int r = 0; r < SPIRAL__READERS && (streams >> i & 1); r++)
            for (int k = 0; k < SPIRAL__SCOPES; k++) {
                parts[i].begin[r][k] = s->part.inputs[r][k].begin;
                parts[i].features[r][k] = (const spiral_feature *)s->part.inputs[r][k].entries;
            }
    }
    return SPIRAL_OK;
}

spiral_status spiral_trainer_get_decoder_mean(spiral_trainer *t, float *mean, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->network != SPIRAL_TRAIN_DECODER)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the decoder is not trained now");
    memset(mean, 0, t->model->tensors.trained * sizeof *mean);
    spiral__decoder_copy_in(t->model, t->decoder.mean, mean);
    return SPIRAL_OK;
}

spiral_status spiral_trainer_set_decoder_mean(spiral_trainer *t, const float *mean, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->network != SPIRAL_TRAIN_DECODER)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the decoder is not trained now");
    spiral__decoder_copy_out(t->model, mean, t->decoder.mean);
    return SPIRAL_OK;
}

spiral_status spiral_trainer_count_step(spiral_trainer *t, double loss, double kl, spiral_error *err) {
    SPIRAL_TRY(check_network(t, t->network, err));
    spiral__phase *now = spiral__trainer_now(t);
    if (!isfinite(loss) || !isfinite(kl))
        return spiral__fail(err, SPIRAL_NUMERIC, -1,
                            "the loss is not finite at step %lld; a lower learning rate than %g may help",
                            (long long)now->step + 1, t->settings.options.learning_rate);
    now->loss_sum += loss;
    now->kl_sum += kl;
    now->loss_steps++;
    now->step++;
    return SPIRAL_OK;
}
