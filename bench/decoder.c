/* SPDX-License-Identifier: MIT
 *
 * Training speed of the note-by-note decoder: decoder THREADS STEPS MIDI... prints the frames per second of
 * STEPS steps, after ten that are not timed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spiral/train.h"

enum { FIRST_STEPS = 10, FRAMES = 128 }; /* frames of a step, except at the ends of pieces */

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static spiral_status time_steps(spiral_trainer *trainer, int steps, spiral_error *err) {
    spiral_status status = spiral_trainer_start(trainer, 1, err);
    if (status == SPIRAL_OK) status = spiral_trainer_start_decoder(trainer, FIRST_STEPS + steps, err);
    double begin = 0;
    for (int i = 0; i < FIRST_STEPS + steps && status == SPIRAL_OK; i++) {
        if (i == FIRST_STEPS) begin = now_s();
        status = spiral_trainer_step(trainer, err);
    }
    if (status == SPIRAL_OK) printf("%.1f\n", steps * FRAMES / (now_s() - begin));
    return status;
}

static spiral_status run(int threads, int steps, const char *const *paths, size_t count, spiral_error *err) {
    spiral_model_config config;
    spiral_roll_options roll;
    spiral_train_options options;
    spiral_corpus *corpus = NULL;
    spiral_model *model = NULL;
    spiral_trainer *trainer = NULL;
    spiral_model_config_default(&config, sizeof config);
    config.grid = (spiral_grid){.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = 4};
    config.low = 36, config.high = 83, config.planes = 2, config.frames = 16, config.decoder = 96;
    spiral_roll_options_default(&roll, sizeof roll);
    spiral_model_config_get_roll(&config, &roll);
    spiral_train_options_default(&options, sizeof options);
    options.threads = threads;
    spiral_status status = spiral_corpus_load(paths, count, &roll, config.frames, threads, &corpus, err);
    if (status == SPIRAL_OK) status = spiral_model_create(&config, 1, &model, err);
    if (status == SPIRAL_OK) status = spiral_trainer_create(&options, model, corpus, corpus, &trainer, err);
    if (status == SPIRAL_OK) status = time_steps(trainer, steps, err);
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(model);
    spiral_corpus_destroy(corpus);
    return status;
}

int main(int argc, char **argv) {
    spiral_error err = {.text = "usage: bench-decoder THREADS STEPS MIDI..."};
    spiral_status status = SPIRAL_BAD_ARG;
    if (argc > 3)
        status = run(atoi(argv[1]), atoi(argv[2]), (const char *const *)argv + 3, (size_t)argc - 3, &err);
    if (status != SPIRAL_OK) fprintf(stderr, "%s\n", err.text);
    return status != SPIRAL_OK;
}
