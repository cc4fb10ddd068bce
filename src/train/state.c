/* SPDX-License-Identifier: MIT
 *
 * Saving a training so that it can go on, and what the finished file says about it. Nothing in the file
 * depends on the clock or the number of threads: the same seed gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "model/config.h"
#include "model/model_file.h"
#include "train/trainer.h"

/* What the model was trained on. */
static json_t *data_json(const spiral__trainer *t) {
    size_t files = 0, skipped = 0, columns = 0, notes = 0, held_out = 0;
    double seconds = 0;
    for (size_t i = 0; i < t->corpus->count; i++) {
        const spiral__corpus_entry *e = &t->corpus->entries[i];
        files += !e->left_out;
        skipped += e->left_out != NULL;
        columns += e->roll.frames;
        if (e->left_out) continue;
        seconds += e->file.seconds;
        notes += e->report.notes_kept;
    }
    for (size_t i = 0; i < t->valid->count; i++) held_out += !t->valid->entries[i].left_out;
    return json_pack("{s:I, s:I, s:I, s:f, s:I, s:I}", "files", (json_int_t)files, "files_skipped",
                     (json_int_t)skipped, "files_held_out", (json_int_t)held_out, "seconds", seconds,
                     "columns", (json_int_t)columns, "notes_kept", (json_int_t)notes);
}

/* The options that decide the result; resuming with others would be another training. */
static json_t *options_json(const spiral__trainer *t) {
    const spiral_train_options *o = &t->options;
    const spiral_loss_options *l = &o->loss;
    json_t *json =
        json_pack("{s:s, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:f}", "loss", spiral_loss_kind_name(l->kind),
                  "lambda", l->lambda, "bce", l->bce, "floor", l->kl_offset, "blur", l->blur_length, "reach",
                  l->blur_radius, "sigma", l->sigma, "time_columns", l->time_blur, "octave", l->helix.octave);
    json_t *radii = json_pack("[f, f, f, f, f, f]", l->helix.radii[0], l->helix.radii[1], l->helix.radii[2],
                              l->helix.radii[3], l->helix.radii[4], l->helix.radii[5]);
    json_object_set_new(json, "seed_radius", json_real(l->coil_radius));
    json_object_set_new(json, "seed_octave", json_real(l->coil_rise));
    json_t *run =
        json_pack("{s:o, s:i, s:f, s:f, s:i, s:I, s:I, s:f, s:f, s:s}", "helix_radii", radii, "batch",
                  o->batch, "rate", o->learning_rate, "decay", o->weight_decay, "transpose", o->transpose,
                  "seed", (json_int_t)o->seed, "steps", (json_int_t)t->steps, "beta", o->beta, "free_bits",
                  o->free_bits, "weights_from", "principal components");
    if (json && run) json_object_update(json, run);
    json_decref(run);
    return json;
}

static json_t *training_json(const spiral__trainer *t, int final) {
    json_t *json = options_json(t);
    if (!json) return NULL;
    json_object_set_new(json, "finished", json_boolean(final));
    json_object_set_new(json, "step", json_integer((json_int_t)t->step));
    json_object_set_new(json, "best_step", json_integer((json_int_t)t->best_step));
    json_object_set_new(json, "best_loss", json_real(t->best_step ? t->best_loss : 0));
    json_object_set_new(json, "loss_sum", json_real(final ? 0 : t->loss_sum));
    json_object_set_new(json, "kl_sum", json_real(final ? 0 : t->kl_sum));
    json_object_set_new(json, "loss_steps", json_integer(final ? 0 : (json_int_t)t->loss_steps));
    json_object_set(json, "history", t->history);
    return json;
}

static spiral_status set_note(spiral_model *m, const char *section, json_t *json, spiral_error *err) {
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(json);
    spiral_status status =
        text ? spiral_model_set_metadata(m, section, text, err) : spiral__no_memory(err, 0);
    free(text);
    return status;
}

spiral_status spiral__state_save(spiral__trainer *t, const char *path, int final, spiral_error *err) {
    spiral_model *m = t->model;
    const size_t n = m->tensors.trained;
    SPIRAL_TRY(set_note(m, "data", data_json(t), err));
    SPIRAL_TRY(set_note(m, "training", training_json(t, final), err));
    const spiral__array state[] = {
        {"resume.weights", 1, n, m->arena}, {"resume.moment1", 1, n, t->m}, {"resume.moment2", 1, n, t->v}};
    /* The model proper is the best so far. */
    const spiral__model_parts parts = {m, t->best_step || final ? t->best : NULL, state, final ? 0 : 3};
    return spiral__model_file_save(&parts, path, err);
}

