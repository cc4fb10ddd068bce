/* SPDX-License-Identifier: MIT
 *
 * The trainer's calls: what each does to model and state, in which order they can be called, and what is
 * refused.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "spiral/eval.h"
#include "training_music.h"

static int set_up(void **state) {
    (void)state;
    return open_music(3, 1, 150, 150, 0);
}

static void step(spiral_trainer *t, int count) {
    spiral_error err = {.text = ""};
    for (int i = 0; i < count; i++)
        if (spiral_trainer_step(t, &err) != SPIRAL_OK) fail_msg("%s", err.text);
}

static void the_trainers_calls_give_the_model_of_spiral_train(void **state) {
    (void)state;
    training t = vae_training();
    t.plan.path = p.model;
    spiral_model *whole = train(&t, corpus, held), *m;
    spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
    float threshold;
    assert_int_equal(spiral_trainer_start(trainer, 41, NULL), SPIRAL_OK);
    for (int i = 1; i <= 41; i++) {
        step(trainer, 1);
        if (i % 2 == 0 || i == 41) assert_int_equal(spiral_trainer_validate(trainer, NULL, NULL), SPIRAL_OK);
    }
    assert_int_equal(spiral_trainer_finish(trainer, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_choose_threshold(m, held, 2, &threshold, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_set_threshold(m, threshold, NULL), SPIRAL_OK);
    assert_memory_equal(m->arena, whole->arena, m->tensors.floats * sizeof(float));
    assert_true(json_equal(m->metadata, whole->metadata));
    assert_true(m->threshold == whole->threshold);
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(m);
    spiral_model_destroy(whole);
}

static void the_state_follows_the_steps(void **state) {
    (void)state;
    training t = piece_training();
    spiral_model *m;
    spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
    spiral_trainer_state s = state_of(trainer);
    assert_true(s.step == 0 && s.steps == 0 && s.best_step == 0 && s.learning_rate == 0 && s.train_loss == 0);
    assert_true(s.windows_per_epoch == (double)corpus->positions / PIECE_T);
    assert_int_equal(spiral_trainer_start(trainer, 40, NULL), SPIRAL_OK);
    s = state_of(trainer);
    assert_true(s.step == 0 && s.steps == 40 && s.learning_rate == spiral__learning_rate(0.008, 1, 40));
    step(trainer, 3);
    s = state_of(trainer);
    assert_true(s.step == 3 && s.best_step == 0 && s.train_loss > 0 && s.train_kl == 0);
    spiral_validation v = {.struct_size = sizeof v};
    assert_int_equal(spiral_trainer_validate(trainer, &v, NULL), SPIRAL_OK);
    assert_true(v.train_loss == s.train_loss && v.loss > 0 && v.f1 > 0 && v.f1 < 1);
    s = state_of(trainer);
    assert_true(s.best_step == 3 && s.best_loss == v.loss && s.best_f1 == v.f1 && s.best_exact == v.exact);
    assert_true(s.train_loss == 0); /* no step since the validation */
    assert_int_equal(spiral_trainer_start(trainer, 7, NULL), SPIRAL_OK);
    s = state_of(trainer);
    assert_true(s.step == 0 && s.steps == 7 && s.best_step == 0);
    spiral_trainer_destroy(trainer);
    spiral_trainer_destroy(NULL);
    spiral_model_destroy(m);
}

static void a_second_start_undoes_all_steps(void **state) {
    (void)state;
    training t = vae_training();
    spiral_model *m;
    spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
    const size_t size = m->tensors.floats * sizeof(float);
    float *first = malloc(size);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(spiral_trainer_start(trainer, 20, NULL), SPIRAL_OK);
        step(trainer, 5);
        if (!round) memcpy(first, m->arena, size);
    }
    assert_memory_equal(first, m->arena, size);
    free(first);
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(m);
}

