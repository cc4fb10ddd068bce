/* SPDX-License-Identifier: MIT
 *
 * Resuming: the same bytes as without the pause; other options are refused by name; files of version 0.1.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "base/file.h"
#include "model/model_file.h"
#include "training_music.h"

enum { OLD_STEPS = 400 }; /* of version-0.1-unfinished.safetensors */

static int set_up(void **state) {
    (void)state;
    return open_music(5, 0, 150, 150, 0);
}

static void assert_same_file(const unsigned char *bytes, size_t size) {
    size_t mine;
    unsigned char *now = model_bytes(&mine);
    assert_int_equal(mine, size);
    assert_memory_equal(now, bytes, size);
    free(now);
}

static int stop_at(void *context, const spiral_train_progress *progress) {
    return progress->step >= *(const int64_t *)context;
}

/* Trains from the beginning or from the file, until a step. */
static void train_until(training t, int resume, int64_t step) {
    spiral_error err = {.text = ""};
    spiral_status wanted = step < t.plan.steps ? SPIRAL_INTERRUPTED : SPIRAL_OK;
    t.plan.path = p.model;
    t.plan.resume = resume;
    t.plan.callback = stop_at;
    t.plan.context = &step;
    spiral_status status = try_training(&t, corpus, held, NULL, NULL, &err);
    if (status != wanted) fail_msg("status %d: %s", status, err.text);
}

/* Stopped before the first validation, at one, between two, and twice; also resumed with another number of
 * threads. */
static void a_resumed_training_gives_the_same_bytes(void **state) {
    (void)state;
    training t = vae_training();
    const int64_t stops[][2] = {{1, 0}, {2, 0}, {15, 0}, {7, 24}, {40, 0}};
    size_t size;
    train_until(t, 0, 41);
    unsigned char *bytes = model_bytes(&size);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        t.options.threads = 1 + (int)i % 2;
        for (int k = 0; k < 2 && stops[i][k]; k++) {
            spiral_model *half; /* an unfinished training is a model file too */
            train_until(t, k, stops[i][k]);
            assert_int_equal(spiral_model_load(p.model, &half, NULL), SPIRAL_OK);
            assert_non_null(strstr(spiral_model_get_metadata(half, "training"), "\"finished\":false"));
            spiral_model_destroy(half);
        }
        train_until(t, 1, 41);
        assert_same_file(bytes, size);
    }
    free(bytes);
}

