/* SPDX-License-Identifier: MIT
 *
 * Training a model on a corpus, step by step (spiral_trainer_...) and in one call (spiral_train).
 *
 *     spiral_model_config config; spiral_train_options options;
 *     spiral_model_config_default(&config, sizeof config);
 *     spiral_train_options_default(&options, sizeof options);
 *     spiral_model_create(&config, options.seed, &model, &err);
 *     spiral_trainer_create(&options, model, corpus, held_out, &trainer, &err);
 *     spiral_trainer_start(trainer, 1000, &err);
 *     for (int i = 1; i <= 1000; i++) {
 *         spiral_trainer_step(trainer, &err);
 *         if (i % 50 == 0) spiral_trainer_validate(trainer, NULL, &err);
 *     }
 *     if (config.decoder) {
 *         spiral_trainer_start_decoder(trainer, 4000, &err);
 *         // steps and validations as above
 *     }
 *     spiral_trainer_finish(trainer, &err);
 *     spiral_model_save(model, "model.safetensors", &err);
 *
 * The result is a pure function of model config, options, steps, the steps at which it is validated, and
 * music. It does not depend on the clock or on the number of threads.
 */
#ifndef SPIRAL_TRAIN_H
#define SPIRAL_TRAIN_H

#include "data.h"
#include "loss.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What decides the result, apart from model config and music. */
typedef struct spiral_train_options {
    size_t struct_size;
    const spiral_loss_options *loss; /* NULL: the default. Copied; from_logits, reduction and low are set by
                                        the trainer */
    double beta;                     /* vae: weight of the KL term, 0..1e6 */
    double free_bits;                /* vae: nats per latent number that cost nothing, 0..100 */
    double learning_rate;            /* of AdamW at its peak, 1e-9..10 */
    double weight_decay;             /* of AdamW, for matrices, 0..10 */
    int batch;                       /* windows in a step, 1..65536 */
    int transpose;                   /* each window is transposed by -n..n semitones at random, 0..24 */
    uint64_t seed;
    int threads; /* 0..1024; 0: one per processor */
} spiral_train_options;

/* Fills struct_size bytes of *options. */
SPIRAL_API void spiral_train_options_default(spiral_train_options *options, size_t struct_size);

/* ---- training step by step ---- */

typedef struct spiral_trainer spiral_trainer;

/* The networks of a model are trained one after another, in this order. */
typedef enum spiral_train_network {
    SPIRAL_TRAIN_AUTOENCODER,
    SPIRAL_TRAIN_DECODER,
    SPIRAL_TRAIN_NETWORKS /* how many there are */
} spiral_train_network;

/* A trainer of a model, which it changes; model and corpora are borrowed until it is destroyed. valid: the
 * held-out files. One call at a time. BAD_ARG: an option with its value and limit, or a corpus of other rolls
 * than the model's; UNSUPPORTED: a loss without a gradient; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_create(const spiral_train_options *options,
                                                                 spiral_model *model,
                                                                 const spiral_corpus *train,
                                                                 const spiral_corpus *valid,
                                                                 spiral_trainer **trainer, spiral_error *err);
SPIRAL_API void spiral_trainer_destroy(spiral_trainer *trainer); /* NULL is fine */

/* Plans `steps` steps (1..1e12) and initialises the model: it gets new weights from the seed and starts as
 * the projection onto the principal components of the training windows and back. May be called again, to
 * start over. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_start(spiral_trainer *trainer, int64_t steps,
                                                                spiral_error *err);
/* Completes the autoencoder with its best weights so far, measures its latents on the training music, and
 * plans `steps` steps (1..1e12) of the note-by-note decoder: 4 streams of 32 frames each, AdamW; the learning
 * rate rises over the first hundred steps and falls to .4 of its peak as a half cosine. The calls below then
 * act on the decoder. May be called again, to start over with the decoder. BAD_ARG: not started, finished, or
 * the model has no decoder; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_start_decoder(spiral_trainer *trainer,
                                                                        int64_t steps, spiral_error *err);
/* Cuts the schedule of the learning rate into `count` equal parts (1..SPIRAL_TRAIN_PARTS_MAX) and gives each
 * its number of steps (0..5e10), above 0 in all, so that a training can be planned by time. Called before the
 * first step of the network, it replaces the number the network was started with; called later, it changes
 * parts that have not begun, and the count must stay the same. The list is saved, as part_steps: with it the
 * training can be repeated. BAD_ARG. */