static void calls_out_of_order_are_refused(void **state) {
    (void)state;
    training t = piece_training();
    spiral_model *m;
    spiral_error err;
    spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
    assert_fails(spiral_trainer_step(trainer, &err), SPIRAL_BAD_ARG, &err, "not been started");
    assert_fails(spiral_trainer_finish(trainer, &err), SPIRAL_BAD_ARG, &err, "not been started");
    assert_fails(spiral_trainer_save(trainer, "/nowhere", &err), SPIRAL_BAD_ARG, &err, "not been started");
    assert_fails(spiral_trainer_start(trainer, 0, &err), SPIRAL_BAD_ARG, &err, "steps is 0");
    assert_int_equal(spiral_trainer_start(trainer, 2, NULL), SPIRAL_OK);
    step(trainer, 2);
    assert_fails(spiral_trainer_step(trainer, &err), SPIRAL_BAD_ARG, &err, "all 2 steps");
    assert_int_equal(spiral_trainer_start(trainer, 5, NULL), SPIRAL_OK);
    step(trainer, 1);
    assert_int_equal(spiral_trainer_finish(trainer, NULL), SPIRAL_OK);
    assert_fails(spiral_trainer_step(trainer, &err), SPIRAL_BAD_ARG, &err, "steps");
    spiral_validation v = {.struct_size = 1};
    assert_fails(spiral_trainer_validate(trainer, &v, &err), SPIRAL_BAD_ARG, &err, "struct_size");
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(m);
}

/* Without a validation, the last weights are the best. */
static void finishing_takes_the_best_weights(void **state) {
    (void)state;
    for (int validated = 0; validated < 2; validated++) {
        training t = piece_training();
        spiral_model *m;
        spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
        const size_t size = m->tensors.trained * sizeof(float);
        float *wanted = malloc(size);
        assert_int_equal(spiral_trainer_start(trainer, 30, NULL), SPIRAL_OK);
        step(trainer, 10);
        if (validated) assert_int_equal(spiral_trainer_validate(trainer, NULL, NULL), SPIRAL_OK);
        memcpy(wanted, m->arena, size);
        step(trainer, validated ? 3 : 0);
        assert_int_equal(spiral_trainer_finish(trainer, NULL), SPIRAL_OK);
        assert_memory_equal(m->arena, wanted, size);
        assert_true(*spiral__tensor_data(m, m->ae.density) > 1); /* the latents were measured */
        json_t *training_of = json_loads(spiral_model_get_metadata(m, "training"), 0, NULL);
        assert_true(json_is_true(json_object_get(training_of, "finished")));
        assert_int_equal(json_integer_value(json_object_get(training_of, "best_step")), validated ? 10 : 0);
        json_decref(training_of);
        free(wanted);
        spiral_trainer_destroy(trainer);
        spiral_model_destroy(m);
    }
}

/* The weights of one key are too large; the error names the only file that has this key. */
static void a_loss_that_is_not_finite_names_the_file(void **state) {
    (void)state;
    pieces q;
    pieces_open(&q);
    for (int i = 0; i < 2; i++) {
        spiral_roll roll;
        assert_int_equal(spiral_roll_create(PIECE_GRID, 60, 0, &roll, NULL), SPIRAL_OK);
        for (size_t t = 0; t < 60; t++) spiral_keys_set(&roll.sounding[t], i ? PIECE_HIGH : PIECE_LOW, 1);
        pieces_add_roll(&q, i ? "high.mid" : "low.mid", &roll);
        spiral_roll_clear(&roll);
    }
    spiral_corpus *c = pieces_corpus(q.folder, 0, PIECE_T);
    for (int i = 0; i < 2; i++) {
        training t = piece_training();
        spiral_model *m;
        spiral_error err;
        spiral_trainer *trainer = make_trainer(&t, c, c, &m);
        assert_int_equal(spiral_trainer_start(trainer, 10, NULL), SPIRAL_OK);
        float *W = spiral__tensor_data(m, m->ae.encoder_in);
        for (size_t frame = 0; frame < PIECE_T; frame++)
            W[(frame * (size_t)m->ae.P + (i ? 11 : 0)) * m->ae.N + m->ae.H] = 3e38f;
        spiral_model_update(m);
        assert_fails(spiral_trainer_step(trainer, &err), SPIRAL_NUMERIC, &err, q.path[i], "at step 1",
                     "0.008");
        assert_fails(spiral_trainer_validate(trainer, NULL, &err), SPIRAL_NUMERIC, &err, q.path[i],
                     "after step 0");
        spiral_trainer_destroy(trainer);
        spiral_model_destroy(m);
    }
    spiral_corpus_destroy(c);
    pieces_close(&q);
}

