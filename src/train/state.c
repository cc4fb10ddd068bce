/* SPDX-License-Identifier: MIT
 *
 * The record of the training in a model file, and saving a training so that it can be resumed. Nothing in the
 * file depends on the clock or the number of threads: the same seed gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/config.h"
#include "model/model_file.h"
#include "spiral/generate.h"
#include "train/trainer.h"

/* ---- metadata ---- */

/* Counts of the training music. All functions here that return JSON return NULL if memory is out. */
static json_t *data_json(const spiral_trainer *t) {
    size_t left_out = 0, frames = 0, notes = 0;
    double seconds = 0;
    for (size_t i = 0; i < t->corpus->count; i++) {
        const spiral__corpus_entry *e = &t->corpus->entries[i];
        left_out += e->left_out != NULL;
        if (e->left_out) continue;
        frames += e->roll.frames;
        seconds += e->file.seconds;
        notes += e->report.notes_kept;
    }
    return json_pack("{s:I, s:I, s:I, s:f, s:I, s:I}", "files", (json_int_t)(t->corpus->count - left_out),
                     "files_skipped", (json_int_t)left_out, "files_held_out",
                     (json_int_t)spiral__corpus_files_left(t->valid), "seconds", seconds, "frames",
                     (json_int_t)frames, "notes_kept", (json_int_t)notes);
}