static const char *metadata(const spiral__model_file *file, const char *name) {
    const char *text = json_string_value(json_object_get(file->metadata, name));
    return text ? text : "";
}

/* Says which option differs between the training in the file and the one asked for. */
static spiral_status compare_options(const spiral__trainer *t, const json_t *saved, spiral_error *err) {
    json_t *asked = options_json(t);
    const char *key, *differs = NULL;
    json_t *value;
    json_object_foreach(asked, key, value) {
        if (!strcmp(key, "steps")) continue; /* the plan in the file goes on */
        if (!json_equal(value, json_object_get(saved, key))) differs = key;
    }
    spiral_status status = SPIRAL_OK;
    if (differs) {
        char *is = json_dumps(json_object_get(saved, differs), JSON_ENCODE_ANY | JSON_COMPACT);
        char *now = json_dumps(json_object_get(asked, differs), JSON_ENCODE_ANY | JSON_COMPACT);
        status = spiral__fail(err, SPIRAL_BAD_ARG, -1, "the training to go on with has %s %.60s, not %.60s",
                              differs, is ? is : "unset", now ? now : "unset");
        free(is);
        free(now);
    }
    json_decref(asked);
    return status;
}

static spiral_status take_state(spiral__trainer *t, const spiral__model_file *file, const json_t *note,
                                spiral_error *err) {
    const size_t n = t->model->tensors.trained;
    const spiral__safetensors *arrays = &file->container;
    if (json_is_true(json_object_get(note, "finished")))
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            "its training is finished, there is nothing to go on with");
    SPIRAL_TRY(compare_options(t, note, err));
    spiral_status status = spiral__config_compare(&file->config, &t->model->config, err);
    if (status != SPIRAL_OK) return spiral__error_prefix(err, status, "the model to go on with");
    json_t *data = data_json(t), *saved_data = json_loads(metadata(file, "data"), 0, NULL);
    int same = json_equal(data, saved_data);
    json_decref(data);
    json_decref(saved_data);
    if (!same) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "it was trained on other files than these");
    SPIRAL_TRY(spiral__model_file_get_tensors(file, t->model, t->best, err));
    SPIRAL_TRY(spiral__safetensors_get(arrays, "resume.weights", 1, n, t->model->arena, err));
    SPIRAL_TRY(spiral__safetensors_get(arrays, "resume.moment1", 1, n, t->m, err));
    SPIRAL_TRY(spiral__safetensors_get(arrays, "resume.moment2", 1, n, t->v, err));
    t->steps = (int64_t)json_integer_value(json_object_get(note, "steps"));
    t->step = (int64_t)json_integer_value(json_object_get(note, "step"));
    t->best_step = (int64_t)json_integer_value(json_object_get(note, "best_step"));
    if (t->best_step) t->best_loss = json_number_value(json_object_get(note, "best_loss"));
    t->loss_sum = json_number_value(json_object_get(note, "loss_sum"));
    t->kl_sum = json_number_value(json_object_get(note, "kl_sum"));
    t->loss_steps = (int64_t)json_integer_value(json_object_get(note, "loss_steps"));
    json_array_clear(t->history);
    json_array_extend(t->history, json_object_get(note, "history"));
    if (t->steps < 1 || t->step < 0 || t->step > t->steps)
        return spiral__fail(err, SPIRAL_FORMAT, -1, "step %lld of %lld cannot be", (long long)t->step,
                            (long long)t->steps);
    spiral__model_update(t->model, t->pool);
    return SPIRAL_OK;
}

spiral_status spiral__state_load(spiral__trainer *t, const char *path, spiral_error *err) {
    spiral__model_file file;
    SPIRAL_TRY(spiral__model_file_load(path, &file, err));
    json_t *note = json_loads(metadata(&file, "training"), 0, NULL);
    spiral_status status = note ? take_state(t, &file, note, err)
                                : spiral__fail(err, SPIRAL_FORMAT, -1, "it says nothing about its training");
    json_decref(note);
    spiral__model_file_clear(&file);
    return status == SPIRAL_OK ? status : spiral__error_prefix(err, status, path);
}
