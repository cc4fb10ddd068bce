/* SPDX-License-Identifier: MIT
 *
 * Where the time of a training step goes. Each thread sums seconds and operations for each kind of work; a
 * lap is the time since the thread's last mark. Code that does a kind of work marks its end:
 *
 *     spiral__dense_forward(rows, in, out, ...);
 *     spiral__lap(SPIRAL__LAP_OUT_FORWARD, 2.0 * rows * in * out);
 *
 * When nothing is measured, a mark costs one comparison.
 */
#ifndef SPIRAL_NN_LAPS_H
#define SPIRAL_NN_LAPS_H

/* X(name, network, text) */
#define SPIRAL__LAP_LIST(X)                                              \
    X(WINDOWS, AUTOENCODER, "windows")                                   \
    X(NOTES_FORWARD, AUTOENCODER, "first layer, forward")                \
    X(ENCODER_FORWARD, AUTOENCODER, "encoder, forward")                  \
    X(LATENT_FORWARD, AUTOENCODER, "latent, forward")                    \
    X(DECODER_FORWARD, AUTOENCODER, "decoder, forward")                  \
    X(OUT_FORWARD, AUTOENCODER, "last layer, forward")                   \
    X(LOSS, AUTOENCODER, "loss and its gradient")                        \
    X(OUT_BACKWARD, AUTOENCODER, "last layer, gradient of its input")    \
    X(DECODER_BACKWARD, AUTOENCODER, "decoder, gradients of its inputs") \
    X(LATENT_BACKWARD, AUTOENCODER, "latent, gradient of its input")     \
    X(ENCODER_BACKWARD, AUTOENCODER, "encoder, gradients of its inputs") \
    X(OUT_WEIGHT, AUTOENCODER, "last layer, gradient of weights")        \
    X(HIDDEN_WEIGHT, AUTOENCODER, "hidden layers, gradients of weights") \
    X(NOTES_WEIGHT, AUTOENCODER, "first layer, gradient of weights")     \
    X(OPTIMIZER, AUTOENCODER, "optimiser")                               \
    X(NOTES_SUMS, AUTOENCODER, "first layer, sums along time")           \
    X(VALIDATION, AUTOENCODER, "validation")                             \
    X(STRETCHES, DECODER, "stretches of music and sketches")             \
    X(FEATURES, DECODER, "features")                                     \
    X(RECURRENT_ROWS, DECODER, "recurrent rows, forward")                \
    X(RECURRENT, DECODER, "recurrent layer, forward")                    \
    X(HEAD_ROWS, DECODER, "head rows, forward")                          \
    X(HEAD, DECODER, "head, forward")                                    \
    X(NATS, DECODER, "loss and its gradient")                            \
    X(HEAD_GRADIENT, DECODER, "head, gradients")                         \
    X(HEAD_ROWS_GRADIENT, DECODER, "head rows, gradient")                \
    X(RECURRENT_GRADIENT, DECODER, "recurrent layer, gradients")         \
    X(RECURRENT_ROWS_GRADIENT, DECODER, "recurrent rows, gradient")      \
    X(STREAM_SUM, DECODER, "sum of the streams' gradients")              \
    X(DECODER_OPTIMIZER, DECODER, "optimiser and mean of the weights")   \
    X(DECODER_VALIDATION, DECODER, "validation")

typedef enum spiral__lap_kind {
#define SPIRAL_X(name, network, text) SPIRAL__LAP_##name,
    SPIRAL__LAP_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL__LAPS
} spiral__lap_kind;

typedef struct spiral__lap_sum {
    double seconds, operations; /* a multiply-add is two operations */
} spiral__lap_sum;

/* Of one thread. */
typedef struct spiral__laps {
    double (*now_s)(void);
    struct spiral__laps *all; /* those of worker 0; worker w has all[w] */
    double mark_s;            /* of the last mark */
    spiral__lap_sum sums[SPIRAL__LAPS];
    char apart[64]; /* threads do not share a cache line */
} spiral__laps;

/* Those of this thread; NULL: not measured. Set by the caller that measures, for the duration of a call, and
 * by spiral__nn_par_for, for its tasks. */
extern _Thread_local spiral__laps *spiral__laps_now;

void spiral__laps_add(spiral__laps *laps, spiral__lap_kind kind, double operations);

/* This thread begins a lap. */
static inline void spiral__lap_begin(void) {
    if (spiral__laps_now) spiral__laps_now->mark_s = spiral__laps_now->now_s();
}

/* The lap that ends here was spent on `kind`. */
static inline void spiral__lap(spiral__lap_kind kind, double operations) {
    if (spiral__laps_now) spiral__laps_add(spiral__laps_now, kind, operations);
}

#endif
