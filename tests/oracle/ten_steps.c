/* SPDX-License-Identifier: MIT
 *
 * Helper of python/tests/test_twin.py: ten training steps, with everything that another program needs to
 * repeat them. ten-steps ae|vae|decoder FOLDER MIDI... writes FOLDER/start.safetensors, after the steps
 * FOLDER/end.safetensors, and FOLDER/batches.f32: for each step the targets (B, D), then for a vae the
 * posterior's noise (B, Z). Prints the learning rate and the loss of each step.
 *
 * With decoder, the steps are those of the note-by-note decoder. For each step and stream batches.f32 has the
 * number of its draw, frames done before, frames of the step, frames of the piece, whether cells are given,
 * whether there is a sketch; then sounding, onsets and given cells (frames, P), the sketch (frames, 2, P);
 * and the dropout factors of the rows of both matrices and of the head's layers (3, 32, H).
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/trainer.h"

enum { STEPS = 10 };

static spiral_model_config config_of(const char *kind) {
    spiral_model_config c;
    spiral_model_config_default(&c, sizeof c);
    c.grid = (spiral_grid){.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = 4};
    c.kind = strcmp(kind, "vae") ? SPIRAL_MODEL_AE : SPIRAL_MODEL_VAE;
    c.frames = 16, c.latent = 6, c.hidden = 48, c.layers = 2;
    if (!strcmp(kind, "decoder")) c.planes = 2, c.decoder = 24;
    return c;
}

static spiral_status save(const spiral_model *m, const char *folder, const char *name, spiral_error *err) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return spiral_model_save(m, path, err);
}

/* Writes the data that the last step drew. */
static spiral_status write_batch(const spiral_trainer *t, FILE *batches, spiral_error *err) {
    const spiral__objective *o = &t->objective;
    const size_t B = (size_t)t->settings.options.batch, D = t->model->ae.D;
    size_t n = fwrite(o->targets, sizeof(float), B * D, batches), wanted = B * D;
    if (t->model->ae.variational) {
        n += fwrite(o->batch.noise, sizeof(float), B * t->model->ae.Z, batches);
        wanted += B * t->model->ae.Z;
    }
    return n == wanted ? SPIRAL_OK : spiral__fail(err, SPIRAL_IO, -1, "batches.f32: cannot write");
}

static spiral_status steps(spiral_trainer *t, FILE *batches, spiral_error *err) {
    for (int i = 0; i < STEPS; i++) {
        spiral_trainer_state state = {.struct_size = sizeof state};
        spiral_trainer_get_state(t, &state);
        double before = t->phases[0].loss_sum;
        SPIRAL_TRY(spiral_trainer_step(t, err));
        printf("%.17g %.17g\n", state.learning_rate, t->phases[0].loss_sum - before);
        SPIRAL_TRY(write_batch(t, batches, err));
    }
    return SPIRAL_OK;
}

static void write_cells(const spiral_model *m, const spiral_keys *keys, size_t frames, FILE *batches) {
    for (size_t t = 0; t < frames; t++)
        for (int p = 0; p < m->ae.P; p++) {
            const float x = (float)spiral_keys_get(&keys[t], m->config.low + p);
            fwrite(&x, sizeof x, 1, batches);
        }
}

/* Writes the data that the decoder's last step read. */
static void write_streams(const spiral_trainer *t, FILE *batches) {
    const spiral_model *m = t->model;
    const spiral__decoder_objective *o = &t->decoder.objective;
    for (int i = 0; i < SPIRAL__STREAMS; i++) {
        const spiral__training_stream *s = &o->streams[i];
        const float numbers[] = {
            (float)s->draw,   (float)(s->at - s->step_frames), (float)s->step_frames,
            (float)s->frames, s->conditions.known != NULL,     s->conditions.sketch != NULL};
        fwrite(numbers, sizeof numbers, 1, batches);
        write_cells(m, s->sounding, s->frames, batches);
        write_cells(m, s->onsets, s->frames, batches);
        write_cells(m, s->known, s->frames, batches);
        fwrite(s->sketch, sizeof(float), s->frames * 2 * (size_t)m->ae.P, batches);
        for (int r = 0; r < SPIRAL__READERS; r++)
            fwrite(s->scale[r], sizeof(float), m->decoder.features.rows[r], batches);
        fwrite(s->dropout, sizeof(float), 3 * SPIRAL__STREAM_FRAMES * m->decoder.H, batches);
    }
}