static json_t *history_json(const spiral__phase *p, spiral_train_network network) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < p->history_count; i++) {
        const spiral__history_entry *e = &p->history[i];
        json_t *item =
            json_pack("{s:I, s:f, s:f}", "step", (json_int_t)e->step, "train", e->train, "valid", e->valid);
        int failed = network == SPIRAL_TRAIN_AUTOENCODER && item
                         ? json_object_set_new(item, "f1", json_real(e->f1)) ||
                               json_object_set_new(item, "exact", json_real(e->exact))
                         : !item;
        if (json_array_append_new(list, item) || failed) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* A phase as an object. The decoder's best_loss is in nats per frame. */
static json_t *phase_json(const spiral__phase *p, spiral_train_network network, int finished) {
    json_t *json = json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:o}", "steps", (json_int_t)p->steps, "step",
        (json_int_t)p->step, "best_step", (json_int_t)p->best_entry.step, "best_loss", p->best_entry.valid,
        "loss_sum", finished ? 0.0 : p->loss_sum, "kl_sum", finished ? 0.0 : p->kl_sum, "loss_steps",
        finished ? (json_int_t)0 : (json_int_t)p->loss_steps, "history", history_json(p, network));
    if (!json || !p->parts.count ||
        !json_object_set_new(json, "part_steps", spiral__parts_to_json(&p->parts)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *streams_json(const spiral_trainer *t) {
    int64_t numbers[SPIRAL__OBJECTIVE_NUMBERS];
    json_t *list = json_array();
    spiral__decoder_objective_get_state(&t->decoder.objective, numbers, NULL);
    for (int i = 0; i < SPIRAL__OBJECTIVE_NUMBERS; i++)
        json_array_append_new(list, json_integer((json_int_t)numbers[i]));
    if (list && json_array_size(list) == SPIRAL__OBJECTIVE_NUMBERS) return list;
    json_decref(list);
    return NULL;
}

/* The decoder's phase, its calibration, and the state of its objective. */
static json_t *decoder_json(const spiral_trainer *t) {
    json_t *json = phase_json(&t->phases[SPIRAL_TRAIN_DECODER], SPIRAL_TRAIN_DECODER, t->finished);
    const int runs = !t->finished && t->network == SPIRAL_TRAIN_DECODER;
    int failed =
        !json || json_object_set_new(json, "calibration_samples", json_integer(t->calibration.samples));
    if (!failed && runs) failed = json_object_set_new(json, "streams", streams_json(t));
    if (!failed) return json;
    json_decref(json);
    return NULL;
}

static json_t *training_json(const spiral_trainer *t) {
    json_t *json = spiral__train_settings_to_json(&t->settings);
    json_t *run = json_pack("{s:s, s:b}", "weights_from", "principal components", "finished", t->finished);
    json_t *phase = phase_json(&t->phases[SPIRAL_TRAIN_AUTOENCODER], SPIRAL_TRAIN_AUTOENCODER, t->finished);
    int failed = !json || !run || !phase || json_object_update(json, run) ||
                 json_object_update(json, phase) ||
                 (t->model->decoder.H && json_object_set_new(json, "decoder", decoder_json(t)));
    json_decref(run);
    json_decref(phase);
    if (!failed) return json;
    json_decref(json);
    return NULL;
}

/* Frees the object. */
static spiral_status set_metadata(spiral_model *m, const char *name, json_t *json, spiral_error *err) {
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(json);
    spiral_status status = text ? spiral_model_set_metadata(m, name, text, err) : spiral__no_memory(err, 0);
    free(text);
    return status;
}

spiral_status spiral__trainer_set_metadata(spiral_trainer *t, spiral_error *err) {
    SPIRAL_TRY(set_metadata(t->model, "data", data_json(t), err));
    return set_metadata(t->model, "training", training_json(t), err);
}

/* ---- saving ---- */

enum { STATE_ARRAYS = 5 };

/* The arrays that a decoder's training needs besides weights and moments. The caller frees *states. */
static spiral_status decoder_arrays(const spiral_trainer *t, spiral__array *arrays, float **states,
                                    spiral_error *err) {
    const spiral__decoder *d = &t->model->decoder;
    const size_t n = SPIRAL__STREAMS * (size_t)d->features.P * d->H;
    int64_t numbers[SPIRAL__OBJECTIVE_NUMBERS];
    *states = calloc(n, sizeof **states);
    if (!*states) return spiral__no_memory(err, n * sizeof **states);
    spiral__decoder_objective_get_state(&t->decoder.objective, numbers, *states);
    arrays[0] = (spiral__array){"resume.decoder.mean", 1, t->decoder.floats, t->decoder.mean};
    arrays[1] = (spiral__array){"resume.decoder.states", 1, n, *states};
    return SPIRAL_OK;
}

spiral_status spiral_trainer_save(spiral_trainer *t, const char *path, spiral_error *err) {
    const spiral_model *m = t->model;
    const size_t n = m->tensors.trained;
    float *states = NULL;
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->finished) return spiral_model_save(m, path, err);
    SPIRAL_TRY(spiral__trainer_set_metadata(t, err));
    spiral__array arrays[STATE_ARRAYS] = {{"resume.weights", 1, n, m->arena},
                                          {"resume.moment1", 1, n, t->optimizer.moment1},
                                          {"resume.moment2", 1, n, t->optimizer.moment2}};
    const int is_decoder = t->network == SPIRAL_TRAIN_DECODER;
    if (is_decoder) SPIRAL_TRY(decoder_arrays(t, arrays + 3, &states, err));
    const spiral__model_parts parts = {m, t->phases[t->network].best_entry.step ? t->best : NULL, arrays,
                                       is_decoder ? STATE_ARRAYS : 3};
    spiral_status status = spiral__model_file_save(&parts, path, err);
    free(states);
    return status;
}

/* ---- loading ---- */

static json_t *metadata(const spiral__model_file *file, const char *name) {
    const char *text = json_string_value(json_object_get(file->metadata, name));
    return text ? json_loads(text, 0, NULL) : NULL;
}

/* Files before version 0.2 have "columns" instead of "frames". */
static spiral_status compare_data(const spiral_trainer *t, const spiral__model_file *file,
                                  spiral_error *err) {
    json_t *now = data_json(t), *saved = metadata(file, "data");
    json_t *frames = json_object_get(saved, "columns");
    int failed = !now || (frames && json_object_set(saved, "frames", frames));
    if (frames) json_object_del(saved, "columns");
    int same = json_equal(now, saved);
    json_decref(now);
    json_decref(saved);
    if (failed) return spiral__no_memory(err, 0);
    return same ? SPIRAL_OK
                : spiral__fail(err, SPIRAL_BAD_ARG, -1, "it was trained on other files than these");
}

static spiral_status compare(const spiral_trainer *t, const spiral__model_file *file, const json_t *training,
                             spiral_error *err) {
    if (json_is_true(json_object_get(training, "finished")))
        return spiral__fail(err, SPIRAL_NO_DATA, -1, "its training is finished, there is nothing to resume");
    SPIRAL_TRY(spiral__train_settings_compare(&t->settings, training, err));
    spiral_status status = spiral__config_compare(&file->config, &t->model->config, err);
    if (status != SPIRAL_OK) return spiral__error_prefix(err, status, "the model to resume");
    return compare_data(t, file, err);
}

static int64_t integer(const json_t *object, const char *name) {
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static double real(const json_t *object, const char *name) {
    return json_number_value(json_object_get(object, name));
}

/* Reads the history, and finds the best entry in it. */
static spiral_status read_history(spiral__phase *p, const json_t *training, spiral_error *err) {
    const int64_t best = integer(training, "best_step");
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(training, "history"), i, item) {
        const spiral__history_entry e = {integer(item, "step"), real(item, "train"), real(item, "valid"),
                                         real(item, "f1"), real(item, "exact")};
        SPIRAL_TRY(spiral__phase_add_history(p, e, err));
        if (e.step == best) p->best_entry = e;
    }
    if (p->best_entry.step == best) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_FORMAT, -1, "its best step, %lld, is not in its history",
                        (long long)best);
}

