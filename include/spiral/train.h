/* SPDX-License-Identifier: MIT
 *
 * A folder of MIDI -> a corpus of rolls -> a trained model, and how good it is.
 */
#ifndef SPIRAL_TRAIN_H
#define SPIRAL_TRAIN_H

#include "loss.h"
#include "measure.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- corpus ----------------------------------------------------------------------------------------------
 */

typedef struct spiral_corpus spiral_corpus; /* rolls of many files, in a fixed order; owned */

/* What became of one file. */
typedef struct spiral_corpus_file {
    const char *path;
    double seconds;                /* length of the music */
    size_t columns;                /* of its roll; 0 if it was skipped */
    size_t windows, windows_empty; /* of T columns, one after another */
    spiral_roll_report report;
    const uint32_t *warnings; /* (SPIRAL_MIDI_WARNING_COUNT) repairs of the reader */
    const char *skipped;      /* why it was left out, one sentence; NULL if it is in the corpus */
    const char *same_as;      /* left out as a duplicate: the file that has its notes; else NULL */
} spiral_corpus_file;

/* Reads files and folders (folders are walked for .mid .midi .kar .rmi, in byte order of the names) and rolls
 * each with `options`; T is the window, for the counts. A file that cannot be read or holds no note in range
 * is left out and says so. IO: a path that does not exist; NO_DATA: nothing is left, with the first reason.
 */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_create(const char *const *paths, size_t count,
                                                                const spiral_roll_options *options, int T,
                                                                int threads, spiral_corpus **corpus,
                                                                spiral_error *err);
SPIRAL_API void spiral_corpus_destroy(spiral_corpus *corpus);
/* All files met, in order, the ones left out too. */
SPIRAL_API size_t spiral_corpus_file_count(const spiral_corpus *corpus);
SPIRAL_API spiral_corpus_file spiral_corpus_get_file(const spiral_corpus *corpus, size_t index);
/* The roll of a file in the corpus, owned by it; NULL if the file was left out. */
SPIRAL_API const spiral_roll *spiral_corpus_get_roll(const spiral_corpus *corpus, size_t index);
/* Leaves out the files that the MIDI reader had to mend; the reason names the faults and counts them. *count,
 * if not NULL, is how many. NO_DATA: nothing is left, with a reason. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_drop_mended(spiral_corpus *corpus, size_t *count,
                                                                     spiral_error *err);
/* Leaves out each file whose roll is, bit for bit but for silence before the first note, that of an earlier
 * file of the corpus, or of any file of `of` (NULL: no other corpus): call it before a split, or a piece is
 * validated on that was trained on. Tempos and velocities are not in a roll, so they make no difference.
 * *count, if not NULL, is how many. NO_DATA: nothing is left, with a reason. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_drop_duplicates(spiral_corpus *corpus,
                                                                         const spiral_corpus *of,
                                                                         size_t *count, spiral_error *err);
/* Moves every `every`-th file that is in the corpus to a new one (the split for validation). With fewer than
 * two files, the last tenth of the columns of the one file goes. NO_DATA: too little for two. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_corpus_split(spiral_corpus *corpus, size_t every,
                                                               spiral_corpus **held_out, spiral_error *err);

/* ---- evaluation ------------------------------------------------------------------------------------------
 */

typedef struct spiral_evaluation {
    spiral_measures model; /* the model at its threshold */
    spiral_measures pca;   /* the linear floor: as many principal components of its training data */
    size_t windows;        /* compared: one after another, the empty ones left out */
    double bce_nats;       /* per window */
    double kl_nats;        /* per window; 0 for an ae */
    double target_density, predicted_density; /* sounding keys per column */
    spiral_roll_report lost;                  /* what the representation itself lost, summed over the files */
} spiral_evaluation;

/* Encodes and decodes every window of the corpus, whose rolls must be of the model's kind. tolerance_s: for
 * note onsets. NO_DATA: no window with a note. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_evaluate(const spiral_model *model,
                                                                 const spiral_corpus *corpus,
                                                                 double tolerance_s, int threads,
                                                                 spiral_evaluation *evaluation,
                                                                 spiral_error *err);

/* ---- training --------------------------------------------------------------------------------------------
 */

typedef struct spiral_train_options {
    size_t struct_size; /* sizeof(spiral_train_options), set by _default */
    spiral_model_config model;
    spiral_loss_options loss; /* from_logits and reduction are set by the trainer */
    double beta;              /* vae: weight of the KL term, >= 0 */
    double free_bits;         /* vae: nats per code number that cost nothing, >= 0 */
    int batch;                /* windows a step, 1..65536 */
    double rate;              /* peak learning rate of AdamW, > 0 */
    double decay;             /* weight decay, >= 0 */
    int64_t steps;            /* > 0: exactly so many; else: */
    double epochs;            /* > 0: so many times the corpus' windows; else: */
    double seconds;           /* as many steps as fit this time on this machine, measured first */
    int transpose;            /* each window is moved by -n..n semitones at random, 0..24 */
    uint64_t seed;
    int threads; /* 0: one per processor; the result does not depend on it */
} spiral_train_options;

SPIRAL_API spiral_train_options spiral_train_options_default(void);

typedef enum spiral_train_event {
    SPIRAL_TRAIN_STEP,  /* some steps went by */
    SPIRAL_TRAIN_VALID, /* the model was scored on the held-out files; valid_* are new */
} spiral_train_event;

typedef struct spiral_train_progress {
    spiral_train_event event;
    int64_t step, steps;
    uint64_t windows_seen;
    double windows_per_s, seconds, eta_s;
    double train_loss; /* mean per window since the last report, the KL term included */
    double train_kl;   /* nats per window; 0 for an ae */
    double rate;
    double valid_loss, valid_f1, valid_exact; /* per window; frames; share of windows without a fault */
    int64_t best_step;
} spiral_train_progress;

/* Return nonzero to stop: what was reached is saved so that training can go on later. */
typedef int (*spiral_train_callback)(void *context, const spiral_train_progress *progress);

/* Trains a model and saves it at `path`: the best on `valid` of those met on the way. While it trains, and
 * when it is stopped, the file also holds what is needed to go on; with `resume` it goes on from there, to
 * the same bytes as without the pause. The model is also given back if `model` is not NULL. INTERRUPTED: the
 * callback asked to stop. NUMERIC: the loss is not finite; the error names the file whose window it met.
 * BAD_ARG: an option, with its value and limit. UNSUPPORTED: a loss without a gradient. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_train(const spiral_train_options *options,
                                                        const spiral_corpus *train,
                                                        const spiral_corpus *valid, const char *path,
                                                        int resume, spiral_train_callback callback,
                                                        void *context, spiral_train_progress *result,
                                                        spiral_model **model, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