/* Saved and loaded in the middle of a training, with the trainer's calls. */
static void a_loaded_trainer_is_the_saved_one(void **state) {
    (void)state;
    training t = vae_training();
    spiral_model *m[2];
    spiral_trainer *a = make_trainer(&t, corpus, held, &m[0]), *b = make_trainer(&t, corpus, held, &m[1]);
    assert_int_equal(spiral_trainer_start(a, 30, NULL), SPIRAL_OK);
    for (int i = 1; i <= 9; i++) {
        assert_int_equal(spiral_trainer_step(a, NULL), SPIRAL_OK);
        if (i % 4 == 0) assert_int_equal(spiral_trainer_validate(a, NULL, NULL), SPIRAL_OK);
    }
    assert_int_equal(spiral_trainer_save(a, p.model, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_load(b, p.model, NULL), SPIRAL_OK);
    spiral_trainer_state x = state_of(a), y = state_of(b);
    assert_memory_equal(&x, &y, offsetof(spiral_trainer_state, network)); /* there is padding after it */
    assert_int_equal(x.network, y.network);
    assert_int_equal(x.part_end, y.part_end);
    assert_int_equal(x.parts, y.parts);
    assert_int_equal(x.validations, y.validations);
    assert_int_equal(x.step, 9);
    const size_t size = m[0]->tensors.trained * sizeof(float);
    assert_memory_equal(m[0]->arena, m[1]->arena, m[0]->tensors.floats * sizeof(float));
    assert_memory_equal(a->best, b->best, size);
    assert_memory_equal(a->optimizer.moment1, b->optimizer.moment1, size);
    assert_memory_equal(a->optimizer.moment2, b->optimizer.moment2, size);
    assert_int_equal(a->phases[0].history_count, b->phases[0].history_count);
    assert_memory_equal(a->phases[0].history, b->phases[0].history,
                        a->phases[0].history_count * sizeof *a->phases[0].history);
    spiral_trainer_destroy(a);
    spiral_trainer_destroy(b);
    spiral_model_destroy(m[0]);
    spiral_model_destroy(m[1]);
}

static void refuse(const training *t, const spiral_corpus *music, spiral_status status, const char *word) {
    training resumed = *t;
    spiral_error err = {.text = ""};
    resumed.plan.path = p.model;
    resumed.plan.resume = 1;
    assert_fails(try_training(&resumed, music, held, NULL, NULL, &err), status, &err, p.model, word);
}

/* Changes one option at a time; the error must name it. */
static void other_options_are_refused_by_name(void **state) {
    (void)state;
    const training before = vae_training();
    train_until(before, 0, 5);
#define DIFFERS(change, word)                     \
    do {                                          \
        training t = before;                      \
        change;                                   \
        refuse(&t, corpus, SPIRAL_BAD_ARG, word); \
    } while (0)
    DIFFERS(t.options.batch = 151, "the training to resume has batch 150, not 151");
    DIFFERS(t.options.learning_rate *= 2, "has learning_rate");
    DIFFERS(t.options.weight_decay = 0.5, "has weight_decay");
    DIFFERS(t.options.transpose = 1, "has transpose 2, not 1");
    DIFFERS(t.options.seed = 9, "has seed 1, not 9");
    DIFFERS(t.options.beta = 0.25, "has beta");
    DIFFERS(t.options.free_bits = 0.75, "has free_bits");
    DIFFERS(t.loss.kind = SPIRAL_LOSS_ENERGY, "has loss \"spiral\", not \"energy\"");
    DIFFERS(t.loss.lambda = 3, "has lambda");
    DIFFERS(t.loss.bce = 3, "has bce");
    DIFFERS(t.loss.kl_offset *= 2, "has kl_offset");
    DIFFERS(t.loss.blur_length *= 2, "has blur_length");
    DIFFERS(t.loss.blur_radius = 5, "has blur_radius");
    DIFFERS(t.loss.sigma *= 2, "has sigma");
    DIFFERS(t.loss.time_blur = 1, "has time_blur");
    DIFFERS(t.loss.helix.octave *= 2, "has octave");
    DIFFERS(t.loss.helix.radii[3] = 1, "has helix_radii");
    DIFFERS(t.loss.coil_radius = 3, "has coil_radius");
    DIFFERS(t.loss.coil_rise = 3, "has coil_rise");
    DIFFERS(t.loss.eta = 0.5, "has eta");
    DIFFERS(t.config.latent = 5, "the model to resume: latent is 6, not 5");
    DIFFERS(t.config.hidden = 25, "hidden is 24, not 25");
    DIFFERS(t.config.layers = 1, "layers is 2, not 1");
    DIFFERS(t.config.kind = SPIRAL_MODEL_AE, "kind is vae, not ae");
    DIFFERS(t.config.high = 72, "high is 71, not 72");
    DIFFERS(t.config.drums = 1, "drums is false, not true");
    DIFFERS(t.config.pedal = 1, "pedal is false, not true");
    DIFFERS(t.config.out_of_range = SPIRAL_OUT_OF_RANGE_FIT, "out_of_range is drop, not fit");
#undef DIFFERS
    spiral_corpus *all = pieces_corpus(p.folder, 0, PIECE_T);
    refuse(&before, all, SPIRAL_BAD_ARG, "trained on other files");
    spiral_corpus_destroy(all);
    train_until(before, 1, 41); /* none of these changed the file */
}

static void a_file_that_cannot_be_resumed_is_refused(void **state) {
    (void)state;
    training t = vae_training();
    spiral_model *fresh;
    train_until(t, 0, 41);
    refuse(&t, corpus, SPIRAL_NO_DATA, "finished");
    unlink(p.model);
    refuse(&t, corpus, SPIRAL_IO, "cannot open");
    assert_int_equal(spiral_model_create(&t.config, 1, &fresh, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_save(fresh, p.model, NULL), SPIRAL_OK);
    refuse(&t, corpus, SPIRAL_FORMAT, "record of the training is missing");
    spiral_model_destroy(fresh);
}

/* Saves the model of the unfinished training with one number of its training record changed. */
static void save_changed(const char *name, json_int_t value) {
    spiral_model *m;
    assert_int_equal(spiral_model_load(p.model, &m, NULL), SPIRAL_OK);
    json_t *how = json_loads(spiral_model_get_metadata(m, "training"), 0, NULL);
    assert_non_null(json_object_get(how, name));
    assert_int_equal(json_object_set_new(how, name, json_integer(value)), 0);
    char *text = json_dumps(how, JSON_COMPACT);
    assert_int_equal(spiral_model_set_metadata(m, "training", text, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_save(m, p.model, NULL), SPIRAL_OK);
    free(text);
    json_decref(how);
    spiral_model_destroy(m);
}

/* Impossible counts, and a file without the state. The trainer must then be started or loaded again. */
static void an_impossible_state_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        json_int_t value;
        const char *text;
    } cases[] = {{"step", 77, "step 77 of 41 is not possible"},
                 {"step", -1, "step -1 of 41 is not possible"},
                 {"steps", 0, "step 5 of 0 is not possible"},
                 {"best_step", 3, "best step, 3, is not in its history"},
                 {"step", 5, "\"resume.weights\" is missing"}};
    const training t = vae_training();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spiral_model *m;
        spiral_error err;
        train_until(t, 0, 5);
        save_changed(cases[i].name, cases[i].value);
        spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
        assert_fails(spiral_trainer_load(trainer, p.model, &err), SPIRAL_FORMAT, &err, p.model,
                     cases[i].text);
        assert_fails(spiral_trainer_step(trainer, &err), SPIRAL_BAD_ARG, &err, "not been started");
        assert_int_equal(spiral_trainer_start(trainer, 2, NULL), SPIRAL_OK);
        assert_int_equal(spiral_trainer_step(trainer, NULL), SPIRAL_OK);
        spiral_trainer_destroy(trainer);
        spiral_model_destroy(m);
    }
}