static spiral_status read_steps(spiral__phase *p, const json_t *training, spiral_error *err) {
    const int64_t step = integer(training, "step"), steps = integer(training, "steps");
    if (steps < 1 || step < 0 || step > steps)
        return spiral__fail(err, SPIRAL_FORMAT, -1, "step %lld of %lld is not possible", (long long)step,
                            (long long)steps);
    const json_t *parts = json_object_get(training, "part_steps");
    if (parts) SPIRAL_TRY(spiral__parts_from_json(parts, &p->parts, err));
    if (parts && spiral__parts_sum(&p->parts) != steps)
        return spiral__fail(err, SPIRAL_FORMAT, -1, "the steps of its parts do not add up to %lld",
                            (long long)steps);
    p->step = step;
    p->steps = steps;
    return SPIRAL_OK;
}

/* calibration_samples is missing in files of versions in which the number was fixed. */
static spiral_status read_calibration(const json_t *decoder, int *samples, spiral_error *err) {
    const json_t *value = json_object_get(decoder, "calibration_samples");
    const json_int_t n = value ? json_integer_value(value) : SPIRAL_CALIBRATION_SAMPLES_MAX;
    if (n < SPIRAL_CALIBRATION_SAMPLES_MIN || n > SPIRAL_CALIBRATION_SAMPLES_MAX)
        return spiral__fail(err, SPIRAL_FORMAT, -1, "its calibration_samples is %lld, must be %d to %d",
                            (long long)n, SPIRAL_CALIBRATION_SAMPLES_MIN, SPIRAL_CALIBRATION_SAMPLES_MAX);
    *samples = (int)n;
    return SPIRAL_OK;
}

static spiral_status read_phase(spiral__phase *p, const json_t *training, spiral_error *err) {
    SPIRAL_TRY(read_steps(p, training, err));
    p->loss_sum = real(training, "loss_sum");
    p->kl_sum = real(training, "kl_sum");
    p->loss_steps = integer(training, "loss_steps");
    return read_history(p, training, err);
}

static spiral_status read_record(const json_t *training, spiral__trainer_record *record, spiral_error *err) {
    if (!json_is_true(json_object_get(training, "finished")))
        return spiral__fail(err, SPIRAL_NO_DATA, -1, "it has no record of a finished training");
    for (int i = 0; i < SPIRAL_TRAIN_NETWORKS; i++) {
        const json_t *of = i == SPIRAL_TRAIN_DECODER ? json_object_get(training, "decoder") : training;
        spiral__phase phase = {0};
        if (!of || !integer(of, "steps")) continue;
        SPIRAL_TRY(read_steps(&phase, of, err));
        record->steps[i] = phase.steps;
        record->parts[i] = phase.parts;
    }
    return read_calibration(json_object_get(training, "decoder"), &record->calibration_samples, err);
}

