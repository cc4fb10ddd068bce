/* SPDX-License-Identifier: MIT
 *
 * A whole training as its user sees it: the loss falls, the same seed gives the same bytes for any number of
 * threads, and what cannot work is refused.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "spiral/eval.h"
#include "spiral/isa.h"
#include "training_music.h"

static int set_up(void **state) {
    (void)state;
    return open_music(5, 0, 150, 150, 0);
}

/* What a callback saw. */
typedef struct log {
    double first_loss, last_loss, first_valid, last_valid;
    int64_t last_step;
    int reports, validations;
} log_t;

static int watch(void *context, const spiral_train_progress *progress) {
    log_t *log = context;
    assert_true(progress->struct_size == sizeof *progress);
    assert_true(progress->step > log->last_step && progress->step <= progress->steps);
    assert_true(isfinite(progress->train_loss) && progress->windows_per_s > 0 && progress->eta_s >= 0);
    assert_true(progress->learning_rate >= 0);
    if (!log->reports++) log->first_loss = progress->train_loss;
    log->last_loss = progress->train_loss;
    log->last_step = progress->step;
    if (progress->event == SPIRAL_TRAIN_VALID) {
        if (!log->validations++) log->first_valid = progress->valid_loss;
        log->last_valid = progress->valid_loss;
        assert_true(progress->best_step > 0 && progress->best_step <= progress->step);
    }
    return 0;
}

static json_t *metadata(const spiral_model *m, const char *name) {
    json_t *json = json_loads(spiral_model_get_metadata(m, name), 0, NULL);
    assert_non_null(json);
    return json;
}

static json_int_t integer(const json_t *json, const char *name) {
    return json_integer_value(json_object_get(json, name));
}

/* From principal components on, sixty steps of a small model reduce its loss by a third. */
static void the_loss_falls_and_the_file_says_how(void **state) {
    (void)state;
    training t = piece_training();
    spiral_train_progress result = {.struct_size = sizeof result};
    spiral_model *m = NULL, *loaded;
    log_t log = {.reports = 0};
    t.plan.path = p.model;
    t.plan.callback = watch;
    t.plan.context = &log;
    assert_int_equal(try_training(&t, corpus, held, &m, &result, NULL), SPIRAL_OK);
    print_message("# training %.2f -> %.2f, validation %.2f -> %.2f\n", log.first_loss, log.last_loss,
                  log.first_valid, log.last_valid);
    assert_true(log.last_loss < 0.67 * log.first_loss);
    assert_true(log.last_valid < log.first_valid);
    assert_true(log.reports == 60 && log.validations == 20);
    assert_true(result.step == 60 && result.steps == 60 && result.windows_seen == 60 * 70);
    assert_true(result.best_step > 0 && result.valid_f1 > 0.5);

    /* The trained model is the one in the file. */
    assert_int_equal(spiral_model_load(p.model, &loaded, NULL), SPIRAL_OK);
    assert_memory_equal(m->arena, loaded->arena, m->tensors.floats * sizeof(float));
    assert_true(m->threshold == loaded->threshold);
    json_t *how = metadata(loaded, "training"), *data = metadata(loaded, "data");
    assert_true(json_is_true(json_object_get(how, "finished")));
    assert_true(integer(how, "step") == 60 && json_array_size(json_object_get(how, "history")) == 20);
    assert_true(integer(data, "files") == 4 && integer(data, "files_held_out") == 1);
    assert_true(integer(data, "frames") == 600 && integer(data, "notes_kept") > 100);
    json_decref(how);
    json_decref(data);
    spiral_model_destroy(m);
    spiral_model_destroy(loaded);
}

/* Trained on one piece and validated on its mirror image, the model becomes worse again: the file has the
 * best weights, not the last. */