/* A training of the same pieces that was begun and stopped in version 0.1. */
static void a_training_of_version_0_1_is_resumed(void **state) {
    (void)state;
    const char *source = getenv("SPIRAL_SOURCE");
    char old[4096];
    unsigned char *bytes;
    size_t size;
    training t = piece_training();
    t.loss.kind = SPIRAL_LOSS_DISTANCE_MASK; /* it had another name then, and so had eight options */
    t.config.latent = 3;
    t.config.hidden = 8;
    t.plan.steps = OLD_STEPS;
    assert_non_null(source);
    snprintf(old, sizeof old, "%s/tests/train/version-0.1-unfinished.safetensors", source);
    assert_int_equal(spiral__file_read(old, 1 << 20, &bytes, &size, NULL), SPIRAL_OK);
    assert_int_equal(spiral_file_write(p.model, bytes, size, NULL), SPIRAL_OK);
    free(bytes);
    spiral_model *m;
    spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
    assert_int_equal(spiral_trainer_load(trainer, p.model, NULL), SPIRAL_OK);
    spiral_trainer_state s = state_of(trainer);
    assert_true(s.step > 0 && s.step < OLD_STEPS && s.steps == OLD_STEPS && s.best_step > 0);
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(m);

    /* The result is as good as that of this version from the beginning. The bits depend on the processor. */
    spiral_train_progress whole = {.struct_size = sizeof whole}, resumed = whole;
    assert_int_equal(try_training(&t, corpus, held, NULL, &whole, NULL), SPIRAL_OK);
    t.plan.path = p.model;
    t.plan.resume = 1;
    assert_int_equal(try_training(&t, corpus, held, NULL, &resumed, NULL), SPIRAL_OK);
    print_message("# validation %.4f, resumed %.4f\n", whole.valid_loss, resumed.valid_loss);
    assert_true(resumed.step == OLD_STEPS &&
                fabs(resumed.valid_loss - whole.valid_loss) < 0.05 * whole.valid_loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resumed_training_gives_the_same_bytes),
        cmocka_unit_test(a_loaded_trainer_is_the_saved_one),
        cmocka_unit_test(other_options_are_refused_by_name),
        cmocka_unit_test(a_file_that_cannot_be_resumed_is_refused),
        cmocka_unit_test(an_impossible_state_is_refused),
        cmocka_unit_test(a_training_of_version_0_1_is_resumed),
    };
    return cmocka_run_group_tests(tests, set_up, close_music);
}