enum { SPIRAL_TRAIN_PARTS_MAX = 20 };
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_set_parts(spiral_trainer *trainer,
                                                                    const int64_t *steps, int count,
                                                                    spiral_error *err);
/* One step. For the autoencoder: a batch of random windows, the gradient of their mean loss, AdamW. The
 * learning rate rises linearly over the first twentieth of the steps and then falls to 0 as a half cosine.
 * NUMERIC: the loss is not finite, the error names the file of the window; BAD_ARG: not started, or all steps
 * are done. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_step(spiral_trainer *trainer, spiral_error *err);

/* Means over the held-out windows (one after another, without the silent ones, at most 4096, evenly spread).
 */
typedef struct spiral_validation {
    size_t struct_size; /* set by the caller */
    double loss;        /* per window, without the KL term */
    double f1;          /* of the cells, one sounding at a logit above 0 */
    double exact;       /* share of windows in which every cell is right */
    double train_loss;  /* per window of the steps since the previous validation, the KL term included; 0: no
                           step */
    double train_kl;    /* nats per window of these steps; 0 for an ae */
    /* Of the decoder; then those above are 0. The held-out files from their first frame, at most 10,000
     * frames, and the mean of the weights over the last steps. */
    double nats_per_frame;       /* without given cells or sketch */
    double train_nats_per_frame; /* of the steps since the previous validation; of open cells, also in streams
                                    with given cells */
} spiral_validation;

/* Scores the weights, keeps a copy of them if their loss is the lowest so far (but not those before the first
 * step), and adds to the history that is saved. result may be NULL. NO_DATA: no held-out window
 * has a note; NUMERIC: the loss is not finite. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_validate(spiral_trainer *trainer,
                                                                   spiral_validation *result,
                                                                   spiral_error *err);
/* The model gets the best weights so far (if it was validated), its latents are measured on the training
 * music, and its metadata says that it is finished. No step can follow. BAD_ARG: not started; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_finish(spiral_trainer *trainer, spiral_error *err);

/* Saves the best weights as a model, and all that is needed to continue. After spiral_trainer_finish: as
 * spiral_model_save. BAD_ARG: not started. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_save(spiral_trainer *trainer, const char *path,
                                                               spiral_error *err);
/* Continues from such a file, instead of spiral_trainer_start: the result has the same bytes as without the
 * interruption. BAD_ARG: its options, config or music differ, the error says in what; NO_DATA: it is
 * finished; FORMAT; IO. On failure the trainer must be started or loaded again. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_load(spiral_trainer *trainer, const char *path,
                                                               spiral_error *err);

typedef struct spiral_trainer_state {
    size_t struct_size;                    /* set by the caller */
    int64_t step, steps;                   /* done, planned; 0 before the start */
    int64_t best_step;                     /* of the best validation; 0: none yet */
    double best_loss, best_f1, best_exact; /* its scores */
    double train_loss, train_kl;           /* means of the steps since the last validation; 0: no step */
    double learning_rate;                  /* of the next step */
    double windows_per_epoch;              /* how many windows the music has, one after another */
    double frames_per_epoch;               /* and how many frames */
    double best_nats_per_frame, train_nats_per_frame; /* of the decoder; 0: none yet */
    spiral_train_network
        network;      /* that is trained now: step, steps, best_step and learning_rate are its own */
    int64_t part_end; /* step at the end of the part of the schedule that runs; not cut: steps */
    int parts;        /* in how many the schedule is cut; 0: it is not */
    /* How often spiral_train validates this network if the schedule is not cut: twenty times; the decoder
     * less often, but at least once, if its validations would process more frames than its steps. A frame of
     * a step takes about three times as long, so validations take at most a quarter of the time. */
    int validations;
} spiral_trainer_state;
SPIRAL_API void spiral_trainer_get_state(const spiral_trainer *trainer, spiral_trainer_state *state);

/* ---- steps that another program computes ----
 *
 * Another program, on other hardware, may compute the steps, with the trainer's random numbers and schedule:
 * it takes the weights, and for each step the windows (or, of the decoder, the features) and the learning
 * rate (spiral_trainer_get_state); it counts the step, and before a validation, saving, start_decoder or
 * finish it writes the weights and moments back. python/spiral_loss/train.py does so with PyTorch.
 */

/* The numbers that training steps change. Borrowed from trainer and model. A trained tensor of the model is
 * at the same place in the three arrays as its data is in weights. After writing weights:
 * spiral_model_update. */