static spiral_status decoder_steps(spiral_trainer *t, const char *folder, FILE *batches, spiral_error *err) {
    SPIRAL_TRY(spiral_trainer_start(t, 1, err));
    SPIRAL_TRY(spiral_trainer_step(t, err));
    SPIRAL_TRY(spiral_trainer_start_decoder(t, STEPS, err));
    SPIRAL_TRY(save(t->model, folder, "start.safetensors", err));
    for (int i = 0; i < STEPS; i++) {
        spiral_trainer_state state = {.struct_size = sizeof state};
        spiral_trainer_get_state(t, &state);
        double before = t->phases[SPIRAL_TRAIN_DECODER].loss_sum;
        SPIRAL_TRY(spiral_trainer_step(t, err));
        printf("%.17g %.17g\n", state.learning_rate, t->phases[SPIRAL_TRAIN_DECODER].loss_sum - before);
        write_streams(t, batches);
    }
    if (ferror(batches)) return spiral__fail(err, SPIRAL_IO, -1, "batches.f32: cannot write");
    return save(t->model, folder, "end.safetensors", err);
}

static spiral_status autoencoder_steps(spiral_trainer *t, const char *folder, FILE *batches,
                                       spiral_error *err) {
    SPIRAL_TRY(spiral_trainer_start(t, STEPS, err));
    SPIRAL_TRY(save(t->model, folder, "start.safetensors", err));
    SPIRAL_TRY(steps(t, batches, err));
    SPIRAL_TRY(spiral_trainer_finish(t, err)); /* measures the statistics of latents */
    return save(t->model, folder, "end.safetensors", err);
}

static spiral_status train(spiral_model *m, const spiral_corpus *corpus, const char *folder, FILE *batches,
                           spiral_error *err) {
    spiral_train_options options;
    spiral_trainer *t;
    spiral_train_options_default(&options, sizeof options);
    options.batch = 96, options.threads = 1;
    SPIRAL_TRY(spiral_trainer_create(&options, m, corpus, corpus, &t, err));
    spiral_status status =
        m->decoder.H ? decoder_steps(t, folder, batches, err) : autoencoder_steps(t, folder, batches, err);
    spiral_trainer_destroy(t);
    return status;
}

static spiral_status run(const char *kind, const char *folder, const char *const *paths, size_t count,
                         spiral_error *err) {
    const spiral_model_config config = config_of(kind);
    spiral_roll_options roll;
    spiral_roll_options_default(&roll, sizeof roll);
    spiral_corpus *corpus = NULL;
    spiral_model *m = NULL;
    char path[1024];
    snprintf(path, sizeof path, "%s/batches.f32", folder);
    FILE *batches = fopen(path, "wb");
    if (!batches) return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write", path);
    spiral_model_config_get_roll(&config, &roll);
    spiral_status status = spiral_corpus_load(paths, count, &roll, config.frames, 1, &corpus, err);
    if (status == SPIRAL_OK) status = spiral_model_create(&config, 1, &m, err);
    if (status == SPIRAL_OK) status = train(m, corpus, folder, batches, err);
    spiral_model_destroy(m);
    spiral_corpus_destroy(corpus);
    if (fclose(batches) && status == SPIRAL_OK)
        status = spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write", path);
    return status;
}

int main(int argc, char **argv) {
    spiral_error err = {.text = "usage: ten-steps ae|vae|decoder FOLDER MIDI..."};
    spiral_status status = SPIRAL_BAD_ARG;
    if (argc > 3) status = run(argv[1], argv[2], (const char *const *)argv + 3, (size_t)argc - 3, &err);
    if (status != SPIRAL_OK) fprintf(stderr, "%s\n", err.text);
    return status != SPIRAL_OK;
}
