/* SPDX-License-Identifier: MIT
 *
 * Training speed of the autoencoder: bench-train THREADS BATCH HIDDEN STEPS MIDI... prints the windows per
 * second, and the processor seconds per window, of STEPS steps after five that are not timed. Preset 36x36.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spiral/train.h"

enum { FIRST_STEPS = 5 };

typedef struct sizes {
    int threads, batch, hidden, steps;
} sizes;

static double now_s(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static spiral_status time_steps(spiral_trainer *trainer, const sizes *s, spiral_error *err) {
    spiral_status status = spiral_trainer_start(trainer, FIRST_STEPS + s->steps, err);
    double wall = 0, processor = 0;
    for (int i = 0; i < FIRST_STEPS + s->steps && status == SPIRAL_OK; i++) {
        if (i == FIRST_STEPS) wall = now_s(CLOCK_MONOTONIC), processor = now_s(CLOCK_PROCESS_CPUTIME_ID);
        status = spiral_trainer_step(trainer, err);
    }
    const double windows = (double)s->steps * s->batch;
    if (status == SPIRAL_OK)
        printf("%.1f %.9f\n", windows / (now_s(CLOCK_MONOTONIC) - wall),
               (now_s(CLOCK_PROCESS_CPUTIME_ID) - processor) / windows);
    return status;
}

static spiral_status run(const sizes *s, const char *const *paths, size_t count, spiral_error *err) {
    spiral_model_config config;
    spiral_roll_options roll;
    spiral_train_options options;
    spiral_corpus *corpus = NULL;
    spiral_model *model = NULL;
    spiral_trainer *trainer = NULL;
    spiral_model_config_default(&config, sizeof config);
    config.hidden = s->hidden, config.decoder = 0;
    spiral_roll_options_default(&roll, sizeof roll);
    spiral_model_config_get_roll(&config, &roll);
    spiral_train_options_default(&options, sizeof options);
    options.threads = s->threads;
    options.batch = s->batch;
    spiral_status status = spiral_corpus_load(paths, count, &roll, config.frames, s->threads, &corpus, err);
    if (status == SPIRAL_OK) status = spiral_model_create(&config, 1, &model, err);
    if (status == SPIRAL_OK) status = spiral_trainer_create(&options, model, corpus, corpus, &trainer, err);
    if (status == SPIRAL_OK) status = time_steps(trainer, s, err);
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(model);
    spiral_corpus_destroy(corpus);
    return status;
}

int main(int argc, char **argv) {
    spiral_error err = {.text = "usage: bench-train THREADS BATCH HIDDEN STEPS MIDI..."};
    spiral_status status = SPIRAL_BAD_ARG;
    if (argc > 5) {
        const sizes s = {atoi(argv[1]), atoi(argv[2]), atoi(argv[3]), atoi(argv[4])};
        status = run(&s, (const char *const *)argv + 5, (size_t)argc - 5, &err);
    }
    if (status != SPIRAL_OK) fprintf(stderr, "%s\n", err.text);
    return status != SPIRAL_OK;
}