static void refuse(const training *t, spiral_status status, const char *word, const char *value) {
    spiral_train_options options = t->options;
    spiral_model *m = NULL;
    spiral_trainer *trainer = NULL;
    spiral_error err = {.text = ""};
    options.loss = &t->loss;
    assert_int_equal(spiral_model_create(&t->config, 1, &m, &err), SPIRAL_OK);
    assert_fails(spiral_trainer_create(&options, m, corpus, held, &trainer, &err), status, &err, word, value);
    assert_null(trainer);
    spiral_model_destroy(m);
}

static void options_out_of_range_are_refused_by_name(void **state) {
    (void)state;
    const training before = piece_training();
#define REFUSED(change, status, word, value) \
    do {                                     \
        training t = before;                 \
        change;                              \
        refuse(&t, status, word, value);     \
    } while (0)
    REFUSED(t.options.struct_size = 8, SPIRAL_BAD_ARG, "struct_size", "8");
    REFUSED(t.options.batch = 0, SPIRAL_BAD_ARG, "batch is 0", "1 to 65536");
    REFUSED(t.options.batch = 65537, SPIRAL_BAD_ARG, "batch is 65537", "1 to 65536");
    REFUSED(t.options.learning_rate = 0, SPIRAL_BAD_ARG, "learning_rate is 0", "10");
    REFUSED(t.options.learning_rate = NAN, SPIRAL_BAD_ARG, "learning_rate", "nan");
    REFUSED(t.options.weight_decay = -1, SPIRAL_BAD_ARG, "weight_decay", "-1");
    REFUSED(t.options.beta = -1, SPIRAL_BAD_ARG, "beta", "-1");
    REFUSED(t.options.free_bits = 101, SPIRAL_BAD_ARG, "free_bits", "101");
    REFUSED(t.options.transpose = 25, SPIRAL_BAD_ARG, "transpose", "25");
    REFUSED(t.loss.kind = SPIRAL_LOSS_ARGMAX_DISTANCE, SPIRAL_UNSUPPORTED, "argmax_distance", "gradient");
    REFUSED(t.loss.struct_size = 8, SPIRAL_BAD_ARG, "struct_size", "8");
    REFUSED(t.loss.lambda = -1, SPIRAL_BAD_ARG, "lambda", "-1");
    REFUSED(t.config.frames = PIECE_T - 1, SPIRAL_BAD_ARG, "windows of 8", "of 7");
    REFUSED(t.config.planes = 2, SPIRAL_BAD_ARG, "1 planes", "2");
    REFUSED(t.config.grid.steps_per_quarter = 3, SPIRAL_BAD_ARG, "grid", "model");
#undef REFUSED
}

/* Options without a loss get the default loss; an older struct of loss options gets default fields. */
static void the_default_loss_is_used_if_none_is_given(void **state) {
    (void)state;
    training t = piece_training();
    spiral_loss_options older = t.loss;
    older.struct_size = offsetof(spiral_loss_options, coil_radius);
    older.coil_radius = -1;
    const spiral_loss_options *losses[] = {NULL, &t.loss, &older};
    spiral_model *m[3];
    for (int i = 0; i < 3; i++) {
        spiral_trainer *trainer;
        spiral_train_options options = t.options;
        options.loss = losses[i];
        assert_int_equal(spiral_model_create(&t.config, 1, &m[i], NULL), SPIRAL_OK);
        assert_int_equal(spiral_trainer_create(&options, m[i], corpus, held, &trainer, NULL), SPIRAL_OK);
        assert_int_equal(spiral_trainer_start(trainer, 5, NULL), SPIRAL_OK);
        step(trainer, 5);
        spiral_trainer_destroy(trainer);
    }
    for (int i = 2; i >= 0; i--) {
        assert_memory_equal(m[i]->arena, m[0]->arena, m[0]->tensors.floats * sizeof(float));
        spiral_model_destroy(m[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trainers_calls_give_the_model_of_spiral_train),
        cmocka_unit_test(the_state_follows_the_steps),
        cmocka_unit_test(a_second_start_undoes_all_steps),
        cmocka_unit_test(calls_out_of_order_are_refused),
        cmocka_unit_test(finishing_takes_the_best_weights),
        cmocka_unit_test(a_loss_that_is_not_finite_names_the_file),
        cmocka_unit_test(options_out_of_range_are_refused_by_name),
        cmocka_unit_test(the_default_loss_is_used_if_none_is_given),
    };
    return cmocka_run_group_tests(tests, set_up, close_music);
}