typedef struct spiral_trainer_arrays {
    size_t struct_size;       /* set by the caller */
    size_t count;             /* of each array */
    float *weights;           /* (count) */
    float *moment1, *moment2; /* (count) of AdamW: means of gradients and of their squares */
} spiral_trainer_arrays;
/* BAD_ARG: not started; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_get_arrays(spiral_trainer *trainer,
                                                                     spiral_trainer_arrays *arrays,
                                                                     spiral_error *err);
/* The mean of the decoder's weights over the last steps, at their places in mean (count); get sets the others
 * to 0. BAD_ARG: the decoder is not being trained. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_get_decoder_mean(spiral_trainer *trainer,
                                                                           float *mean, spiral_error *err);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_set_decoder_mean(spiral_trainer *trainer,
                                                                           const float *mean,
                                                                           spiral_error *err);

/* Rows first .. first + rows - 1 of the batch of the next step of the autoencoder: windows (rows, planes *
 * frames), and for a vae the noise of the posteriors (rows, latent); NULL: not wanted. BAD_ARG. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_draw_windows(spiral_trainer *trainer, size_t first,
                                                                       size_t rows, spiral_keys *windows,
                                                                       float *noise, spiral_error *err);

/* A feature: a row of a sparse matrix, and what it is multiplied by. */
typedef struct spiral_feature {
    uint32_t row;
    float value;
} spiral_feature;

/* What the decoder reads in the next step of a stream: for the two sparse matrices, "notes.recurrent.rows"
 * and "notes.head.rows", features of frames, of pitch classes (p % 12 of key p, counted from the lowest) and
 * of keys; a cell has the sum of the three. Borrowed until the next draw. */
enum { SPIRAL_TRAIN_STREAMS = 4, SPIRAL_TRAIN_STREAM_FRAMES = 32 };
typedef struct spiral_stream_part {
    size_t frames;               /* 1..SPIRAL_TRAIN_STREAM_FRAMES */
    int begins;                  /* nonzero: the state before it is 0 */
    const spiral_keys *sounding; /* (frames) */
    const spiral_keys *onsets;   /* (frames); NULL with one plane */
    const spiral_keys *known;    /* (frames) cells that are not predicted; NULL: none */
    const size_t *begin[2][3];   /* of the features of each frame; (frame, class); (frame, key) */
    const spiral_feature *features[2][3];
    size_t classes;          /* of a frame: 12, or fewer keys */
    float *state;            /* (keys, decoder) the recurrent state before this part; write the state
                                after it here before the training is saved */
    const float *dropout[3]; /* (frames, decoder) what is multiplied with the states as the head reads
                                them, and with the first and the second layer of the head after SiLU, of
                                every key; NULL: nothing */
} spiral_stream_part;
/* Draws the next step of the decoder. streams: bits 1 << i of those whose features are wanted; parts
 * (SPIRAL_TRAIN_STREAMS) of the others have frames alone. *frames: of all streams. BAD_ARG: the decoder is
 * not trained now. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_draw_parts(spiral_trainer *trainer,
                                                                     unsigned streams,
                                                                     spiral_stream_part *parts,
                                                                     size_t *frames, spiral_error *err);

/* A step was made: its mean loss per window and KL term, or nats per frame. NUMERIC: the loss is not finite;
 * BAD_ARG: not started, or all steps are done. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_trainer_count_step(spiral_trainer *trainer, double loss,
                                                                     double kl, spiral_error *err);

/* ---- training in one call ---- */

typedef enum spiral_train_event {
    SPIRAL_TRAIN_STEP,       /* some steps were made */
    SPIRAL_TRAIN_VALID,      /* the weights were scored on the held-out files: valid_... are new */
    SPIRAL_TRAIN_CALIBRATION /* all steps were made, and the sampling of the decoder is being calibrated
                                (spiral_generate_calibrate): calibrated and eta_s are new */
} spiral_train_event;

typedef struct spiral_train_progress {
    size_t struct_size; /* set by the caller; in a callback, by the library */
    spiral_train_event event;
    int64_t step, steps; /* done, planned */
    uint64_t windows_seen;
    double windows_per_s, seconds, eta_s;
    double train_loss; /* as in spiral_validation */
    double train_kl;
    double learning_rate;                     /* of the next step */
    double valid_loss, valid_f1, valid_exact; /* of the last validation */
    int64_t best_step;
    /* Since version 0.2 a model may have a decoder. */
    spiral_train_network network; /* that is trained now: event, step, steps, learning_rate and best_step are
                                     its own. If the time was given, steps is an estimate until the last
                                     validations, and eta_s is for all that is left, else for this network */
    int64_t decoder_steps, decoder_best_step; /* in the result, where step, steps and best_step are the
                                                 autoencoder's */
    uint64_t frames_seen;                     /* by the decoder, about: 128 a step */
    double frames_per_s;
    double train_nats_per_frame, valid_nats_per_frame; /* as in spiral_validation */
    const char *save_error; /* in a callback: why saving failed since the last report; NULL: it did not */
    double calibrated;      /* the part of the calibration that is done, 0..1 */
} spiral_train_progress;