spiral_status spiral__trainer_record_read(const char *path, spiral__trainer_record *record,
                                          spiral_error *err) {
    spiral__model_file file;
    *record = (spiral__trainer_record){.steps = {0}};
    SPIRAL_TRY(spiral__model_file_load(path, &file, err));
    json_t *training = metadata(&file, "training");
    const spiral_status status = read_record(training, record, err);
    json_decref(training);
    spiral__model_file_clear(&file);
    return status == SPIRAL_OK ? status : spiral__error_prefix(err, status, path);
}

/* Reads the phases, and which network is trained now. */
static spiral_status read_training(spiral_trainer *t, const json_t *training, spiral_error *err) {
    const json_t *decoder = json_object_get(training, "decoder");
    spiral__trainer_reset(t, 0);
    SPIRAL_TRY(read_phase(&t->phases[SPIRAL_TRAIN_AUTOENCODER], training, err));
    SPIRAL_TRY(read_calibration(decoder, &t->calibration.samples, err));
    if (!t->model->decoder.H || integer(decoder, "steps") == 0) return SPIRAL_OK;
    SPIRAL_TRY(spiral__trainer_create_decoder(t, err));
    t->network = SPIRAL_TRAIN_DECODER;
    return read_phase(spiral__trainer_now(t), decoder, err);
}

static spiral_status read_weights(spiral_trainer *t, const spiral__model_file *file, spiral_error *err) {
    const spiral__safetensors *arrays = &file->container;
    const size_t n = t->model->tensors.trained;
    SPIRAL_TRY(spiral__model_file_get_tensors(file, t->model, t->best, err));
    SPIRAL_TRY(spiral__safetensors_get(arrays, "resume.weights", 1, n, t->model->arena, err));
    SPIRAL_TRY(spiral__safetensors_get(arrays, "resume.moment1", 1, n, t->optimizer.moment1, err));
    SPIRAL_TRY(spiral__safetensors_get(arrays, "resume.moment2", 1, n, t->optimizer.moment2, err));
    spiral__model_update(t->model, t->pool);
    return SPIRAL_OK;
}

/* Reads the mean of the weights and the positions of the streams. Call it after read_weights: the streams use
 * the autoencoder. */
static spiral_status read_decoder(spiral_trainer *t, const spiral__model_file *file, const json_t *training,
                                  spiral_error *err) {
    const spiral__decoder *d = &t->model->decoder;
    const json_t *streams = json_object_get(json_object_get(training, "decoder"), "streams");
    const size_t n = SPIRAL__STREAMS * (size_t)d->features.P * d->H;
    int64_t numbers[SPIRAL__OBJECTIVE_NUMBERS];
    if (t->network != SPIRAL_TRAIN_DECODER) return SPIRAL_OK;
    for (size_t i = 0; i < SPIRAL__OBJECTIVE_NUMBERS; i++)
        numbers[i] = (int64_t)json_integer_value(json_array_get(streams, i));
    float *states = calloc(n, sizeof *states);
    if (!states) return spiral__no_memory(err, n * sizeof *states);
    spiral_status status = spiral__safetensors_get(&file->container, "resume.decoder.mean", 1,
                                                   t->decoder.floats, t->decoder.mean, err);
    if (status == SPIRAL_OK)
        status = spiral__safetensors_get(&file->container, "resume.decoder.states", 1, n, states, err);
    if (status == SPIRAL_OK)
        status = spiral__decoder_objective_set_state(&t->decoder.objective, numbers, states, err);
    free(states);
    return status;
}

static spiral_status read_state(spiral_trainer *t, const spiral__model_file *file, const json_t *training,
                                spiral_error *err) {
    if (!json_is_object(training))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "its record of the training is missing");
    SPIRAL_TRY(compare(t, file, training, err));
    SPIRAL_TRY(read_training(t, training, err));
    SPIRAL_TRY(read_weights(t, file, err));
    return read_decoder(t, file, training, err);
}

spiral_status spiral_trainer_load(spiral_trainer *t, const char *path, spiral_error *err) {
    spiral__model_file file;
    SPIRAL_TRY(spiral__model_file_load(path, &file, err));
    json_t *training = metadata(&file, "training");
    spiral_status status = read_state(t, &file, training, err);
    json_decref(training);
    spiral__model_file_clear(&file);
    if (status == SPIRAL_OK) return status;
    spiral__trainer_reset(t, 0); /* not started */
    return spiral__error_prefix(err, status, path);
}