static void the_best_weights_are_kept(void **state) {
    (void)state;
    spiral_corpus *a = pieces_corpus(p.path[0], 0, PIECE_T), *b = pieces_corpus(p.path[0], 0, PIECE_T);
    spiral_roll *mirror = &b->entries[0].roll;
    for (size_t t = 0; t < mirror->frames; t++) {
        spiral_keys upside_down = {{0, 0}};
        for (int key = PIECE_LOW; key <= PIECE_HIGH; key++)
            if (spiral_keys_get(&mirror->sounding[t], key))
                spiral_keys_set(&upside_down, PIECE_LOW + PIECE_HIGH - key, 1);
        mirror->sounding[t] = upside_down;
    }
    training t = piece_training();
    spiral_train_progress result = {.struct_size = sizeof result};
    spiral_model *m = NULL;
    t.options.learning_rate = 0.05;
    t.plan.steps = 100;
    assert_int_equal(try_training(&t, a, b, &m, &result, NULL), SPIRAL_OK);
    json_t *how = metadata(m, "training"), *entry;
    double least = INFINITY, last = 0;
    json_int_t best_step = 0;
    size_t i;
    json_array_foreach(json_object_get(how, "history"), i, entry) {
        last = json_number_value(json_object_get(entry, "valid"));
        if (last >= least) continue;
        least = last;
        best_step = integer(entry, "step");
    }
    print_message("# best %.3f at step %d, last %.3f\n", least, (int)best_step, last);
    assert_true(last > 1.02 * least && best_step < 100);
    assert_true(result.best_step == best_step && integer(how, "best_step") == best_step);
    assert_true(result.valid_loss == least);

    spiral_validation v = {.struct_size = sizeof v}; /* the saved weights have that score */
    spiral_trainer *trainer;
    spiral_train_options options = t.options;
    options.loss = &t.loss;
    assert_int_equal(spiral_trainer_create(&options, m, a, b, &trainer, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_validate(trainer, &v, NULL), SPIRAL_OK);
    assert_true(v.loss == least && v.f1 == result.valid_f1 && v.exact == result.valid_exact);
    spiral_trainer_destroy(trainer);
    json_decref(how);
    spiral_model_destroy(m);
    spiral_corpus_destroy(a);
    spiral_corpus_destroy(b);
}

/* A model that is large enough learns one piece so that all its windows return without a fault. */
static void one_piece_can_be_learned_exactly(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    spiral_corpus *one = pieces_corpus(p.path[0], 0, PIECE_T);
    training t = piece_training();
    spiral_evaluation e = {.struct_size = sizeof e};
    spiral_metrics model = {.struct_size = sizeof model}, pca = {.struct_size = sizeof pca};
    t.config.latent = 12, t.config.hidden = 64;
    t.plan.steps = 400;
    spiral_model *m = train(&t, one, one);
    assert_int_equal(spiral_model_evaluate(m, one, 0.05, 1, &e, &model, &pca, NULL), SPIRAL_OK);
    print_message("# f1 %.4f, windows without a fault %.3f; linear %.4f, %.3f\n", model.f1,
                  model.exact_windows, pca.f1, pca.exact_windows);
    assert_true(model.f1 > 0.999 && model.exact_windows > 0.9);
    assert_true(model.f1 > pca.f1);
    spiral_model_destroy(m);
    spiral_corpus_destroy(one);
}

static int first_report(void *context, const spiral_train_progress *progress) {
    *(spiral_train_progress *)context = *progress;
    return 1;
}

/* The loss reported is that of the windows plus beta times the divergence reported beside it. */
static void the_kl_term_is_reported(void **state) {
    (void)state;
    training t = vae_training();
    spiral_train_progress with, without;
    t.plan.callback = first_report;
    for (int i = 0; i < 2; i++) {
        t.options.beta = i ? 2.5 : 0;
        t.plan.context = i ? &with : &without;
        assert_int_equal(try_training(&t, corpus, held, NULL, NULL, NULL), SPIRAL_INTERRUPTED);
    }
    assert_int_equal(with.step, 1); /* the weights are the same still */
    assert_true(with.train_kl > 0 && fabs(with.train_kl - without.train_kl) < 1e-9 * with.train_kl);
    assert_true(fabs(with.train_loss - without.train_loss - 2.5 * with.train_kl) < 1e-6 * with.train_loss);
}

static void train_to_file(training *t) {
    t->plan.path = p.model;
    spiral_model_destroy(train(t, corpus, held));
}

static void same_bytes_for_any_threads(const char *isa) {
    training t = vae_training();
    size_t size, other_size;
    assert_int_equal(spiral_isa_set(isa, NULL), SPIRAL_OK);
    train_to_file(&t);
    unsigned char *bytes = model_bytes(&size), *other;
    for (t.options.threads = 2; t.options.threads <= 3; t.options.threads++) {
        train_to_file(&t);
        other = model_bytes(&other_size);
        assert_int_equal(other_size, size);
        assert_memory_equal(bytes, other, size);
        free(other);
    }
    t.options.seed = 2;
    train_to_file(&t);
    other = model_bytes(&other_size);
    assert_true(other_size != size || memcmp(bytes, other, size) != 0);
    free(bytes);
    free(other);
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

/* With our own matrix product, and with that of the BLAS, which the baseline uses where there is one. */
static void the_bytes_do_not_depend_on_the_threads(void **state) {
    (void)state;
    same_bytes_for_any_threads("auto");
    same_bytes_for_any_threads("baseline");
}

static void plans_out_of_range_are_refused_by_name(void **state) {
    (void)state;
    spiral_error err;
#define REFUSED(change, ...)                                                                               \
    do {                                                                                                   \
        training t = piece_training();                                                                     \
        change;                                                                                            \
        assert_fails(try_training(&t, corpus, held, NULL, NULL, &err), SPIRAL_BAD_ARG, &err, __VA_ARGS__); \
    } while (0)
    REFUSED(t.plan.struct_size = 8, "struct_size", "8");
    REFUSED(t.plan.steps = -1, "steps is -1");
    REFUSED((t.plan.steps = 0, t.plan.epochs = -1), "epochs is -1");
    REFUSED((t.plan.steps = 0, t.plan.seconds = 0.5), "seconds is 0.5, must be 1 to");
    REFUSED(t.plan.resume = 1, "resume", "path");
    REFUSED(t.config.latent = 0, "latent is 0");
#undef REFUSED
    training t = piece_training();
    spiral_train_progress result = {.struct_size = 3};
    assert_fails(try_training(&t, corpus, held, NULL, &result, &err), SPIRAL_BAD_ARG, &err, "struct_size",
                 "3");
    t.plan.steps = 1;
    t.plan.path = "/no/such/folder/x";
    assert_fails(try_training(&t, corpus, held, NULL, NULL, &err), SPIRAL_IO, &err, "/no/such/folder/x");
}

/* Rate and decay at their limits throw every weight a hundredfold to the other side at each step. */
static void a_training_that_diverges_ends_with_a_sentence(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    training t = piece_training();
    spiral_error err = {.text = ""};
    t.config.kind = SPIRAL_MODEL_VAE;
    t.options.learning_rate = 10;
    t.options.weight_decay = 10;
    t.plan.steps = 400;
    assert_fails(try_training(&t, corpus, held, NULL, NULL, &err), SPIRAL_NUMERIC, &err, p.folder, ".mid",
                 "not finite", "learning rate than 10");
}

/* Shares of all kinds of work are the whole; measuring changes no byte; what is multiplied is counted. */
static void a_profile_says_where_the_time_goes(void **state) {
    (void)state;
    training t = piece_training();
    size_t size, other_size;
    t.config.decoder = 8;
    t.options.threads = 2;
    t.plan.steps = 20;
    train_to_file(&t);
    unsigned char *bytes = model_bytes(&size), *other;
    assert_int_equal(spiral_train_profile_create(&t.plan.profile, NULL), SPIRAL_OK);
    train_to_file(&t);
    other = model_bytes(&other_size);
    assert_int_equal(other_size, size);
    assert_memory_equal(bytes, other, size);
    double share[SPIRAL_TRAIN_NETWORKS] = {0}, last_layer = 0;
    for (size_t i = 0; i < spiral_train_profile_count(t.plan.profile); i++) {
        spiral_train_profile_row row = {.struct_size = sizeof row};
        spiral_train_profile_get(t.plan.profile, i, &row);
        assert_true(row.share >= 0 && row.seconds >= 0);
        share[row.network] += row.share;
        if (!strcmp(row.name, "last layer, forward")) last_layer = row.operations;
    }
    assert_true(fabs(share[0] - 1) < 0.2 && fabs(share[1] - 1) < 0.2); /* two clocks are compared */
    const double rows = 20 * 70, outputs = 12 * PIECE_T * t.config.planes;
    assert_true(last_layer == 2 * rows * (t.config.hidden + t.config.latent) * outputs);
    assert_true(spiral_train_profile_peak(t.plan.profile) > 1e8);
    t.options.threads = 3;
    assert_int_equal(try_training(&t, corpus, held, NULL, NULL, NULL), SPIRAL_BAD_ARG);
    spiral_train_profile_destroy(t.plan.profile);
    free(bytes);
    free(other);
}

static void an_epoch_is_as_many_windows_as_the_music_has(void **state) {
    (void)state;
    training t = piece_training();
    spiral_train_progress result = {.struct_size = sizeof result};
    t.plan.steps = 0;
    t.plan.epochs = 2.5;
    assert_int_equal(try_training(&t, corpus, held, NULL, &result, NULL), SPIRAL_OK);
    assert_int_equal(result.steps, (int)ceil(2.5 * (double)corpus->positions / PIECE_T / 70));
}

/* The mask of the original answer: silence is its optimum, and training finds it. */
static void the_distance_mask_ends_in_silence(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    training t = piece_training();
    spiral_evaluation e = {.struct_size = sizeof e};
    spiral_metrics metrics = {.struct_size = sizeof metrics};
    t.loss.kind = SPIRAL_LOSS_DISTANCE_MASK;
    t.loss.bce = 0;
    t.plan.steps = 300;
    t.options.learning_rate = 0.02;
    spiral_model *m = train(&t, corpus, held);
    json_t *how = metadata(m, "training"), *history = json_object_get(how, "history");
    double first = json_real_value(json_object_get(json_array_get(history, 0), "f1"));
    double last = json_real_value(json_object_get(json_array_get(history, 19), "f1"));
    assert_int_equal(spiral_model_evaluate(m, held, 0.05, 1, &e, &metrics, NULL, NULL), SPIRAL_OK);
    print_message("# f1 %.3f -> %.3f, density %.3f -> %.4f, threshold %.1f\n", first, last, e.target_density,
                  e.predicted_density, (double)spiral_model_get_threshold(m));
    assert_true(first > 0.2 && last < 0.02);
    assert_true(e.predicted_density < 0.02 * e.target_density);
    json_decref(how);
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_falls_and_the_file_says_how),
        cmocka_unit_test(the_best_weights_are_kept),
        cmocka_unit_test(one_piece_can_be_learned_exactly),
        cmocka_unit_test(the_kl_term_is_reported),
        cmocka_unit_test(the_bytes_do_not_depend_on_the_threads),
        cmocka_unit_test(plans_out_of_range_are_refused_by_name),
        cmocka_unit_test(a_training_that_diverges_ends_with_a_sentence),
        cmocka_unit_test(a_profile_says_where_the_time_goes),
        cmocka_unit_test(an_epoch_is_as_many_windows_as_the_music_has),
        cmocka_unit_test(the_distance_mask_ends_in_silence),
    };
    return cmocka_run_group_tests(tests, set_up, close_music);
}
