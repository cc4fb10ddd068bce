/* SPDX-License-Identifier: MIT
 *
 * Helper of python/tests/test_twin.py: ten training steps, with all that another program needs to make them
 * too. ten-steps ae|vae FOLDER MIDI... writes FOLDER/start.safetensors and, its codes measured,
 * end.safetensors, and batches.f32: for each step the targets (B, D), then for a vae the posterior's noise
 * (B, Z). Prints for each step its learning rate and its loss.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/trainer.h"

enum { STEPS = 10 };

static spiral_train_options options_of(const char *kind) {
    spiral_train_options o = spiral_train_options_default();
    o.model.grid = (spiral_grid){.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = 4};
    o.model.kind = strcmp(kind, "vae") ? SPIRAL_MODEL_AE : SPIRAL_MODEL_VAE;
    o.model.frames = 16, o.model.latent = 6, o.model.hidden = 48, o.model.layers = 2;
    o.batch = 96, o.steps = STEPS, o.threads = 1;
    return o;
}

static spiral_status save(const spiral__trainer *t, const char *folder, const char *name, spiral_error *err) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return spiral_model_save(t->model, path, err);
}

static spiral_status steps(spiral__trainer *t, FILE *batches, spiral_error *err) {
    const size_t B = (size_t)t->options.batch;
    for (int i = 0; i < STEPS; i++) {
        double before = t->loss_sum, rate = spiral__trainer_rate(t, t->step);
        SPIRAL_TRY(spiral__trainer_step(t, err));
        printf("%.17g %.17g\n", rate, t->loss_sum - before);
        size_t n = fwrite(t->targets, sizeof(float), B * t->model->ae.D, batches);
        if (t->options.model.kind == SPIRAL_MODEL_VAE)
            n += fwrite(t->batch.noise, sizeof(float), B * t->model->ae.Z, batches);
        if (n < B * t->model->ae.D) return spiral__fail(err, SPIRAL_IO, -1, "batches.f32: cannot write");
    }
    return SPIRAL_OK;
}

static spiral_status run(const char *kind, const char *folder, const char *const *paths, size_t count,
                         spiral_error *err) {
    spiral_train_options o = options_of(kind);
    spiral_roll_options roll = spiral_roll_options_default();
    spiral_corpus *corpus = NULL;
    spiral_model_config_get_roll(&o.model, &roll);
    spiral__trainer t;
    char path[1024];
    snprintf(path, sizeof path, "%s/batches.f32", folder);
    FILE *batches = fopen(path, "wb");
    if (!batches) return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write", path);
    spiral_status status = spiral_corpus_load(paths, count, &roll, o.model.frames, 1, &corpus, err);
    if (status == SPIRAL_OK) status = spiral__trainer_create(&o, corpus, corpus, &t, err);
    if (status == SPIRAL_OK) {
        status = spiral__trainer_start(&t, err);
        t.steps = STEPS;
        if (status == SPIRAL_OK) status = save(&t, folder, "start.safetensors", err);
        if (status == SPIRAL_OK) status = steps(&t, batches, err);
        if (status == SPIRAL_OK) status = spiral__measure_codes(&t, err);
        if (status == SPIRAL_OK) status = save(&t, folder, "end.safetensors", err);
        spiral__trainer_clear(&t);
    }
    spiral_corpus_destroy(corpus);
    if (fclose(batches) && status == SPIRAL_OK)
        status = spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write", path);
    return status;
}

int main(int argc, char **argv) {
    spiral_error err = {.text = "usage: ten-steps ae|vae FOLDER MIDI..."};
    spiral_status status = SPIRAL_BAD_ARG;
    if (argc > 3) status = run(argv[1], argv[2], (const char *const *)argv + 3, (size_t)argc - 3, &err);
    if (status != SPIRAL_OK) fprintf(stderr, "%s\n", err.text);
    return status != SPIRAL_OK;
}