/* Returns nonzero to stop the training, which can be resumed later. */
typedef int (*spiral_train_callback)(void *context, const spiral_train_progress *progress);

/* Where the time of a training went. */
typedef struct spiral_train_profile spiral_train_profile;

/* A kind of work. */
typedef struct spiral_train_profile_row {
    size_t struct_size; /* set by the caller */
    spiral_train_network network;
    const char *name;  /* belongs to the library */
    double seconds;    /* of processor time, of all threads together */
    double share;      /* 0..1 of the time of all threads in this network's steps and validations */
    double operations; /* of matrix products, a multiply-add is two; 0: not counted */
} spiral_train_profile_row;

/* An empty profile, for the plan of trainings that have the same number of threads. NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_train_profile_create(spiral_train_profile **profile,
                                                                       spiral_error *err);
SPIRAL_API void spiral_train_profile_destroy(spiral_train_profile *profile); /* NULL is fine */
SPIRAL_API size_t spiral_train_profile_count(const spiral_train_profile *profile);
/* index: 0 .. count - 1. Rows of a network that was not trained are 0. */
SPIRAL_API void spiral_train_profile_get(const spiral_train_profile *profile, size_t index,
                                         spiral_train_profile_row *row);
/* Operations per second of one thread that multiplies and adds in registers alone, measured when the training
 * began: no matrix product can be faster. */
SPIRAL_API double spiral_train_profile_peak(const spiral_train_profile *profile);

/* How long to train, and what to do meanwhile. */
typedef struct spiral_train_plan {
    size_t struct_size;
    int64_t steps; /* above 0: this many; else: */
    double epochs; /* above 0: steps that draw this many times the number of windows of the music; else: */
    /* 1..1e8: as many steps as fit in this time, including everything else that the call does: the speed is
     * measured, and the remaining steps are planned again after each validation. */
    double seconds;
    const char *path; /* where the finished model is saved; NULL: nowhere */
    int resume;       /* nonzero: continues from the file at state_path, or, if there is none, at path */
    spiral_train_callback callback; /* called every tenth of a second or more often; NULL: none */
    void *context;                  /* its first argument */
    int64_t decoder_steps; /* of the decoder, if the model has one; with steps, 0 means as many; with seconds,
                              it is ignored */
    double decoder_share;  /* of the seconds, 0.05..0.95 */
    const char *state_path; /* where the training is saved until it is finished; then removed. NULL: path */
    double save_every_s;    /* how often, 0..1e8; if it fails, training continues and saving is tried again */
    double seconds_used;    /* of the seconds, before the call: for reading the music. 0..1e8 */
    const char *steps_of;   /* file of a finished model: as many steps as its training took, so that the same
                               options and music give the same bytes, however its length was given; NULL: none.
                               Takes precedence over steps, epochs and seconds */
    spiral_train_profile *profile; /* gets the times added; NULL: not measured. It changes no result */
} spiral_train_plan;

/* Fills struct_size bytes of *plan: 120 seconds, of which 0.8 for the decoder; nothing saved,
 * every 30 seconds if a path is given. */
SPIRAL_API void spiral_train_plan_default(spiral_train_plan *plan, size_t struct_size);

/* Trains a model: starts or resumes, makes the steps, validates each network (twenty times; the decoder
 * less often in a short training, see spiral_trainer_state), finishes it, chooses its threshold and saves it.
 * result (may be NULL): the last progress; its valid_... are those of the best weights. Errors as above, and
 * INTERRUPTED: the callback asked to stop; the state is saved, so that the training can be resumed. The
 * calibration begins anew then. If the
 * file at path or the state cannot be written, the error is returned. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_train(const spiral_train_options *options,
                                                        const spiral_train_plan *plan, spiral_model *model,
                                                        const spiral_corpus *train,
                                                        const spiral_corpus *valid,
                                                        spiral_train_progress *result, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
